//===- EmulatorSupport.h - kernels by hand for the emulator's tests -------===//
#pragma once

#include "tests/emulated/EmulatedOp.h"

namespace swamla::test {

/// How a kernel by hand is launched.
struct HandLaunch {
  unsigned views = 1, block = 32, grid = 1, shared = 0, scratch = 0;
  std::string maps = {}; ///< attributes of tensor maps, with commas between
  unsigned numMaps = 0;
};

/// An llvm.func in the LLVM and NVVM dialects: views %v0, %v1, ..., scratch memory %scratch, tensor
/// maps %m0, ...; %tid is the thread, %smem shared memory. Constants %c0 .. %c9 are i32.
class HandKernel {
public:
  HandKernel(const std::string &body, const HandLaunch &launch);

  const std::string &errors() const { return diagnostics; }
  /// The fault of a run, or nothing.
  std::string run(const std::vector<HostView> &views, const EmulationOptions &options = {}) const;

private:
  std::string diagnostics;
  HandLaunch launch;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::optional<EmulatedKernel> kernel;
};

} // namespace swamla::test
