//===- FetchProgress.cpp - how far a download is --------------------------===//

#include "runtime/fetch/FetchProgress.h"

#include "runtime/base/Format.h"
#include "runtime/base/Log.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace swamla {

/// "12.3 MiB/s" and, where the end is known, "0:12 left".
static std::string speed(uint64_t received, std::optional<uint64_t> missing, double seconds) {
  double rate = static_cast<double>(received) / std::max(seconds, 1e-3);
  std::string text = fmt::format("{}/s", formatBytes(static_cast<uint64_t>(rate)));
  if (missing && rate > 0) {
    constexpr int kMinute = 60;
    auto left = std::llround(std::min(static_cast<double>(*missing) / rate, 1e7));
    text += fmt::format(" | {}:{:02} left", left / kMinute, left % kMinute);
  }
  return text;
}

std::string progressLine(std::string_view file, uint64_t before, uint64_t bytes,
                         std::optional<uint64_t> whole, double seconds) {
  std::optional<uint64_t> missing;
  if (whole)
    missing = *whole - std::min(*whole, bytes);
  return fmt::format("{}: {}{} | {}", file, formatBytes(bytes),
                     whole ? fmt::format(" of {}", formatBytes(*whole)) : "",
                     speed(bytes - std::min(bytes, before), missing, seconds));
}

FetchProgress::FetchProgress(std::string file, Config config)
    : file(std::move(file)), config(std::move(config)) {}

void FetchProgress::progress(uint64_t now, std::optional<uint64_t> whole) {
  // A part that is dropped is not received backwards.
  if (!before || now < bytes) {
    before = now;
    sinceStart.restart();
  }
  received += now - std::min(now, std::max(bytes, *before));
  bytes = now;
  constexpr double kDraw = 0.2;
  if (!config.watched() ||
      sinceLine.seconds() < (config.terminal ? kDraw : config.secondsBetweenLines))
    return;
  sinceLine.restart();
  std::string line = progressLine(file, *before, bytes, whole, sinceStart.seconds());
  if (!config.terminal) {
    logInfo("{}", line);
    return;
  }
  fmt::print(stderr, "\r\x1b[K{}", line);
  std::fflush(stderr);
  drawn = true;
}

void FetchProgress::note(std::string_view message) {
  clear();
  logInfo("{}: {}", file, message);
}

void FetchProgress::done() {
  clear();
  if (!before)
    logInfo("{}: another process has fetched it", file);
  else
    logInfo("{}: {} are there, {}", file, formatBytes(bytes),
            speed(received, {}, sinceStart.seconds()));
}

void FetchProgress::clear() {
  if (std::exchange(drawn, false)) {
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
  }
}

} // namespace swamla
