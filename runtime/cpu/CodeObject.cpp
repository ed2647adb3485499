//===- CodeObject.cpp - a shared object that lives in memory --------------===//
#include "runtime/cpu/CodeObject.h"

#include "runtime/base/File.h"

#include <cerrno>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace swamla {

namespace {
Status writeAll(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return systemError(errno, "cannot write", "memory file for code");
    bytes = bytes.subspan(size_t(count));
  }
  return Status::ok();
}
} // namespace

Result<CodeObject> CodeObject::load(std::span<const std::byte> elf) {
  int fd = ::memfd_create("swamla-code", MFD_CLOEXEC);
  if (fd < 0)
    return systemError(errno, "cannot create", "memory file for code");
  CodeObject object;
  object.file = fd;
  SWAMLA_RETURN_IF_ERROR(writeAll(fd, elf));
  // All symbols are bound now: a missing one must not show in the middle of a step.
  object.handle = ::dlopen(fmt::format("/proc/self/fd/{}", fd).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!object.handle)
    return failedPrecondition(fmt::format("cannot load the kernels: {}", ::dlerror()));
  return object;
}

CodeObject::CodeObject(CodeObject &&other) noexcept
    : file(std::exchange(other.file, -1)), handle(std::exchange(other.handle, nullptr)) {}

CodeObject &CodeObject::operator=(CodeObject &&other) noexcept {
  std::swap(file, other.file);
  std::swap(handle, other.handle);
  return *this;
}

CodeObject::~CodeObject() {
  if (handle)
    ::dlclose(handle);
  if (file >= 0)
    ::close(file);
}

Result<void *> CodeObject::symbol(const std::string &name) const {
  void *address = ::dlsym(handle, name.c_str());
  if (!address)
    return dataCorrupt(fmt::format("the code has no function '{}'", name));
  return address;
}

} // namespace swamla
