//===- LinkElf.cpp - one object to a shared object, in this process -------===//
#include "compiler/Target/CPU/LinkElf.h"

#include "compiler/Target/Code/TemporaryFile.h"

#include "lld/Common/Driver.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace mlir;

namespace swamla {

FailureOr<SmallVector<char, 0>> linkElf(ArrayRef<char> object,
                                        function_ref<InFlightDiagnostic()> emitError) {
  TemporaryFile input("o"), output("so");
  if (failed(input.check(emitError)) || failed(output.check(emitError)) ||
      failed(input.write(object, emitError)))
    return failure();

  const char *arguments[] = {"ld.lld",    "-shared", "--hash-style=gnu", "-z", "now",
                             "-z",        "relro",   "--build-id=none",  "-o", output.path(),
                             input.path()};
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  {
    static std::mutex oneAtATime; // lld keeps its state in globals
    std::lock_guard lock(oneAtATime);
    lld::Result result = lld::lldMain(arguments, stream, stream, {{lld::Gnu, &lld::elf::link}});
    if (result.retCode != 0)
      return emitError() << "linking the kernels failed: " << messages;
  }
  return output.read(emitError);
}

} // namespace swamla
