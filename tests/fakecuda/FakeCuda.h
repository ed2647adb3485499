//===- FakeCuda.h - a CUDA driver without a GPU, for tests ----------------===//
//
// Stands in for libcuda and libcublasLt where there is no GPU, so that the CUDA
// device's own logic is tested there: what it allocates, in which order it
// enqueues what on which stream, what it records and replays. Device memory is
// host memory that begins as garbage; a stream is a thread; kernels are those of
// TestKernels.ptx, by name, in C++. What real kernels compute is not its business.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cuda.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace swamla::fake {

using Command = std::function<void()>;

/// Commands that are recorded instead of run, from several streams, in the order of the calls.
struct Capture {
  std::vector<Command> commands;
  std::set<CUstream> unjoined; ///< streams with work that the first one does not wait for
};

} // namespace swamla::fake

/// The driver's opaque types.
struct CUstream_st {
  CUstream_st();
  ~CUstream_st();
  /// Runs the command after those before it, or records it.
  void enqueue(swamla::fake::Command command);
  void drain();
  bool idle();

  std::shared_ptr<swamla::fake::Capture> capture; ///< of the calling thread's making
  bool origin = false;                            ///< where the capture began

private:
  void work();

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<swamla::fake::Command> commands;
  bool busy = false, stopping = false;
  std::thread thread;
};
