//===- LinkElf.cpp - one object to a shared object, in this process -------===//
#include "compiler/Target/CPU/LinkElf.h"

#include "lld/Common/Driver.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace mlir;

namespace swamla {

namespace {
/// A file of a unique name that goes when this does.
struct TemporaryFile {
  SmallString<128> path;
  std::error_code error;

  explicit TemporaryFile(StringRef suffix)
      : error(llvm::sys::fs::createTemporaryFile("swamla-kernels", suffix, path)), remover(path) {}

  LogicalResult check(function_ref<InFlightDiagnostic()> emitError, StringRef action) const {
    if (!error)
      return success();
    return emitError() << "cannot " << action << " temporary file '" << path.str()
                       << "': " << error.message();
  }

private:
  llvm::FileRemover remover;
};
} // namespace

FailureOr<SmallVector<char, 0>> linkElf(ArrayRef<char> object,
                                        function_ref<InFlightDiagnostic()> emitError) {
  TemporaryFile input("o"), output("so");
  if (failed(input.check(emitError, "create")) || failed(output.check(emitError, "create")))
    return failure();
  {
    llvm::raw_fd_ostream stream(input.path, input.error);
    stream.write(object.data(), object.size());
    stream.close();
    input.error = stream.error();
    stream.clear_error();
  }
  if (failed(input.check(emitError, "write")))
    return failure();

  const char *arguments[] = {"ld.lld",
                             "-shared",
                             "--hash-style=gnu",
                             "-z",
                             "now",
                             "-z",
                             "relro",
                             "--build-id=none",
                             "-o",
                             output.path.c_str(),
                             input.path.c_str()};
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  {
    static std::mutex oneAtATime; // lld keeps its state in globals
    std::lock_guard lock(oneAtATime);
    lld::Result result = lld::lldMain(arguments, stream, stream, {{lld::Gnu, &lld::elf::link}});
    if (result.retCode != 0)
      return emitError() << "linking the kernels failed: " << messages;
  }
  auto linked = llvm::MemoryBuffer::getFile(output.path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  output.error = linked.getError();
  if (failed(output.check(emitError, "read")))
    return failure();
  StringRef bytes = (*linked)->getBuffer();
  return SmallVector<char, 0>(bytes.begin(), bytes.end());
}

} // namespace swamla
