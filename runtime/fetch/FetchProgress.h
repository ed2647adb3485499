//===- FetchProgress.h - how far a download is ----------------------------===//
//
//   fineweb_train_000002.bin: 45.1 MiB of 190.7 MiB | 12.3 MiB/s | 0:12 left
//
// On a terminal one line that is drawn over itself; elsewhere a line every few
// seconds. Only while somebody waits for the file: what comes beside a training
// run says so when it is there.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Timer.h"
#include "runtime/fetch/Download.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace swamla {

/// The line of one download that has begun with `before` bytes and has run for `seconds`.
std::string progressLine(std::string_view file, uint64_t before, uint64_t bytes,
                         std::optional<uint64_t> whole, double seconds);

class FetchProgress final : public DownloadWatcher {
public:
  struct Config {
    bool terminal = false;               ///< of standard error
    double secondsBetweenLines = 10;     ///< where it is none
    std::function<bool()> watched;       ///< whether somebody waits for the file
    std::function<bool()> isInterrupted; ///< see DownloadWatcher
  };
  FetchProgress(std::string file, Config config);
  ~FetchProgress() override { clear(); }
  FetchProgress(const FetchProgress &) = delete;
  FetchProgress &operator=(const FetchProgress &) = delete;

  void progress(uint64_t bytes, std::optional<uint64_t> whole) override;
  void note(std::string_view message) override;
  bool interrupted() override { return config.isInterrupted(); }
  /// Says that the file is there.
  void done();

private:
  void clear();

  std::string file;
  Config config;
  Timer sinceStart, sinceLine;
  std::optional<uint64_t> before; ///< bytes when it began
  uint64_t bytes = 0, received = 0;
  bool drawn = false;
};

} // namespace swamla
