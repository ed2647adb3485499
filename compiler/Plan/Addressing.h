//===- Addressing.h - which layouts an op can address ---------------------===//
//
// What the target of each op can do: a BLAS takes a leading dimension, an
// attention kernel takes heads, a row kernel takes any affine offset with a
// stride of 0 or 1 along the last dim, and for an out also one with a stride of
// 1 along a row dim. Placement asks before it puts a value somewhere; emission
// builds from the same functions.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Plan/Layout.h"
#include "dialects/Step/IR/StepDialect.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

namespace swamla {

/// The offset map of a fused op's operand (ins, then outs) that lies as `layout` says, for
/// step.row_kernel; a null map if the kernel could not address it.
mlir::AffineMap rowKernelMap(FusedOp op, unsigned operand, const Layout &layout);

/// The layout of a tensor with `heads` heads as attention kernels want it; null if they could not
/// address it.
step::HeadsAttr headsLayout(mlir::MLIRContext *context, int64_t heads, const Layout &layout);

/// Whether the op can read its operand, or start from it, where `layout` says.
bool canRead(mlir::OpOperand &operand, const Layout &layout);
/// Whether the op can write its result where `layout` says.
bool canWrite(mlir::OpResult result, const Layout &layout);

/// The number of heads of an attention op's operand or result (1 for tensors without heads).
int64_t headsOfOperand(mlir::OpOperand &operand);
int64_t headsOfResult(mlir::OpResult result);

} // namespace swamla
