//===- CompileFlags.h - compile options on a command line -----------------===//
#pragma once

#include "compiler/Pipelines/CompileOptions.h"

#include "llvm/Support/CommandLine.h"

namespace swamla {

/// Registers MLIR's flags (--mlir-print-ir-after-all, --mlir-timing, ...) and leaves them and
/// `ours` in --help: LLVM's libraries register hundreds more.
void registerToolFlags(llvm::cl::OptionCategory &ours);

/// Copies a flag's value if it was given.
template <typename T, typename V> void assignIfGiven(const llvm::cl::opt<T> &flag, V &value) {
  if (flag.getNumOccurrences() > 0)
    value = flag.getValue();
}

/// The flags of every tool that compiles: options that change the program, whatever it is for.
class CompileFlags {
public:
  explicit CompileFlags(llvm::cl::OptionCategory &category);

  /// What was given; the rest stays as it is. Values are checked by resolveOptions. To be called
  /// before compiling, and once: lld, which links kernels in this process, has a command line of
  /// its own, resets every option, and registers LLVM's --mcpu, which ours makes way for.
  void readInto(CompileOptions &options);

private:
  llvm::cl::opt<std::string> checkpoint;
  llvm::cl::opt<int64_t> lossRows;
  llvm::cl::opt<std::string> microSteps, precision, fp8Recipe, fp8Gradients, fp8Forward;
  llvm::cl::opt<bool> fp8Head;
  llvm::cl::opt<int64_t> ranks, bucketMb;
  llvm::cl::opt<std::string> parallel, target, mcpu;
};

} // namespace swamla
