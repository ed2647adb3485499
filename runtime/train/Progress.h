//===- Progress.h - what a run says while it trains -----------------------===//
//
// On a terminal one line shows how far the run is and is drawn over itself;
// elsewhere plain lines come every few steps. Both say the same of a step:
//
//   [T]  120/5000 | loss 2.3456 | lr 1.00e-03 | norm   0.71 |   45.2 ms |  22656 tok/s
//   [V]  200/5000 | loss 2.1034 | perplexity 8.19
//   [N]  201/5000 | loss nan | norm nan | skip | h.1.mlp.swiglu (kernel swiglu_0 ...
//
// The JSON log has every step. Drawing and logging a step allocates nothing
// once buffers have their size.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/base/Timer.h"
#include "runtime/train/JsonLog.h"

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace swamla {

struct StepReport {
  int64_t step; ///< done, from 1
  double loss, lr, gradNorm;
  double seconds; ///< of this step
};

/// A step that updated nothing, since its loss or gradient norm is not finite.
struct NonFiniteReport {
  int64_t step = 0; ///< from 1
  double loss = 0, gradNorm = 0;
  std::string_view action; ///< "skip" or "stop"
  std::string tensor;      ///< where it began
};

class Progress {
public:
  struct Config {
    int64_t firstStep = 0; ///< done before this run
    int64_t steps = 0;     ///< at the end
    int64_t logEvery = 10; ///< plain lines; 0: none
    uint64_t tokensPerStep = 0;
    bool terminal = false; ///< draw a line over itself
    FILE *out = stdout;
  };
  Progress(const Config &config, JsonLog *log) : config(config), log(log) {}
  /// Leaves the cursor on a new line.
  ~Progress() { clearLine(); }
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  Status step(const StepReport &report);
  Status validation(int64_t step, double loss, uint64_t tokens, double seconds);
  Status nonFinite(const NonFiniteReport &report);
  Status checkpoint(int64_t step, const std::string &path, double seconds);
  /// Writes a line that stays, after removing the progress line.
  void line(std::string_view text);
  /// Removes the progress line, so that someone else can write.
  void clearLine();

private:
  void draw(const StepReport &report);
  void put(bool lineEnd);

  Config config;
  JsonLog *log;
  JsonLine json;
  fmt::memory_buffer text;
  bool lineShown = false;
  Timer sinceStart, sinceDraw;
  double secondsSincePlain = 0; ///< of the steps since the last plain line
  int64_t stepsSincePlain = 0;
};

/// "1:02:03", "4:05".
std::string formatDuration(double seconds);

} // namespace swamla
