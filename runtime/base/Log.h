//===- Log.h - messages for the person at the terminal --------------------===//
//
// One line a message, to stderr, with its level in front except for Info. A
// tool that draws a progress line installs a sink to keep the two apart.
// Logging is safe from several threads; a sink is called by one at a time.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"

#include <functional>
#include <string_view>

namespace swamla {

enum class LogLevel { Error, Warning, Info, Debug };

using LogSink = std::function<void(LogLevel, std::string_view message)>;

/// Messages above this level are dropped; Info at first.
void setLogLevel(LogLevel level);
LogLevel logLevel();
/// Where messages go instead of stderr; an empty sink means stderr again.
void setLogSink(LogSink sink);

/// Writes a message if its level is enabled.
void logMessage(LogLevel level, std::string_view message);
/// An error with its text; the place in the source too when the level is Debug.
void logStatus(const Status &status);

template <typename... Args> void logError(fmt::format_string<Args...> text, Args &&...args) {
  logMessage(LogLevel::Error, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args> void logWarning(fmt::format_string<Args...> text, Args &&...args) {
  logMessage(LogLevel::Warning, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args> void logInfo(fmt::format_string<Args...> text, Args &&...args) {
  if (logLevel() >= LogLevel::Info)
    logMessage(LogLevel::Info, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args> void logDebug(fmt::format_string<Args...> text, Args &&...args) {
  if (logLevel() >= LogLevel::Debug)
    logMessage(LogLevel::Debug, fmt::format(text, std::forward<Args>(args)...));
}

} // namespace swamla
