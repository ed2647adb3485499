//===- Report.h - a comparison as text ------------------------------------===//
#pragma once

#include "Compare.h"

#include <string>

namespace swamla {

/// One line: the verdict, then the worst error of each kind and where it is. An error past its
/// tolerance is marked with `!`.
std::string reportLine(const GoldenCase &golden, const GoldenComparison &comparison,
                       const Tolerances &tolerances);

/// A line for each step and each parameter, with its worst element.
std::string reportTable(const GoldenCase &golden, const GoldenComparison &comparison,
                        const GoldenOutcome &outcome, const Tolerances &tolerances);

} // namespace swamla
