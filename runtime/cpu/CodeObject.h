//===- CodeObject.h - a shared object that lives in memory ----------------===//
#pragma once

#include "runtime/base/Status.h"

#include <cstddef>
#include <span>
#include <string>

namespace swamla {

/// Native code, loaded by the dynamic loader from an anonymous file. It stays loaded as long as
/// this.
class CodeObject {
public:
  CodeObject() = default;
  static Result<CodeObject> load(std::span<const std::byte> elf);
  CodeObject(CodeObject &&other) noexcept;
  CodeObject &operator=(CodeObject &&other) noexcept;
  CodeObject(const CodeObject &) = delete;
  CodeObject &operator=(const CodeObject &) = delete;
  ~CodeObject();

  /// Address of an exported function.
  Result<void *> symbol(const std::string &name) const;

private:
  /// Open as long as the library is loaded: the loader knows libraries by path, and a later file
  /// with the same number under /proc/self/fd would be taken for this one.
  int file = -1;
  void *handle = nullptr;
};

} // namespace swamla
