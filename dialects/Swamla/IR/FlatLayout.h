//===- FlatLayout.h - how parameters lie in the flat buffers --------------===//
#pragma once

#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace swamla {

/// Module attributes that `--swamla-layout-params` sets. Sizes are in elements: parameters with
/// weight decay lie in [0, flatDecay) of the flat buffers, the others in [flatDecay, flatTotal).
inline constexpr llvm::StringLiteral flatDecayAttr = "swamla.flat_decay";
inline constexpr llvm::StringLiteral flatTotalAttr = "swamla.flat_total";

/// Both ranges of the flat buffers are a multiple of this, so that the optimizer sees whole rows.
inline constexpr int64_t flatRowWidth = 1024;

} // namespace swamla
