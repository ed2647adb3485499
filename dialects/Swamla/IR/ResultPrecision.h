//===- ResultPrecision.h - which results a lower precision may round ------===//
#pragma once

namespace swamla {

/// What a lower precision does to a result that is a matrix of floats.
enum class ResultPrecision {
  Narrow, ///< an activation, or the cotangent of one: takes the activations' element type
  Wide,   ///< f32 always: statistics, gradients of parameters, optimizer states
  AsUsed  ///< f32 where nobody wants anything else: a product, which is summed in f32 anyway
};

} // namespace swamla
