//===- DumpPhase.cpp - write what a phase has left ------------------------===//
#include "compiler/Pipelines/Phases.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

namespace swamla {

namespace {
/// Not registered: it writes files, which is for the driver to decide.
class DumpPhasePass : public PassWrapper<DumpPhasePass, OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(DumpPhasePass)

  DumpPhasePass(std::string folder, Phase phase) : folder(std::move(folder)), phase(phase) {}
  StringRef getName() const override { return "DumpPhase"; }

  void runOnOperation() override {
    if (std::error_code error = llvm::sys::fs::create_directories(folder)) {
      getOperation().emitError() << "cannot create folder " << folder << ": " << error.message();
      return signalPassFailure();
    }
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(
        path, llvm::formatv("{0,0+2}-{1}.mlir", static_cast<unsigned>(phase), phaseInfo(phase).name)
                  .str());
    std::string message;
    std::unique_ptr<llvm::ToolOutputFile> file = openOutputFile(path, &message);
    if (!file) {
      getOperation().emitError() << message;
      return signalPassFailure();
    }
    getOperation().print(file->os());
    file->os() << "\n";
    file->keep();
    markAllAnalysesPreserved();
  }

private:
  std::string folder;
  Phase phase;
};
} // namespace

std::unique_ptr<Pass> createDumpPhasePass(std::string folder, Phase phase) {
  return std::make_unique<DumpPhasePass>(std::move(folder), phase);
}

} // namespace swamla
