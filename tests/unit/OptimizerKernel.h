//===- OptimizerKernel.h - the update of @apply as one kernel op ----------===//
#pragma once

#include "compiler/Optimizer/Passes.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace swamla::test {

/// What an update reads and writes: the program's buffers by name, "params", "adamw.m.scale".
using Buffers = std::map<std::string, std::vector<std::byte>>;

/// The numbers of an optimizer, as the runtime and @apply supply them.
struct OptimizerNumbers {
  float factor = 1, norm = 1, lr = 0.01F, beta1 = 0.9F, beta2 = 0.95F, eps = 1e-8F,
        weightDecay = 0.1F, correction1 = 1, correction2 = 1;
};

/// The kernel op that the compiler makes of an update of `elements` parameters, with weight decay,
/// called @kernel.
class OptimizerKernel {
public:
  /// A failure is one of the running test.
  OptimizerKernel(OptimizerKind kind, OptimizerState state, int64_t elements);

  const std::string &text() const { return kernelText; }
  int64_t units() const { return numUnits; }
  /// Launches of updates in @apply.
  unsigned numUpdates() const { return updates; }
  /// All buffers, zero.
  Buffers makeBuffers() const;
  /// The kernel's views, in order, after the numbers have been put in their places.
  std::vector<std::span<std::byte>> views(Buffers &buffers, const OptimizerNumbers &numbers) const;
  /// Where each view begins in its buffer.
  std::vector<unsigned> offsets() const;

private:
  struct View {
    std::string buffer;
    uint64_t offset, bytes;
  };
  void build(OptimizerKind kind, OptimizerState state, int64_t elements);

  std::string kernelText;
  int64_t numUnits = 0;
  unsigned updates = 0;
  std::vector<View> viewList;
  std::map<std::string, uint64_t> bufferBytes;
  std::map<std::string, uint64_t> scalarOffsets;
};

} // namespace swamla::test
