//===- RowKernel.h - CPU code for step.row_kernel -------------------------===//
#pragma once

#include "compiler/Kernels/CPU/CpuTarget.h"
#include "dialects/Step/IR/StepDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

namespace swamla {

/// Generates the function of a row kernel at the builder's insertion point (see KernelBuilder.h for
/// its form). Emits a diagnostic and fails for a kernel that the generator cannot follow.
///
/// The rows of a unit are visited in order. Along a row, the last dim is cut into vectors; what is
/// uniform along the row is computed once, as a scalar. Each pass over the row that a reduce_row
/// asks for recomputes the values that it needs from memory (a row fits in the cache); the results
/// are written in the last pass, so that an out may take over the buffer of an in.
///
/// The bits of a result depend on the region and on the row's width, not on the target's vector
/// length: see RowKernelReduction.cpp.
mlir::FailureOr<mlir::func::FuncOp> buildRowKernel(step::RowKernelOp op, mlir::OpBuilder &builder,
                                                   const CpuTarget &target);

} // namespace swamla
