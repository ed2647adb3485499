//===- CharClass.cpp - letters, numbers, white space ----------------------===//

#include "runtime/text/CharClass.h"

#include <algorithm>
#include <span>

namespace swamla {
namespace {

struct CharRange {
  uint32_t first, last;
};

#include "runtime/text/CharRanges.inc"

constexpr size_t kCodePoints = 0x110000;

} // namespace

CharClasses::CharClasses() : asciiTable{}, table(kCodePoints, CharClass::Other) {
  auto mark = [&](std::span<const CharRange> ranges, CharClass kind) {
    for (const CharRange &range : ranges)
      std::fill(table.begin() + range.first, table.begin() + range.last + 1, kind);
  };
  mark(kLetterRanges, CharClass::Letter);
  mark(kNumberRanges, CharClass::Number);
  mark(kSpaceRanges, CharClass::Space);
  std::copy_n(table.begin(), asciiTable.size(), asciiTable.begin());
}

const CharClasses &CharClasses::get() {
  static const CharClasses classes;
  return classes;
}

} // namespace swamla
