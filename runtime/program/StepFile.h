//===- StepFile.h - a step.bin, loaded and verified -----------------------===//
//
// Loading checks everything once: header, version, size, checksum, the
// flatbuffer verifier, then every index, view, leading dimension and name
// against the tables they refer to. What comes after trusts it.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/schema/step_generated.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace swamla {

class StepFile {
public:
  StepFile(StepFile &&) = default;
  StepFile &operator=(StepFile &&) = default;
  StepFile(const StepFile &) = delete; // `root` points into `bytes`
  StepFile &operator=(const StepFile &) = delete;

  /// Reads and verifies a file. Errors name the path and the place (field, index, expected, found).
  static Result<StepFile> load(const std::string &path);
  /// The same for bytes in memory; `name` stands for the path in errors.
  static Result<StepFile> fromBytes(std::vector<std::byte> bytes, const std::string &name);

  const schema::Step &step() const { return *root; }
  const std::string &name() const { return path; }
  /// XXH3-64 of the content: identifies the program.
  uint64_t checksum() const { return contentChecksum; }

  /// Index of a program or buffer by name; nullopt if there is none.
  std::optional<unsigned> findProgram(std::string_view name) const;
  std::optional<unsigned> findBuffer(std::string_view name) const;
  /// The first buffer of a kind. There is exactly one of Params and Grads (see VerifyStep.cpp).
  std::optional<unsigned> findBuffer(schema::BufferKind kind) const;
  /// nullptr if there is none.
  const schema::Slot *findSlot(std::string_view name) const;

private:
  StepFile() = default;

  std::string path;
  std::vector<std::byte> bytes;
  const schema::Step *root = nullptr;
  uint64_t contentChecksum = 0;
};

} // namespace swamla
