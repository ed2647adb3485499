//===- AttentionKernels.h - attention for the CPU -------------------------===//
//
// Generators of attention and of its gradient, tile by tile with an online
// softmax (Dao, arXiv:2307.08691), for any widths, lengths and strides.
//
// All vectors lie along the queries: scores are kept transposed, S^T = K Q^T, so
// that the softmax over keys runs across rows and needs no horizontal
// operation, and keys and values enter the matrix products as broadcast scalars
// in the order in which they lie in memory. Only queries are ever transposed,
// once for each block of them.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Kernels/CPU/CpuTarget.h"
#include "dialects/Step/IR/StepDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

namespace swamla {

/// Builds the kernel of a verified op at the builder's insertion point: a function of op's name
/// with the attributes step.num_views and step.scratch_bytes. Results do not depend on how the
/// units are distributed over calls.
mlir::FailureOr<mlir::func::FuncOp>
buildAttentionKernel(step::AttentionKernelOp op, mlir::OpBuilder &builder, const CpuTarget &target);

/// The same for the gradient; dk, dv and dshared accumulate in place over blocks of queries.
mlir::FailureOr<mlir::func::FuncOp> buildAttentionGradKernel(step::AttentionGradKernelOp op,
                                                             mlir::OpBuilder &builder,
                                                             const CpuTarget &target);

} // namespace swamla
