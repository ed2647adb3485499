//===- TemporaryFile.cpp - a file that goes when its object does ----------===//
#include "compiler/Target/Code/TemporaryFile.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace swamla {

TemporaryFile::TemporaryFile(StringRef suffix)
    : error(llvm::sys::fs::createTemporaryFile("swamla-kernels", suffix, name)), remover(name) {}

LogicalResult TemporaryFile::check(EmitError emitError, StringRef action) {
  if (!error)
    return success();
  return emitError() << "cannot " << action << " temporary file '" << name.str()
                     << "': " << error.message();
}

LogicalResult TemporaryFile::write(ArrayRef<char> bytes, EmitError emitError) {
  llvm::raw_fd_ostream stream(name, error);
  stream.write(bytes.data(), bytes.size());
  stream.close();
  error = stream.error();
  stream.clear_error();
  return check(emitError, "write");
}

FailureOr<SmallVector<char, 0>> TemporaryFile::read(EmitError emitError) {
  auto buffer = llvm::MemoryBuffer::getFile(name, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  error = buffer.getError();
  if (failed(check(emitError, "read")))
    return failure();
  StringRef bytes = (*buffer)->getBuffer();
  return SmallVector<char, 0>(bytes.begin(), bytes.end());
}

} // namespace swamla
