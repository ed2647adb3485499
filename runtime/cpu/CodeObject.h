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
  void *handle = nullptr;
};

} // namespace swamla
