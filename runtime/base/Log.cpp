//===- Log.cpp - messages for the person at the terminal ------------------===//
#include "runtime/base/Log.h"

#include <atomic>
#include <cstdio>
#include <mutex>

namespace swamla {

namespace {
std::atomic<LogLevel> currentLevel = LogLevel::Info;

struct SinkHolder {
  std::mutex mutex;
  LogSink sink;
};

/// Never destroyed: threads and destructors may log while the process ends.
SinkHolder &sinkHolder() {
  static auto *holder = new SinkHolder;
  return *holder;
}

std::string_view prefix(LogLevel level) {
  switch (level) {
  case LogLevel::Error:
    return "error: ";
  case LogLevel::Warning:
    return "warning: ";
  case LogLevel::Info:
    return "";
  case LogLevel::Debug:
    return "debug: ";
  }
  return "";
}
} // namespace

void setLogLevel(LogLevel level) { currentLevel = level; }
LogLevel logLevel() { return currentLevel; }

void setLogSink(LogSink sink) {
  SinkHolder &holder = sinkHolder();
  std::lock_guard lock(holder.mutex);
  holder.sink = std::move(sink);
}

void logMessage(LogLevel level, std::string_view message) {
  if (level > currentLevel)
    return;
  SinkHolder &holder = sinkHolder();
  std::lock_guard lock(holder.mutex);
  if (holder.sink) {
    holder.sink(level, message);
    return;
  }
  // One write a line, so that lines of several processes do not interleave.
  std::string line = fmt::format("{}{}\n", prefix(level), message);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void logStatus(const Status &status) {
  if (logLevel() >= LogLevel::Debug)
    logError("{} [{}:{}]", status.message(), status.where().file_name(), status.where().line());
  else
    logError("{}", status.message());
}

} // namespace swamla
