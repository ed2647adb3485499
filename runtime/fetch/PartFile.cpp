//===- PartFile.cpp - the part of a file that is there already ------------===//

#include "runtime/fetch/PartFile.h"

#include "runtime/base/File.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace swamla {
namespace {

namespace fs = std::filesystem;

/// Whether the path still names the file that is open: whoever had the lock may have renamed or
/// removed it.
bool isStill(int fd, const std::string &path) {
  struct stat open{}, named{};
  return ::fstat(fd, &open) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/// "SIZE ETAG" as setVersion writes it.
FileIdentity parseVersion(std::string_view text) {
  FileIdentity version;
  size_t space = text.find(' '), end = text.find('\n');
  uint64_t size = 0;
  if (space == std::string_view::npos || end == std::string_view::npos || end < space)
    return version;
  std::string_view digits = text.substr(0, space);
  auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  if (error != std::errc() || stop != digits.data() + digits.size())
    return version;
  version.etag = text.substr(space + 1, end - space - 1);
  if (size > 0)
    version.bytes = size;
  return version;
}

} // namespace

std::string PartFile::pathOf(const std::string &target) {
  fs::path path(target);
  return (path.parent_path() / fmt::format(".{}.part", path.filename().string())).string();
}

Result<std::unique_ptr<PartFile>> PartFile::lock(const std::string &target) {
  std::string part = pathOf(target);
  while (true) {
    int fd = ::open(part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
      return systemError(errno, "cannot create", part);
    std::unique_ptr<PartFile> file(new PartFile(target, part, fd));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK)
        return std::unique_ptr<PartFile>();
      if (errno != EINTR)
        return systemError(errno, "cannot lock", part);
      continue;
    }
    if (!isStill(fd, part))
      continue;
    SWAMLA_RETURN_IF_ERROR(file->load());
    return file;
  }
}

PartFile::~PartFile() {
  if (fd >= 0)
    ::close(fd);
}

Status PartFile::load() {
  struct stat info{};
  if (::fstat(fd, &info) != 0)
    return systemError(errno, "cannot examine", part);
  bytes = static_cast<uint64_t>(info.st_size);
  constexpr uint64_t kMaxVersion = 4096;
  Result<std::vector<std::byte>> text = readFile(versionPath(), kMaxVersion);
  if (text.isOk())
    whole = parseVersion({reinterpret_cast<const char *>(text->data()), text->size()});
  bool known = !whole.etag.empty() && (!whole.bytes || bytes <= *whole.bytes);
  return known ? Status::ok() : clear();
}

Status PartFile::clear() {
  whole = {};
  bytes = 0;
  if (::ftruncate(fd, 0) != 0)
    return systemError(errno, "cannot empty", part);
  return Status::ok();
}

Status PartFile::setVersion(const FileIdentity &version) {
  whole = version;
  return writeFileAtomically(versionPath(),
                             fmt::format("{} {}\n", version.bytes.value_or(0), version.etag));
}

Status PartFile::append(std::span<const std::byte> more) {
  while (!more.empty()) {
    ssize_t count = ::pwrite(fd, more.data(), more.size(), static_cast<off_t>(bytes));
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return systemError(errno, "cannot write", part);
    more = more.subspan(static_cast<size_t>(count));
    bytes += static_cast<uint64_t>(count);
  }
  return Status::ok();
}

Result<std::vector<std::byte>> PartFile::head(size_t count) const {
  std::vector<std::byte> read(std::min<uint64_t>(count, bytes));
  for (size_t done = 0; done < read.size();) {
    ssize_t got = ::pread(fd, read.data() + done, read.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return systemError(got < 0 ? errno : EIO, "cannot read", part);
    done += static_cast<size_t>(got);
  }
  return read;
}

Status PartFile::finish() {
  if (::fsync(fd) != 0)
    return systemError(errno, "cannot write", part);
  SWAMLA_RETURN_IF_ERROR(renameDurably(part, target));
  ::unlink(versionPath().c_str()); // best effort: alone it means nothing
  return Status::ok();
}

Status PartFile::remove() {
  ::unlink(versionPath().c_str());
  if (::unlink(part.c_str()) != 0)
    return systemError(errno, "cannot remove", part);
  return Status::ok();
}

} // namespace swamla
