//===- WriteFile.cpp - a file, all or nothing -----------------------------===//
#include "compiler/Target/StepBin/StepBin.h"

#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <unistd.h>

using namespace llvm;

namespace swamla {

namespace {
Error failWith(StringRef path, std::error_code code) {
  return createStringError(code, "cannot write " + path + ": " + code.message());
}

/// A device or a pipe: what is written to it goes through, and a file must not take its place.
bool isSpecialFile(StringRef path) {
  sys::fs::file_status status;
  return !sys::fs::status(path, status) && sys::fs::exists(status) &&
         !sys::fs::is_regular_file(status) && !sys::fs::is_directory(status);
}

Error writeThrough(StringRef path, ArrayRef<char> bytes) {
  std::error_code code;
  raw_fd_ostream stream(path, code, sys::fs::CD_OpenExisting);
  if (!code) {
    stream.write(bytes.data(), bytes.size());
    stream.close();
    code = stream.error();
    stream.clear_error();
  }
  return code ? failWith(path, code) : Error::success();
}
} // namespace

Error writeFileAtomically(StringRef path, ArrayRef<char> bytes) {
  if (isSpecialFile(path))
    return writeThrough(path, bytes);
  Expected<sys::fs::TempFile> aside =
      sys::fs::TempFile::create(path + ".%%%%%%.tmp", sys::fs::all_read | sys::fs::all_write);
  if (!aside)
    return failWith(path, errorToErrorCode(aside.takeError()));
  auto giveUp = [&](std::error_code code) {
    consumeError(aside->discard());
    return failWith(path, code);
  };
  raw_fd_ostream stream(aside->FD, /*shouldClose=*/false);
  stream.write(bytes.data(), bytes.size());
  stream.flush();
  if (stream.has_error()) {
    std::error_code code = stream.error();
    stream.clear_error();
    return giveUp(code);
  }
  if (fsync(aside->FD) != 0)
    return giveUp(std::error_code(errno, std::generic_category()));
  if (Error error = aside->keep(path))
    return failWith(path, errorToErrorCode(std::move(error)));
  return Error::success();
}

} // namespace swamla
