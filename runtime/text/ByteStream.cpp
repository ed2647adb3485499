//===- ByteStream.cpp - files and what compressed ones hold ---------------===//

#include "runtime/text/ByteStream.h"

#include "runtime/base/File.h"
#include "runtime/base/Format.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <vector>
#include <zlib.h>
#include <zstd.h>

namespace swamla {
namespace {

class FileStream final : public ByteStream {
public:
  FileStream(std::string path, int fd) : path(std::move(path)), fd(fd) {}
  FileStream(const FileStream &) = delete;
  FileStream &operator=(const FileStream &) = delete;
  ~FileStream() override { ::close(fd); }

  Result<size_t> read(char *to, size_t bytes) override {
    constexpr size_t kMostAtOnce = size_t{1} << 30;
    for (;;) {
      ssize_t count = ::read(fd, to, std::min(bytes, kMostAtOnce));
      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0)
        return systemError(errno, "cannot read", path);
      done += static_cast<uint64_t>(count);
      return static_cast<size_t>(count);
    }
  }
  uint64_t consumed() const override { return done; }

private:
  std::string path;
  int fd;
  uint64_t done = 0;
};

class MemoryStream final : public ByteStream {
public:
  explicit MemoryStream(std::string_view bytes) : left(bytes) {}

  Result<size_t> read(char *to, size_t bytes) override {
    size_t count = left.copy(to, bytes);
    left.remove_prefix(count);
    done += count;
    return count;
  }
  uint64_t consumed() const override { return done; }

private:
  std::string_view left;
  uint64_t done = 0;
};

/// What both decompressors do: keep a block of compressed bytes, and know at the file's end whether
/// the data ended too.
class Decompressor : public ByteStream {
public:
  Decompressor(std::unique_ptr<ByteStream> from, std::string name, const char *format)
      : from(std::move(from)), name(std::move(name)), format(format), block(kBlockBytes) {}

  Result<size_t> read(char *to, size_t bytes) final {
    for (;;) {
      if (next == filled && !inputEnded)
        SWAMLA_RETURN_IF_ERROR(fill());
      if (next == filled && inputEnded && betweenParts)
        return size_t{0};
      SWAMLA_TRY(size_t made, decompress(to, bytes));
      if (made > 0)
        return made;
      if (next == filled && inputEnded && !betweenParts)
        return dataCorrupt(fmt::format("{}: the {} data are cut off after {} bytes",
                                       swamla::quoted(name), format, consumed()));
    }
  }
  uint64_t consumed() const final { return from->consumed() - (filled - next); }

protected:
  /// Decompresses from input() to `to`; says what it used up by use(), and whether a member or
  /// frame ended there.
  virtual Result<size_t> decompress(char *to, size_t bytes) = 0;

  std::string_view input() const { return {block.data() + next, filled - next}; }
  void use(size_t bytes, bool partEnded) {
    next += bytes;
    betweenParts = partEnded;
  }
  bool isBetweenParts() const { return betweenParts; }
  Status damaged(std::string_view why) const {
    return dataCorrupt(fmt::format("{}: damaged {} data near byte {}: {}", swamla::quoted(name),
                                   format, consumed(), why));
  }

private:
  static constexpr size_t kBlockBytes = size_t{256} << 10;

  Status fill() {
    SWAMLA_TRY(filled, from->read(block.data(), block.size()));
    next = 0;
    inputEnded = filled == 0;
    return Status::ok();
  }

  std::unique_ptr<ByteStream> from;
  std::string name;
  const char *format;
  std::vector<char> block;
  size_t next = 0, filled = 0;
  bool inputEnded = false, betweenParts = false;
};

class GzipStream final : public Decompressor {
public:
  GzipStream(std::unique_ptr<ByteStream> from, std::string name)
      : Decompressor(std::move(from), std::move(name), "gzip") {}
  ~GzipStream() override { ::inflateEnd(&state); }

  bool start() {
    constexpr int kGzip = 16; // added to the window's size: gzip, not zlib
    return ::inflateInit2(&state, MAX_WBITS + kGzip) == Z_OK;
  }

protected:
  Result<size_t> decompress(char *to, size_t bytes) override {
    std::string_view in = input();
    if (isBetweenParts())
      ::inflateReset(&state); // another member
    constexpr size_t kMostAtOnce = size_t{1} << 30;
    auto room = static_cast<uInt>(std::min(bytes, kMostAtOnce));
    state.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(in.data()));
    state.avail_in = static_cast<uInt>(in.size());
    state.next_out = reinterpret_cast<Bytef *>(to);
    state.avail_out = room;
    int rc = ::inflate(&state, Z_NO_FLUSH);
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
      return damaged(state.msg ? state.msg : ::zError(rc));
    use(in.size() - state.avail_in, rc == Z_STREAM_END);
    return static_cast<size_t>(room - state.avail_out);
  }

private:
  z_stream state = {};
};

class ZstdStream final : public Decompressor {
public:
  ZstdStream(std::unique_ptr<ByteStream> from, std::string name)
      : Decompressor(std::move(from), std::move(name), "zstd"), state(::ZSTD_createDStream()) {}
  ~ZstdStream() override { ::ZSTD_freeDStream(state); }

  bool start() { return state != nullptr; }

protected:
  Result<size_t> decompress(char *to, size_t bytes) override {
    std::string_view text = input();
    ZSTD_inBuffer in = {text.data(), text.size(), 0};
    ZSTD_outBuffer out = {to, bytes, 0};
    size_t rc = ::ZSTD_decompressStream(state, &out, &in);
    if (::ZSTD_isError(rc))
      return damaged(::ZSTD_getErrorName(rc));
    use(in.pos, rc == 0);
    return out.pos;
  }

private:
  ZSTD_DStream *state;
};

template <typename Stream>
Result<std::unique_ptr<ByteStream>> start(std::unique_ptr<ByteStream> from,
                                          const std::string &name) {
  auto stream = std::make_unique<Stream>(std::move(from), name);
  if (!stream->start())
    return resourceExhausted(fmt::format("{}: no memory to decompress", swamla::quoted(name)));
  return std::unique_ptr<ByteStream>(std::move(stream));
}

} // namespace

std::unique_ptr<ByteStream> memoryStream(std::string_view bytes) {
  return std::make_unique<MemoryStream>(bytes);
}

Result<std::unique_ptr<ByteStream>> gunzip(std::unique_ptr<ByteStream> from,
                                           const std::string &name) {
  return start<GzipStream>(std::move(from), name);
}

Result<std::unique_ptr<ByteStream>> unzstd(std::unique_ptr<ByteStream> from,
                                           const std::string &name) {
  return start<ZstdStream>(std::move(from), name);
}

std::string_view withoutCompression(std::string_view path) {
  for (std::string_view suffix : {".gz", ".zst"})
    if (path.ends_with(suffix))
      return path.substr(0, path.size() - suffix.size());
  return path;
}

Result<std::unique_ptr<ByteStream>> openByteStream(const std::string &path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return systemError(errno, "cannot open", path);
  std::unique_ptr<ByteStream> file = std::make_unique<FileStream>(path, fd);
  if (path.ends_with(".gz"))
    return gunzip(std::move(file), path);
  if (path.ends_with(".zst"))
    return unzstd(std::move(file), path);
  return file;
}

} // namespace swamla
