//===- JsonLog.h - a log of one JSON object per line ----------------------===//
//
// Each line is written by one write(2) call and nothing is buffered, so that
// whatever stops the program leaves a file in which every line is valid JSON.
// Building a line reuses one buffer: after the first lines nothing allocates.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace swamla {

/// One JSON object, written field by field. A number that is not finite becomes null.
class JsonLine {
public:
  /// Starts {"event": name, ...
  void begin(std::string_view event);
  JsonLine &field(std::string_view key, double value);
  JsonLine &field(std::string_view key, int64_t value);
  JsonLine &field(std::string_view key, uint64_t value);
  JsonLine &field(std::string_view key, bool value);
  JsonLine &field(std::string_view key, std::string_view value);
  JsonLine &field(std::string_view key, const char *value) {
    return field(key, std::string_view(value));
  }
  /// `json` is put in as it is: it must be valid JSON without a line end.
  JsonLine &raw(std::string_view key, std::string_view json);
  /// Ends the object and the line; valid until the next begin.
  std::string_view finish();

private:
  void key(std::string_view name);
  void raw(std::string_view json);
  void quoted(std::string_view text);

  fmt::memory_buffer buffer;
};

/// The log file. Lines are appended; an unfinished last line of an earlier run is cut off first.
class JsonLog {
public:
  JsonLog() = default;
  JsonLog(JsonLog &&other) noexcept;
  JsonLog &operator=(JsonLog &&other) noexcept;
  ~JsonLog();

  static Result<JsonLog> open(const std::string &path);

  bool isOpen() const { return fd >= 0; }
  Status write(JsonLine &line);

private:
  std::string path;
  int fd = -1;
};

} // namespace swamla
