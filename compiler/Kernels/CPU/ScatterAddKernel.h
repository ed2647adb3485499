//===- ScatterAddKernel.h - CPU code for step.scatter_add_kernel ----------===//
#pragma once

#include "compiler/Kernels/CPU/CpuTarget.h"
#include "dialects/Step/IR/StepDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

namespace swamla {

/// Generates the function of a scatter-add (the gradient of an embedding) at the builder's
/// insertion point. A unit owns `unit_cols` columns of the table and adds the rows in their order.
mlir::FailureOr<mlir::func::FuncOp> buildScatterAddKernel(step::ScatterAddKernelOp op,
                                                          mlir::OpBuilder &builder,
                                                          const CpuTarget &target);

} // namespace swamla
