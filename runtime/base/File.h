//===- File.h - files, read whole, mapped, and written durably ------------===//
//
// Errors carry the path and the system's reason: NotFound for a file that does
// not exist, ResourceExhausted for a full disk, FailedPrecondition for
// permissions and other refusals.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace swamla {

/// Reads a regular file of at most `maxBytes` bytes.
Result<std::vector<std::byte>> readFile(const std::string &path, uint64_t maxBytes);

/// Writes a file piece by piece. Only finish() makes it durable; a writer that is destroyed before
/// leaves a partial file, so give it a name that nobody reads and rename it.
class FileWriter {
public:
  /// Creates the file, or empties it.
  static Result<FileWriter> create(const std::string &path);
  FileWriter(FileWriter &&other) noexcept;
  FileWriter &operator=(FileWriter &&other) noexcept;
  FileWriter(const FileWriter &) = delete;
  FileWriter &operator=(const FileWriter &) = delete;
  ~FileWriter();

  Status append(std::span<const std::byte> bytes);
  Status append(std::string_view text);
  /// Replaces bytes that were written before, such as a count at the start.
  Status overwrite(uint64_t offset, std::span<const std::byte> bytes);
  uint64_t bytesWritten() const { return written; }
  /// Flushes to the disk and closes.
  Status finish();

private:
  FileWriter(std::string path, int fd) : path(std::move(path)), fd(fd) {}

  std::string path;
  int fd = -1;
  uint64_t written = 0;
};

/// Writes `path`.tmp, syncs it, renames it to `path` and syncs the directory: at every moment, and
/// after a crash, `path` has either its old content or all of the new one.
Status writeFileAtomically(const std::string &path, std::span<const std::byte> bytes);
Status writeFileAtomically(const std::string &path, std::string_view text);

/// Renames a file or directory and makes that durable. The target must not be a non-empty
/// directory.
Status renameDurably(const std::string &from, const std::string &to);
/// Makes the entries of a directory durable.
Status syncDirectory(const std::string &path);

/// A read-only file in memory. The file must not be truncated by others while it is mapped.
class MappedFile {
public:
  static Result<MappedFile> open(const std::string &path);
  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return mapping; }
  const std::string &path() const { return name; }

private:
  MappedFile(std::string name, std::span<const std::byte> mapping)
      : name(std::move(name)), mapping(mapping) {}

  std::string name;
  std::span<const std::byte> mapping;
};

/// The Status for a failed system call: "`what` 'path': reason". `error` is errno's value.
Status systemError(int error, std::string_view what, const std::string &path,
                   std::source_location where = std::source_location::current());

} // namespace swamla
