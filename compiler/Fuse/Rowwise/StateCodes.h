//===- StateCodes.h - the code tables of optimizer states -----------------===//
//
// A block of an optimizer state is a scale and one code for each element. The
// magnitudes that codes stand for (before the scale, in [0, 1]) lie in levels:
// level i has n 2^i of them, evenly spaced up to base^(i - last), the top of the
// level; so the first is the finest in absolute terms, the last in relative ones.
// These are the dynamic maps of Dettmers, arXiv:1511.04561 and arXiv:2110.02861,
// with the tops of the levels, 1 among them, as codes.
//
// From number r (0 is zero) to magnitude is then a convex piecewise linear
// function with its kinks at codes, the largest of one line for each level; from
// magnitude to number the smallest of the inverse lines, and rounding that to an
// integer gives the nearest code. No table is read.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "llvm/ADT/SmallVector.h"

namespace swamla {

/// offset + slope * x
struct CodeLine {
  double offset, slope;
};

/// The magnitudes of one kind of state.
struct StateCodes {
  unsigned levels; ///< how many
  double base;     ///< between the tops of neighbouring levels
  unsigned first;  ///< codes of the first level
  bool hasZero;    ///< number 0 is a code; else codes are numbers less one

  /// The codes of a format of integers. A `nonnegative` state is divided by, or by its root, so
  /// that it has no zero: what was not zero must not become it.
  static StateCodes of(StateFormat format, bool nonnegative);

  /// The largest number.
  unsigned last() const { return first * ((1U << levels) - 1); }
  /// Magnitude of a number: the largest of these, a line for each level.
  llvm::SmallVector<CodeLine> magnitudeLines() const;
  /// Number of a magnitude, not rounded yet: the smallest of these.
  llvm::SmallVector<CodeLine> numberLines() const;
};

} // namespace swamla
