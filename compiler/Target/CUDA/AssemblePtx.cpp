//===- AssemblePtx.cpp - PTX to machine code, where there is ptxas --------===//
#include "compiler/Target/CUDA/AssemblePtx.h"

#include "compiler/Target/Code/TemporaryFile.h"

#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace swamla {

namespace {

/// The path of ptxas, or nothing.
std::string findPtxas() {
  if (std::optional<std::string> home = llvm::sys::Process::GetEnv("CUDA_HOME")) {
    SmallString<128> folder(*home);
    llvm::sys::path::append(folder, "bin");
    if (auto path = llvm::sys::findProgramByName("ptxas", {folder.str()}))
      return *path;
  }
  if (auto path = llvm::sys::findProgramByName("ptxas"))
    return *path;
  if (auto path = llvm::sys::findProgramByName("ptxas", {"/usr/local/cuda/bin"}))
    return *path;
  return {};
}

/// Warns about what costs time in the kernels, as `ptxas -v` reports it: a line that names a
/// kernel, then lines about it.
void reportCosts(ModuleOp module, StringRef messages) {
  llvm::Regex entry("Compiling entry function '([^']+)'"), properties("properties for ([^ ]+)"),
      memory("([0-9]+) bytes stack frame, ([0-9]+) bytes spill stores");
  StringRef kernel = "?";
  SmallVector<StringRef> lines, match;
  messages.split(lines, '\n');
  for (StringRef line : lines) {
    if (entry.match(line, &match) || properties.match(line, &match))
      kernel = match[1];
    if (memory.match(line, &match) && (match[1] != "0" || match[2] != "0"))
      module.emitWarning() << "kernel @" << kernel
                           << " does not fit its registers: " << line.trim();
    // Messages C7500 to C7599 are about wgmma.
    if (line.contains("(C75"))
      module.emitWarning() << "ptxas: " << line.trim();
  }
}

} // namespace

FailureOr<SmallVector<char, 0>> assemblePtx(ModuleOp module, ArrayRef<char> ptx,
                                            const CudaTarget &target, bool verbose) {
  std::string ptxas = findPtxas();
  if (ptxas.empty())
    return SmallVector<char, 0>();
  auto emitError = [&] { return module.emitError(); };
  TemporaryFile input("ptx"), output("cubin"), log("log");
  for (TemporaryFile *file : {&input, &output, &log})
    if (failed(file->check(emitError)))
      return failure();
  if (failed(input.write(ptx, emitError)))
    return failure();

  std::string architecture = "-arch=" + target.name();
  StringRef arguments[] = {ptxas, architecture, "-v", "-O3", input.path(), "-o", output.path()};
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(log.path()),
                                          StringRef(log.path())};
  std::string problem;
  int result = llvm::sys::ExecuteAndWait(ptxas, arguments, std::nullopt, redirects,
                                         /*SecondsToWait=*/0, /*MemoryLimit=*/0, &problem);
  FailureOr<SmallVector<char, 0>> messages = log.read(emitError);
  if (failed(messages))
    return failure();
  StringRef text(messages->data(), messages->size());
  if (result != 0)
    return module.emitError() << ptxas << " rejects the kernels (exit status " << result
                              << "): " << problem << text.trim();
  if (verbose)
    llvm::errs() << text;
  reportCosts(module, text);
  return output.read(emitError);
}

} // namespace swamla
