//===- Timer.h - elapsed time ---------------------------------------------===//
#pragma once

#include <chrono>

namespace swamla {

/// Wall time since its construction or last restart, by the monotonic clock.
class Timer {
public:
  Timer() : start(Clock::now()) {}

  double seconds() const { return std::chrono::duration<double>(Clock::now() - start).count(); }
  /// Returns the seconds so far and starts from zero.
  double restart() {
    auto now = Clock::now();
    double elapsed = std::chrono::duration<double>(now - start).count();
    start = now;
    return elapsed;
  }

private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start;
};

} // namespace swamla
