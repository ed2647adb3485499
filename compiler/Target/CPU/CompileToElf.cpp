//===- CompileToElf.cpp - kernels in the LLVM dialect to an ELF object ----===//
#include "compiler/Target/CPU/CompileToElf.h"

#include "compiler/Target/CPU/LinkElf.h"
#include "compiler/Target/Code/Code.h"

#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"

#include <mutex>

using namespace mlir;

namespace swamla {

namespace {

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

} // namespace

FailureOr<SmallVector<char, 0>> compileToElf(ModuleOp module, const CpuTarget &target) {
  static std::once_flag initialized;
  std::call_once(initialized, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
  std::unique_ptr<llvm::TargetMachine> machine =
      createTargetMachine(module, kCpuTriple, target.name(), /*features=*/"");
  if (!machine)
    return failure();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = translateCode(module, context, *machine);
  if (!code)
    return failure();
  if (target.level == 4)
    for (llvm::Function &function : *code)
      if (!function.isDeclaration())
        function.addFnAttr("prefer-vector-width", "512");
  optimizeCode(*code, *machine);

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
