//===- StateCodes.cpp - the code tables of optimizer states ---------------===//
#include "compiler/Fuse/Rowwise/StateCodes.h"

#include <cmath>

namespace swamla {

StateCodes StateCodes::of(StateFormat format, bool nonnegative) {
  if (format == StateFormat::int8)
    return {/*levels=*/7, /*base=*/10.0, /*first=*/nonnegative ? 2U : 1U, !nonnegative};
  assert(format == StateFormat::int4 && "a format of integers");
  if (nonnegative)
    return {/*levels=*/1, /*base=*/1.0, /*first=*/16, /*hasZero=*/false};
  return {/*levels=*/3, /*base=*/10.0, /*first=*/1, /*hasZero=*/true};
}

llvm::SmallVector<CodeLine> StateCodes::magnitudeLines() const {
  llvm::SmallVector<CodeLine> lines;
  double number = 0, magnitude = 0; // where the level begins
  for (unsigned level = 0; level < levels; ++level) {
    double count = first * std::exp2(level);
    double top = std::pow(base, static_cast<int>(level) - static_cast<int>(levels) + 1);
    double slope = (top - magnitude) / count;
    lines.push_back({magnitude - slope * number, slope});
    number += count;
    magnitude = top;
  }
  return lines;
}

llvm::SmallVector<CodeLine> StateCodes::numberLines() const {
  llvm::SmallVector<CodeLine> lines = magnitudeLines();
  for (CodeLine &line : lines)
    line = {-line.offset / line.slope, 1.0 / line.slope};
  return lines;
}

} // namespace swamla
