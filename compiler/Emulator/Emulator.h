//===- Emulator.h - runs GPU kernels without a GPU ------------------------===//
//
// An emulated kernel is what `step-lower-kernels` makes of a kernel op for the
// target "cuda": an llvm.func in the LLVM and NVVM dialects, inline PTX included.
// It computes what a GPU would, on host memory, and is as nasty as the rules of
// the machine allow: loads of the tensor memory accelerator land late, matrix
// products read their operands at the last moment, warps run in random order.
// What a correct kernel must not do is an error with a message: accesses outside
// of a view, misaligned ones, deadlocks, missing proxy fences.
//
// For tests. It needs a CPU with AVX2 and FMA (x86-64-v3).
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Emulator/Machine/Memory.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/Error.h"

#include <memory>

namespace swamla {

struct EmulationOptions {
  uint64_t seed = 0;
  /// Random order of blocks and warps, and everything asynchronous as late or as early as is
  /// allowed. Without it: in order, everything as late as possible.
  bool adversarial = false;
  /// Runs only the first blocks of the grid, which may leave scratch memory as it is; 0: all.
  uint64_t firstBlocks = 0;
};

class EmulatedKernel {
public:
  /// Decodes a kernel. Emits a diagnostic and fails on an op, or inline PTX, that is not emulated.
  static mlir::FailureOr<EmulatedKernel> create(mlir::LLVM::LLVMFuncOp function);

  /// Runs the kernel over its whole grid. `views` are those of its parameters, in order. `scratch`
  /// is the kernel's device memory, if it asks for some: it must be zero, and is left zero.
  /// The error names kernel, op, block and thread.
  llvm::Error launch(llvm::ArrayRef<emulator::MemoryView> views, const EmulationOptions &options,
                     llvm::MutableArrayRef<std::byte> scratch = {}) const;

  llvm::StringRef name() const { return program->name; }
  unsigned numViews() const { return program->numViews; }
  uint64_t scratchBytes() const { return program->scratchBytes; }
  const emulator::Program &decoded() const { return *program; }

private:
  explicit EmulatedKernel(std::shared_ptr<const emulator::Program> program)
      : program(std::move(program)) {}

  std::shared_ptr<const emulator::Program> program;
};

} // namespace swamla
