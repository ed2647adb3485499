//===- PartFile.h - the part of a file that is there already --------------===//
//
// FOLDER/.NAME.part holds the first bytes of FOLDER/NAME, and .NAME.part.from
// says of which version of it (etag and size, in the answer they came with). The
// part is locked by whoever adds to it, so that of several processes one
// downloads and the others wait; the lock goes with the process, whatever ends
// it. Files whose names begin with a dot are never taken for data.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/fetch/HttpAnswer.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace swamla {

class PartFile {
public:
  /// Opens and locks the part of `target`, which is made if there is none. Null: another process
  /// has it. A part of an unknown version is emptied.
  static Result<std::unique_ptr<PartFile>> lock(const std::string &target);
  /// The path of a target's part.
  static std::string pathOf(const std::string &target);
  PartFile(const PartFile &) = delete;
  PartFile &operator=(const PartFile &) = delete;
  ~PartFile();

  const std::string &path() const { return part; }
  uint64_t size() const { return bytes; }
  const FileIdentity &version() const { return whole; }

  /// Drops all bytes.
  Status clear();
  /// Says of which version the bytes are. Before the first append.
  Status setVersion(const FileIdentity &version);
  Status append(std::span<const std::byte> more);
  /// Up to `count` bytes from the start.
  Result<std::vector<std::byte>> head(size_t count) const;
  /// Makes it durable and gives it its name.
  Status finish();
  /// Takes part and version off the disk: they are no good.
  Status remove();

private:
  PartFile(std::string target, std::string part, int fd)
      : target(std::move(target)), part(std::move(part)), fd(fd) {}
  std::string versionPath() const { return part + ".from"; }
  Status load();

  std::string target, part;
  int fd;
  uint64_t bytes = 0;
  FileIdentity whole;
};

} // namespace swamla
