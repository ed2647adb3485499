//===- StepVerifiers.h - checks that several step ops share ---------------===//
#pragma once

#include "dialects/Step/IR/StepDialect.h"

#include <optional>

namespace swamla::step {

/// Checks that `view` lies in a buffer of op's module, has some bytes, and that offset and bytes
/// are multiples of `multiple`. `what` names the view in the error.
mlir::LogicalResult verifyView(mlir::Operation *op, mlir::SymbolTableCollection &symbols,
                               ViewAttr view, const llvm::Twine &what, uint64_t multiple = 2);

/// What a launch of a kernel needs.
struct KernelFootprint {
  llvm::SmallVector<uint64_t> bytes; ///< for each view: bytes from its base that the kernel reaches
  llvm::SmallVector<uint64_t> elementBytes; ///< for each view; empty: those of two bytes or more
  int64_t units = 0;                        ///< 0: decided by the target (attention)
};

/// Nullopt where `op` is not a step kernel.
std::optional<KernelFootprint> kernelFootprint(mlir::Operation *op);

/// Checks that each collective of a program has one wait, behind it, and that no op between the two
/// touches what it reads or writes.
mlir::LogicalResult verifyCollectives(ProgramOp program);

} // namespace swamla::step
