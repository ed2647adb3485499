//===- Recipe.h - where the scales of fp8 tensors come from ---------------===//
#pragma once

namespace swamla {

enum class Recipe {
  Tensorwise, ///< one scale a tensor, from the tensor itself
  Delayed,    ///< one scale a tensor, from what earlier steps have seen at the same site
  Rowwise     ///< one scale a row, from the row itself; weight gradients stay bf16
};

/// The format of cotangents.
enum class GradientFormat {
  E4M3, ///< a bit more of each number: half the error of what the backward rounds
  E5M2  ///< 2^14 more of range under one scale for a tensor
};

/// Steps that the delayed recipe looks back.
inline constexpr unsigned kHistoryLength = 16;

} // namespace swamla
