//===- OptimizerReference.h - optimizers and their states, by definition --===//
//
// A scalar AdamW and Lion, with states whose codes are found by search in a list
// of all magnitudes. Nothing here is the compiler's.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "tests/unit/OptimizerKernel.h"

namespace swamla::test {

/// The magnitudes of a format's codes, ascending, the largest 1; of a number `i` in the list the
/// code is i. Empty for f32 and bf16.
std::vector<double> magnitudesOf(OptimizerState state, bool nonnegative);
/// Elements that share a scale.
size_t blockOf(OptimizerState state);

/// A state as numbers.
struct ReferenceState {
  OptimizerState format;
  bool nonnegative;
  std::vector<float> values;
  /// Replaces the values by what is left of `next` in the format.
  void store(const std::vector<float> &next);
};

/// Parameters and states of a run.
struct ReferenceOptimizer {
  ReferenceOptimizer(OptimizerKind kind, OptimizerState state, std::vector<float> params);
  void step(const std::vector<float> &grads, const OptimizerNumbers &numbers);

  OptimizerKind kind;
  std::vector<float> params;
  ReferenceState m, v; ///< v: AdamW's
};

/// What the buffers say that a state is: "adamw.m" and its scales.
std::vector<float> stateValues(const Buffers &buffers, const std::string &name,
                               OptimizerState format, bool nonnegative, size_t elements);

} // namespace swamla::test
