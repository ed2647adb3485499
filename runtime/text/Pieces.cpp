//===- Pieces.cpp - text cut into the pieces that BPE works on ------------===//

#include "runtime/text/Pieces.h"

#include "runtime/text/CharClass.h"
#include "runtime/text/Utf8.h"

namespace swamla {
namespace {

/// Reads valid UTF-8 character by character.
class Cursor {
public:
  explicit Cursor(std::string_view text)
      : classes(CharClasses::get()), at(text.data()), end(text.data() + text.size()) {}

  bool atEnd() const { return at == end; }
  const char *position() const { return at; }

  /// Looks at the character here, which there must be; `bytes` is its length.
  CharClass peek(size_t &bytes) const {
    auto byte = static_cast<uint8_t>(*at);
    if (byte < 0x80) {
      bytes = 1;
      return classes.ascii(byte);
    }
    auto tail = [&](size_t i) { return static_cast<uint8_t>(at[i]) & 0x3FU; };
    bytes = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    uint32_t code = bytes == 2   ? (byte & 0x1FU) << 6 | tail(1)
                    : bytes == 3 ? (byte & 0xFU) << 12 | tail(1) << 6 | tail(2)
                                 : (byte & 7U) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3);
    return classes[code];
  }

  void advance(size_t bytes) { at += bytes; }

  /// Moves behind all characters of a class that follow here.
  void skip(CharClass kind) {
    size_t bytes = 0;
    while (at != end && peek(bytes) == kind)
      at += bytes;
  }

private:
  const CharClasses &classes;
  const char *at;
  const char *end;
};

/// Bytes of "'s", "'ll" and so on at the start of a text that starts with an apostrophe; 0: none.
size_t contraction(std::string_view text) {
  if (text.size() < 2)
    return 0;
  if (std::string_view("sdmt").find(text[1]) != std::string_view::npos)
    return 2;
  std::string_view two = text.substr(1, 2);
  return two == "ll" || two == "ve" || two == "re" ? 3 : 0;
}

/// A run of white space: without its last character if that could start the next piece.
size_t spacePiece(std::string_view text) {
  Cursor cursor(text);
  const char *last = text.data();
  size_t bytes = 0;
  while (!cursor.atEnd() && cursor.peek(bytes) == CharClass::Space) {
    last = cursor.position();
    cursor.advance(bytes);
  }
  bool keepAll = cursor.atEnd() || last == text.data();
  return static_cast<size_t>((keepAll ? cursor.position() : last) - text.data());
}

bool isAsciiSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// Whether the character that ends at `at` > 0 is white space; the text may be invalid UTF-8.
bool spaceBefore(std::string_view text, size_t at) {
  constexpr size_t kLongest = 4;
  size_t start = at - 1;
  auto isTail = [&] { return (static_cast<uint8_t>(text[start]) & 0xC0) == 0x80; };
  while (start > 0 && at - start < kLongest && isTail())
    --start;
  Utf8Char c = decodeUtf8(text.substr(start, at - start));
  return c.valid && start + c.bytes == at && CharClasses::get()[c.codePoint] == CharClass::Space;
}

bool isSafeCut(std::string_view text, size_t at) {
  return isAsciiSpace(text[at]) && !spaceBefore(text, at);
}

} // namespace

size_t firstPiece(std::string_view text) {
  if (text.front() == '\'')
    if (size_t bytes = contraction(text))
      return bytes;
  Cursor cursor(text);
  size_t bytes = 0;
  CharClass kind = cursor.peek(bytes);
  if (kind == CharClass::Space) {
    if (text.front() != ' ' || text.size() == 1)
      return spacePiece(text);
    cursor.advance(1);
    kind = cursor.peek(bytes);
    if (kind == CharClass::Space)
      return spacePiece(text);
  }
  cursor.advance(bytes);
  cursor.skip(kind);
  return static_cast<size_t>(cursor.position() - text.data());
}

size_t findSafeCut(std::string_view text, size_t from) {
  for (size_t at = from == 0 ? 1 : from; at < text.size(); ++at)
    if (isSafeCut(text, at))
      return at;
  return std::string_view::npos;
}

size_t findLastSafeCut(std::string_view text, size_t to) {
  if (text.empty())
    return std::string_view::npos;
  for (size_t at = to < text.size() ? to : text.size() - 1; at > 0; --at)
    if (isSafeCut(text, at))
      return at;
  return std::string_view::npos;
}

} // namespace swamla
