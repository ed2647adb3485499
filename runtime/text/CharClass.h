//===- CharClass.h - letters, numbers, white space ------------------------===//
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace swamla {

/// What GPT-2's pattern asks of a character.
enum class CharClass : uint8_t {
  Other,
  Letter, ///< general category L
  Number, ///< general category N
  Space   ///< property White_Space
};

/// The classes of all code points, by Unicode 16.0.
class CharClasses {
public:
  static const CharClasses &get();

  CharClass operator[](uint32_t codePoint) const { return table[codePoint]; }
  /// The same for ASCII, in a table that stays in the nearest cache.
  CharClass ascii(uint8_t byte) const { return asciiTable[byte]; }

private:
  CharClasses();

  std::array<CharClass, 128> asciiTable;
  std::vector<CharClass> table;
};

} // namespace swamla
