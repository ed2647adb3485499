//===- CompileToPtx.cpp - kernels in the LLVM dialect to PTX --------------===//
#include "compiler/Target/CUDA/CompileToPtx.h"

#include "compiler/Target/Code/Code.h"

#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"

#include <mutex>

using namespace mlir;

namespace swamla {

namespace {

/// The least version of PTX that has all that the generators use: the driver that loads it need not
/// be newer than that of CUDA 12.4.
constexpr llvm::StringLiteral kPtxVersion = "+ptx84";

/// A kernel is linked with nothing: what it calls must be here.
LogicalResult checkCalls(ModuleOp module, const llvm::Module &code) {
  for (const llvm::Function &function : code)
    if (function.isDeclaration() && !function.isIntrinsic() && !function.use_empty())
      return module.emitError() << "kernels need '" << function.getName()
                                << "', which they do not define";
  return success();
}

} // namespace

FailureOr<SmallVector<char, 0>> compileToPtx(ModuleOp module, const CudaTarget &target) {
  static std::once_flag initialized;
  std::call_once(initialized, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  std::unique_ptr<llvm::TargetMachine> machine =
      createTargetMachine(module, kCudaTriple, target.name(), kPtxVersion);
  if (!machine)
    return failure();
  // Some NVVM ops (waits on mbarriers) have no intrinsic and become inline PTX: in a copy, as the
  // module's kernels may be run without a GPU, which goes by the ops.
  OwningOpRef<ModuleOp> kernels = module.clone();
  PassManager passes(module.getContext());
  passes.addPass(createConvertNVVMToLLVMPass());
  if (failed(passes.run(*kernels)))
    return failure();
  registerNVVMDialectTranslation(*module.getContext());
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = translateCode(*kernels, context, *machine);
  if (!code)
    return failure();
  optimizeCode(*code, *machine);
  if (failed(checkCalls(module, *code)))
    return failure();

  SmallVector<char, 0> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager codegen;
  if (machine->addPassesToEmitFile(codegen, stream, nullptr, llvm::CodeGenFileType::AssemblyFile))
    return module.emitError("LLVM's back end cannot write PTX");
  codegen.run(*code);
  return text;
}

} // namespace swamla
