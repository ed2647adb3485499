//===- OrderedPipeline.h - many workers, results in order -----------------===//
#pragma once

#include "runtime/base/Status.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace swamla {

/// One thread makes inputs, several turn them into outputs, and the caller's takes these in the
/// order of the inputs. Only a few are there at any time.
template <typename Input, typename Output> class OrderedPipeline {
public:
  using Source = std::function<Result<bool>(Input &)>; ///< fills an empty input; false: no more
  using Work = std::function<Result<Output>(const Input &)>;
  using Sink = std::function<Status(const Output &)>;

  /// Runs until the source ends or something fails, and returns the failure that comes first in the
  /// order of the inputs. `makeWork` is called once by each worker.
  static Status run(unsigned workers, const Source &source, const std::function<Work()> &makeWork,
                    const Sink &sink) {
    OrderedPipeline pipeline(workers);
    std::vector<std::thread> threads;
    threads.emplace_back([&] { pipeline.read(source); });
    for (unsigned i = 0; i < workers; ++i)
      threads.emplace_back([&] { pipeline.work(makeWork()); });
    Status status = pipeline.drain(sink);
    pipeline.stop();
    for (std::thread &thread : threads)
      thread.join();
    return status;
  }

private:
  enum class State { Empty, Filled, Working, Done };
  struct Slot {
    State state = State::Empty;
    Input input;
    std::optional<Result<Output>> output;
  };

  /// An input for each worker, some that wait for one, and one each that is read and written.
  explicit OrderedPipeline(unsigned workers) : slots(size_t{workers} + workers / 2 + 3) {}

  Slot &slot(uint64_t number) { return slots[number % slots.size()]; }

  void read(const Source &source) {
    for (uint64_t number = 0;; ++number) {
      Slot &to = slot(number);
      if (!waitFor([&] { return to.state == State::Empty; }))
        return;
      to.input = Input();
      Result<bool> more = source(to.input);
      std::scoped_lock lock(mutex);
      if (!more.isOk()) { // an output without work
        to.output.emplace(std::move(more).takeStatus());
        to.state = State::Done;
        inputs = number + 1;
      } else if (*more) {
        to.state = State::Filled;
      } else {
        inputs = number;
      }
      changed.notify_all();
      if (inputs != kUnknown)
        return;
    }
  }

  void work(const Work &work) {
    for (;;) {
      uint64_t number = 0;
      bool found = waitFor([&] {
        if (nextWork < inputs && slot(nextWork).state == State::Filled) {
          number = nextWork++;
          slot(number).state = State::Working;
          return true;
        }
        return false;
      });
      if (!found)
        return;
      Result<Output> output = work(slot(number).input);
      std::scoped_lock lock(mutex);
      slot(number).output.emplace(std::move(output));
      slot(number).state = State::Done;
      changed.notify_all();
    }
  }

  Status drain(const Sink &sink) {
    for (uint64_t number = 0;; ++number) {
      Slot &from = slot(number);
      waitFor([&] { return number == inputs || from.state == State::Done; });
      if (from.state != State::Done)
        return Status::ok();
      Result<Output> output = *std::move(from.output);
      if (!output.isOk())
        return std::move(output).takeStatus();
      SWAMLA_RETURN_IF_ERROR(sink(*output));
      std::scoped_lock lock(mutex);
      from.output.reset();
      from.state = State::Empty;
      changed.notify_all();
    }
  }

  void stop() {
    std::scoped_lock lock(mutex);
    stopped = true;
    changed.notify_all();
  }

  /// Waits, under the lock, until something holds; false when the pipeline stops before.
  template <typename Condition> bool waitFor(Condition condition) {
    std::unique_lock lock(mutex);
    bool holds = false;
    changed.wait(lock, [&] { return stopped || (holds = condition()); });
    return holds;
  }

  static constexpr uint64_t kUnknown = UINT64_MAX;

  std::vector<Slot> slots;
  std::mutex mutex;
  std::condition_variable changed;
  uint64_t nextWork = 0, inputs = kUnknown;
  bool stopped = false;
};

} // namespace swamla
