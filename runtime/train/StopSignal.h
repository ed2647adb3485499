//===- StopSignal.h - SIGINT and SIGTERM as a request to stop -------------===//
//
// No signal handler may run on a thread that computes: the matrix kernels that
// oneDNN generates use the stack pointer as a general register while they run,
// so the frame of a handler would land in the middle of the heap. The signals
// are therefore blocked in all threads, and one thread that does nothing else
// waits for them.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"

#include <atomic>
#include <csignal>
#include <memory>
#include <thread>

namespace swamla {

/// While one of these lives, the first SIGINT or SIGTERM is kept for the program to look at; a
/// second one ends the process with 128 + its number. Make it before the threads of the program,
/// which inherit the blocked signals, and destroy it on the same thread. At most one at a time.
class StopSignal {
public:
  static Result<std::unique_ptr<StopSignal>> create();
  ~StopSignal();
  StopSignal(const StopSignal &) = delete;
  StopSignal &operator=(const StopSignal &) = delete;

  /// The signal that came, or 0.
  int received() const { return signal.load(); }

private:
  StopSignal() = default;
  void watch();

  std::atomic<int> signal = 0;
  int signals = -1;  ///< signalfd
  int finished = -1; ///< eventfd: the destructor's word to the thread
  sigset_t before{}; ///< mask to restore
  std::thread thread;
};

} // namespace swamla
