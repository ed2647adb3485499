//===- KernelAttrs.h - attributes of a generated kernel's function --------===//
//
// What the generators leave on a kernel's function for step.bin to record.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "llvm/ADT/StringRef.h"

namespace swamla {

// Of every target.
inline constexpr llvm::StringLiteral kNumViewsAttr = "step.num_views";
inline constexpr llvm::StringLiteral kScratchBytesAttr = "step.scratch_bytes";

// Of a GPU: grid (i64 array x, y, z), threads of a block, bytes of dynamic shared memory, and an
// array of step::TensorMapAttr (absent where the kernel has none).
inline constexpr llvm::StringLiteral kGridAttr = "step.grid";
inline constexpr llvm::StringLiteral kBlockAttr = "step.block";
inline constexpr llvm::StringLiteral kSharedBytesAttr = "step.shared_bytes";
inline constexpr llvm::StringLiteral kTensorMapsAttr = "step.tensor_maps";

} // namespace swamla
