//===- File.cpp - files, read whole, mapped, and written durably ----------===//
#include "runtime/base/File.h"

#include "runtime/base/Format.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace swamla {

namespace {
/// A file descriptor that is closed at the end of its scope.
struct ScopedFd {
  int fd;
  explicit ScopedFd(int fd) : fd(fd) {}
  ScopedFd(const ScopedFd &) = delete;
  ScopedFd &operator=(const ScopedFd &) = delete;
  ~ScopedFd() {
    if (fd >= 0)
      ::close(fd);
  }
};

/// Opens a regular file for reading and tells its size.
Result<uint64_t> openRegular(const std::string &path, ScopedFd &file) {
  file.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file.fd < 0)
    return systemError(errno, "cannot open", path);
  struct stat info;
  if (::fstat(file.fd, &info) != 0)
    return systemError(errno, "cannot examine", path);
  if (!S_ISREG(info.st_mode))
    return failedPrecondition(fmt::format("{} is not a regular file", quoted(path)));
  return uint64_t(info.st_size);
}

std::span<const std::byte> asBytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
} // namespace

Status systemError(int error, std::string_view what, const std::string &path,
                   std::source_location where) {
  StatusCode code = StatusCode::FailedPrecondition;
  if (error == ENOENT)
    code = StatusCode::NotFound;
  else if (error == ENOSPC || error == EDQUOT || error == ENOMEM || error == EMFILE ||
           error == ENFILE)
    code = StatusCode::ResourceExhausted;
  else if (error == EAGAIN || error == EBUSY)
    code = StatusCode::Unavailable;
  return Status::error(
      code, fmt::format("{} {}: {}", what, quoted(path), std::generic_category().message(error)),
      where);
}

Result<std::vector<std::byte>> readFile(const std::string &path, uint64_t maxBytes) {
  ScopedFd file(-1);
  SWAMLA_TRY(uint64_t size, openRegular(path, file));
  if (size > maxBytes)
    return dataCorrupt(
        fmt::format("{} has {} bytes; at most {} are expected", quoted(path), size, maxBytes));
  std::vector<std::byte> bytes(size);
  uint64_t done = 0;
  while (done < size) {
    ssize_t count = ::read(file.fd, bytes.data() + done, size - done);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return systemError(errno, "cannot read", path);
    if (count == 0)
      return dataCorrupt(
          fmt::format("{} ended after {} of {} bytes: it was changed while it was read",
                      quoted(path), done, size));
    done += uint64_t(count);
  }
  return bytes;
}

//===----------------------------------------------------------------------===//
// FileWriter
//===----------------------------------------------------------------------===//

Result<FileWriter> FileWriter::create(const std::string &path) {
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0)
    return systemError(errno, "cannot create", path);
  return FileWriter(path, fd);
}

FileWriter::FileWriter(FileWriter &&other) noexcept
    : path(std::move(other.path)), fd(std::exchange(other.fd, -1)), written(other.written) {}

FileWriter &FileWriter::operator=(FileWriter &&other) noexcept {
  std::swap(path, other.path);
  std::swap(fd, other.fd);
  std::swap(written, other.written);
  return *this;
}

FileWriter::~FileWriter() {
  if (fd >= 0)
    ::close(fd);
}

Status FileWriter::append(std::span<const std::byte> bytes) {
  assert(fd >= 0 && "append after finish");
  // Linux writes at most 2^31 - 4096 bytes in one call.
  while (!bytes.empty()) {
    ssize_t count = ::write(fd, bytes.data(), std::min<size_t>(bytes.size(), 1u << 30));
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return systemError(errno, "cannot write", path);
    bytes = bytes.subspan(size_t(count));
    written += uint64_t(count);
  }
  return Status::ok();
}

Status FileWriter::overwrite(uint64_t offset, std::span<const std::byte> bytes) {
  assert(fd >= 0 && offset + bytes.size() <= written && "only what was written");
  while (!bytes.empty()) {
    ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), off_t(offset));
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return systemError(errno, "cannot write", path);
    bytes = bytes.subspan(size_t(count));
    offset += uint64_t(count);
  }
  return Status::ok();
}

Status FileWriter::append(std::string_view text) { return append(asBytes(text)); }

Status FileWriter::finish() {
  assert(fd >= 0 && "finish after finish");
  int open = std::exchange(fd, -1);
  int syncError = ::fsync(open) == 0 ? 0 : errno;
  int closeError = ::close(open) == 0 ? 0 : errno;
  if (syncError)
    return systemError(syncError, "cannot write", path);
  if (closeError)
    return systemError(closeError, "cannot close", path);
  return Status::ok();
}

//===----------------------------------------------------------------------===//
// Durable replacement
//===----------------------------------------------------------------------===//

Status syncDirectory(const std::string &path) {
  ScopedFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.fd < 0)
    return systemError(errno, "cannot open directory", path);
  // Some file systems cannot sync a directory and say EINVAL; there is nothing better to do there.
  if (::fsync(directory.fd) != 0 && errno != EINVAL)
    return systemError(errno, "cannot sync directory", path);
  return Status::ok();
}

Status renameDurably(const std::string &from, const std::string &to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return systemError(errno, fmt::format("cannot rename {} to", quoted(from)), to);
  std::string target = to;
  while (target.size() > 1 && target.back() == '/')
    target.pop_back();
  size_t slash = target.rfind('/');
  if (slash == std::string::npos)
    return syncDirectory(".");
  return syncDirectory(slash == 0 ? "/" : target.substr(0, slash));
}

Status writeFileAtomically(const std::string &path, std::span<const std::byte> bytes) {
  std::string aside = path + ".tmp";
  auto write = [&]() -> Status {
    SWAMLA_TRY(FileWriter writer, FileWriter::create(aside));
    SWAMLA_RETURN_IF_ERROR(writer.append(bytes));
    SWAMLA_RETURN_IF_ERROR(writer.finish());
    return renameDurably(aside, path);
  };
  Status status = write();
  if (!status.isOk())
    ::unlink(aside.c_str()); // best effort: the error that matters is the first one
  return status;
}

Status writeFileAtomically(const std::string &path, std::string_view text) {
  return writeFileAtomically(path, asBytes(text));
}

//===----------------------------------------------------------------------===//
// MappedFile
//===----------------------------------------------------------------------===//

Result<MappedFile> MappedFile::open(const std::string &path) {
  ScopedFd file(-1);
  SWAMLA_TRY(uint64_t size, openRegular(path, file));
  if (size == 0)
    return MappedFile(path, {});
  void *base = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (base == MAP_FAILED)
    return systemError(errno, "cannot map", path);
  return MappedFile(path, {static_cast<const std::byte *>(base), size});
}

MappedFile::MappedFile(MappedFile &&other) noexcept
    : name(std::move(other.name)), mapping(std::exchange(other.mapping, {})) {}

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  std::swap(name, other.name);
  std::swap(mapping, other.mapping);
  return *this;
}

MappedFile::~MappedFile() {
  if (!mapping.empty())
    ::munmap(const_cast<std::byte *>(mapping.data()), mapping.size());
}

} // namespace swamla
