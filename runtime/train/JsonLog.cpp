//===- JsonLog.cpp - a log of one JSON object per line --------------------===//

#include "runtime/train/JsonLog.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace swamla {

/// What every line starts with: tells a log from any other file.
static constexpr std::string_view kLineStart = "{\"event\":";

void JsonLine::begin(std::string_view event) {
  buffer.clear();
  buffer.push_back('{');
  field("event", event);
}

void JsonLine::key(std::string_view name) {
  if (buffer.size() > 1)
    buffer.push_back(',');
  quoted(name);
  buffer.push_back(':');
}

/// Length of the UTF-8 sequence at the start of `text` (RFC 3629), or 0 when there is none.
static size_t utf8Length(std::string_view text) {
  auto at = [&](size_t i) -> unsigned { return static_cast<unsigned char>(text[i]); };
  unsigned lead = at(0);
  size_t length = lead < 0x80   ? 1
                  : lead < 0xC2 ? 0
                  : lead < 0xE0 ? 2
                  : lead < 0xF0 ? 3
                  : lead < 0xF5 ? 4
                                : 0;
  if (length == 0 || length > text.size())
    return 0;
  for (size_t i = 1; i < length; ++i)
    if ((at(i) & 0xC0) != 0x80)
      return 0;
  bool overlong = (lead == 0xE0 && at(1) < 0xA0) || (lead == 0xF0 && at(1) < 0x90);
  bool outside = (lead == 0xED && at(1) >= 0xA0) || (lead == 0xF4 && at(1) >= 0x90);
  return overlong || outside ? 0 : length;
}

void JsonLine::quoted(std::string_view text) {
  buffer.push_back('"');
  while (!text.empty()) {
    size_t length = utf8Length(text);
    unsigned char c = static_cast<unsigned char>(text[0]);
    if (length == 0) {
      fmt::format_to(std::back_inserter(buffer), "\\ufffd");
      length = 1;
    } else if (c == '"' || c == '\\') {
      buffer.push_back('\\');
      buffer.push_back(text[0]);
    } else if (c < 0x20) {
      fmt::format_to(std::back_inserter(buffer), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      buffer.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  buffer.push_back('"');
}

JsonLine &JsonLine::field(std::string_view name, double value) {
  key(name);
  // The shortest text that reads back as the same number.
  if (std::isfinite(value))
    fmt::format_to(std::back_inserter(buffer), "{}", value);
  else
    raw("null");
  return *this;
}

JsonLine &JsonLine::field(std::string_view name, int64_t value) {
  key(name);
  fmt::format_to(std::back_inserter(buffer), "{}", value);
  return *this;
}

JsonLine &JsonLine::field(std::string_view name, uint64_t value) {
  key(name);
  fmt::format_to(std::back_inserter(buffer), "{}", value);
  return *this;
}

JsonLine &JsonLine::field(std::string_view name, bool value) {
  key(name);
  fmt::format_to(std::back_inserter(buffer), "{}", value);
  return *this;
}

JsonLine &JsonLine::field(std::string_view name, std::string_view value) {
  key(name);
  quoted(value);
  return *this;
}

void JsonLine::raw(std::string_view json) { buffer.append(json); }

JsonLine &JsonLine::raw(std::string_view name, std::string_view json) {
  key(name);
  raw(json);
  return *this;
}

std::string_view JsonLine::finish() {
  buffer.push_back('}');
  buffer.push_back('\n');
  return {buffer.data(), buffer.size()};
}

JsonLog::JsonLog(JsonLog &&other) noexcept
    : path(std::move(other.path)), fd(std::exchange(other.fd, -1)) {}

JsonLog &JsonLog::operator=(JsonLog &&other) noexcept {
  std::swap(path, other.path);
  std::swap(fd, other.fd);
  return *this;
}

JsonLog::~JsonLog() {
  if (fd >= 0)
    ::close(fd);
}

/// Cuts off what follows the last line end. Returns false with errno set.
static bool dropPartialLine(int fd, off_t size) {
  off_t end = size;
  char block[4096];
  while (end > 0) {
    size_t want = static_cast<size_t>(std::min<off_t>(end, sizeof(block)));
    ssize_t got = ::pread(fd, block, want, end - static_cast<off_t>(want));
    if (got != static_cast<ssize_t>(want))
      return false;
    const void *newline = ::memrchr(block, '\n', want);
    if (newline) {
      end = end - static_cast<off_t>(want) + (static_cast<const char *>(newline) - block) + 1;
      break;
    }
    end -= static_cast<off_t>(want);
  }
  return end == size || ::ftruncate(fd, end) == 0;
}

Result<JsonLog> JsonLog::open(const std::string &path) {
  JsonLog log;
  log.path = path;
  log.fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  struct stat info{};
  if (log.fd < 0 || ::fstat(log.fd, &info) != 0)
    return failedPrecondition(
        fmt::format("cannot open log file {}: {}", path, std::strerror(errno)));
  if (!S_ISREG(info.st_mode))
    return log; // a pipe or a terminal has no earlier content
  char start[kLineStart.size()];
  if (info.st_size > 0 &&
      (::pread(log.fd, start, sizeof(start), 0) != static_cast<ssize_t>(sizeof(start)) ||
       std::string_view(start, sizeof(start)) != kLineStart))
    return invalidArgument(fmt::format(
        "{} exists and is not a log of swamla-run (expected it to start with {}); it is "
        "left as it is: choose another file for --log",
        path, kLineStart));
  if (!dropPartialLine(log.fd, info.st_size))
    return failedPrecondition(
        fmt::format("cannot read log file {}: {}", path, std::strerror(errno)));
  return log;
}

Status JsonLog::write(JsonLine &line) {
  std::string_view text = line.finish();
  while (!text.empty()) {
    ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return resourceExhausted(
          fmt::format("cannot write to log file {}: {}", path, std::strerror(errno)));
    text.remove_prefix(static_cast<size_t>(n));
  }
  return Status::ok();
}

} // namespace swamla
