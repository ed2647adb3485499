//===- CompileToElf.cpp - kernels in the LLVM dialect to an ELF object ----===//
#include "compiler/Target/CPU/CompileToElf.h"

#include "compiler/Target/CPU/LinkElf.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"

#include <mutex>

using namespace mlir;

namespace swamla {

namespace {

std::unique_ptr<llvm::TargetMachine> createTargetMachine(ModuleOp module, const CpuTarget &cpu) {
  static std::once_flag initialized;
  std::call_once(initialized, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
  llvm::Triple triple(kCpuTriple);
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target) {
    module.emitError() << "no LLVM back end for " << triple.str() << ": " << error;
    return nullptr;
  }
  llvm::TargetOptions options;
  // A multiplication and an addition stay two operations: bits must not depend on what was fused.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(triple, cpu.name(), /*Features=*/"", options, llvm::Reloc::PIC_,
                                  std::nullopt, llvm::CodeGenOptLevel::Default));
}

/// The module's functions and globals alone: the rest means nothing to LLVM.
OwningOpRef<ModuleOp> extractCode(ModuleOp module) {
  OwningOpRef<ModuleOp> code = ModuleOp::create(module.getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(code->getBody());
  for (Operation &op : module.getOps())
    if (isa<LLVM::LLVMFuncOp, LLVM::GlobalOp>(op))
      builder.clone(op);
  return code;
}

std::unique_ptr<llvm::Module> translate(ModuleOp module, llvm::LLVMContext &context,
                                        const CpuTarget &cpu, llvm::TargetMachine &machine) {
  registerBuiltinDialectTranslation(*module.getContext());
  registerLLVMDialectTranslation(*module.getContext());
  OwningOpRef<ModuleOp> code = extractCode(module);
  std::unique_ptr<llvm::Module> translated = translateModuleToLLVMIR(*code, context, "kernels");
  if (!translated)
    return nullptr;
  translated->setTargetTriple(machine.getTargetTriple());
  translated->setDataLayout(machine.createDataLayout());
  for (llvm::Function &function : *translated) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", cpu.name());
    function.addFnAttr(llvm::Attribute::NoUnwind);
    if (cpu.level == 4)
      function.addFnAttr("prefer-vector-width", "512");
  }
  return translated;
}

/// Whether libc or libm has a function.
bool isInSystemLibraries(const llvm::TargetLibraryInfo &info, StringRef name) {
  llvm::LibFunc known;
  if (info.getLibFunc(name, known))
    return info.has(known);
  // The back end calls these without ever optimising a call of them, so LLVM's table lacks them.
  return llvm::is_contained({"fma", "fmaf", "sincos", "sincosf"}, name);
}

/// Fails if the object needs a symbol that its loader will not find. It is the object that is
/// asked, not the code: the back end has its own ideas of what to call.
LogicalResult checkSymbols(ModuleOp module, ArrayRef<char> object, const llvm::Triple &triple) {
  llvm::MemoryBufferRef buffer(StringRef(object.data(), object.size()), "kernels");
  auto file = llvm::object::ObjectFile::createELFObjectFile(buffer);
  if (!file)
    return module.emitError() << "LLVM wrote an object that it cannot read: "
                              << llvm::toString(file.takeError());
  llvm::TargetLibraryInfoImpl library(triple);
  llvm::TargetLibraryInfo info(library);
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    llvm::Expected<uint32_t> flags = symbol.getFlags();
    llvm::Expected<StringRef> name = symbol.getName();
    if (!flags || !name)
      return module.emitError() << "LLVM wrote a symbol that it cannot read: "
                                << llvm::toString(
                                       llvm::joinErrors(flags.takeError(), name.takeError()));
    if (!(*flags & llvm::object::SymbolRef::SF_Undefined) || name->empty() ||
        isInSystemLibraries(info, *name))
      continue;
    return module.emitError() << "kernels need '" << *name
                              << "', which is neither theirs nor in libc or libm";
  }
  return success();
}

/// Kernels come vectorised and with their loops as they should be: of LLVM's passes, those for
/// scalar code and loop invariants are wanted, the vectorisers and the unroller are not.
void optimize(llvm::Module &code, llvm::TargetMachine &machine) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopUnrolling = false;
  tuning.LoopInterleaving = false;
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder passes(&machine, tuning);
  passes.registerModuleAnalyses(modules);
  passes.registerCGSCCAnalyses(graphs);
  passes.registerFunctionAnalyses(functions);
  passes.registerLoopAnalyses(loops);
  passes.crossRegisterProxies(loops, functions, graphs, modules);
  passes.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(code, modules);
}

} // namespace

FailureOr<SmallVector<char, 0>> compileToElf(ModuleOp module, const CpuTarget &target) {
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(module, target);
  if (!machine)
    return failure();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = translate(module, context, target, *machine);
  if (!code)
    return module.emitError("kernels cannot be translated to LLVM IR");
  optimize(*code, *machine);

  SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager codegen;
  if (machine->addPassesToEmitFile(codegen, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    return module.emitError("LLVM's back end cannot write objects");
  codegen.run(*code);
  if (failed(checkSymbols(module, object, machine->getTargetTriple())))
    return failure();
  return linkElf(object, [&] { return module.emitError(); });
}

} // namespace swamla
