//===- KernelTarget.h - what a target brings to the lowering of kernels ---===//
#pragma once

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

#include <memory>
#include <string>

namespace swamla {

/// One of the functions that a kernel op becomes, in the order in which a launch runs them.
struct KernelPart {
  std::string name;                  ///< of the function
  llvm::SmallVector<unsigned> views; ///< of the op that the function takes, in its order
};

/// One compilation target of the kernel ops (step.row_kernel, attention_kernel, ...). A target is
/// one subfolder of compiler/Kernels and one line of `createKernelTarget`.
class KernelTarget {
public:
  virtual ~KernelTarget() = default;

  /// The code that the target's loader must be able to run, as step.bin records it: "x86-64-v4".
  virtual std::string architecture() const = 0;

  /// Whether the target has a generator for the op.
  virtual bool hasGenerator(mlir::Operation *op) const = 0;
  /// Generates the kernel of one op at the builder's insertion point. Returns its parts; none means
  /// one function under the op's name that takes all views. Emits a diagnostic and fails where it
  /// cannot.
  virtual mlir::FailureOr<llvm::SmallVector<KernelPart>>
  generate(mlir::Operation *op, mlir::OpBuilder &builder) const = 0;

  /// Converts the generated kernels of the module to the LLVM dialect.
  virtual mlir::LogicalResult lowerToLLVM(mlir::ModuleOp module) const = 0;
};

/// Makes the target called `name` ("cpu" or "cuda") for `architecture` (for the CPU: x86-64-v2,
/// -v3, -v4 or native; for CUDA: sm_90a). Reports to `emitError` and returns null if there is no
/// such thing.
std::unique_ptr<KernelTarget>
createKernelTarget(llvm::StringRef name, llvm::StringRef architecture,
                   llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

} // namespace swamla
