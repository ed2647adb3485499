//===- Utf8.h - text as bytes and code points -----------------------------===//
//
// Invalid UTF-8 is read as Python's errors="replace" reads it, which is what
// Unicode recommends (section 3.9, "U+FFFD Substitution of Maximal Subparts"):
// each longest start of a sequence that could have become valid, or else each
// byte, stands for one U+FFFD.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace swamla {

inline constexpr uint32_t kReplacementCharacter = 0xFFFD;

struct Utf8Char {
  uint32_t codePoint = kReplacementCharacter; ///< that if not valid
  uint8_t bytes = 1; ///< read; of an invalid sequence what one U+FFFD covers
  bool valid = false;
  bool cutOff = false; ///< not valid only because the text ends here
};

/// Reads the first character of a text that is not empty.
Utf8Char decodeUtf8(std::string_view text);

/// Bytes up to the first that is not part of valid UTF-8; text.size() where all of it is valid.
size_t validUtf8Prefix(std::string_view text);

/// Appends a code point, which must not be a surrogate, as UTF-8.
void appendUtf8(std::string &text, uint32_t codePoint);

/// Appends `text` to `out` with U+FFFD for what is invalid.
void appendReplacingInvalid(std::string &out, std::string_view text);

} // namespace swamla
