//===- Streams.cpp - streams, events and graphs of the fake driver --------===//
#include "tests/fakecuda/FakeCuda.h"

#include <chrono>

using namespace swamla::fake;
using Clock = std::chrono::steady_clock;

//===----------------------------------------------------------------------===//
// Streams
//===----------------------------------------------------------------------===//

static std::mutex allMutex;
static std::set<CUstream> allStreams;

CUstream_st::CUstream_st() : thread([this] { work(); }) {
  std::lock_guard lock(allMutex);
  allStreams.insert(this);
}

CUstream_st::~CUstream_st() {
  {
    std::lock_guard lock(allMutex);
    allStreams.erase(this);
  }
  {
    std::lock_guard lock(mutex);
    stopping = true;
  }
  changed.notify_all();
  thread.join();
}

void CUstream_st::work() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [&] { return stopping || !commands.empty(); });
    if (commands.empty())
      return;
    Command command = std::move(commands.front());
    commands.pop_front();
    busy = true;
    lock.unlock();
    command();
    lock.lock();
    busy = false;
    changed.notify_all();
  }
}

void CUstream_st::enqueue(Command command) {
  if (capture) {
    capture->commands.push_back(std::move(command));
    if (!origin)
      capture->unjoined.insert(this);
    return;
  }
  std::lock_guard lock(mutex);
  commands.push_back(std::move(command));
  changed.notify_all();
}

void CUstream_st::drain() {
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return commands.empty() && !busy; });
}

bool CUstream_st::idle() {
  std::lock_guard lock(mutex);
  return commands.empty() && !busy;
}

CUresult cuStreamCreate(CUstream *stream, unsigned) {
  *stream = new CUstream_st;
  return CUDA_SUCCESS;
}
CUresult cuStreamDestroy(CUstream stream) {
  delete stream;
  return CUDA_SUCCESS;
}
CUresult cuStreamSynchronize(CUstream stream) {
  if (stream->capture)
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  stream->drain();
  return CUDA_SUCCESS;
}
CUresult cuStreamQuery(CUstream stream) {
  if (stream->capture)
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  return stream->idle() ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}
CUresult cuCtxSynchronize() {
  std::lock_guard lock(allMutex);
  for (CUstream stream : allStreams)
    stream->drain();
  return CUDA_SUCCESS;
}
CUresult cuStreamWaitValue32(CUstream stream, CUdeviceptr address, cuuint32_t value, unsigned) {
  stream->enqueue([=] {
    while (std::atomic_ref(*reinterpret_cast<uint32_t *>(address)).load() != value)
      std::this_thread::yield();
  });
  return CUDA_SUCCESS;
}

//===----------------------------------------------------------------------===//
// Events
//===----------------------------------------------------------------------===//

struct CUevent_st {
  std::mutex mutex;
  std::condition_variable changed;
  uint64_t recorded = 0, reached = 0;
  Clock::time_point time;
  // The record that is part of a capture, and its stream.
  std::shared_ptr<Capture> capture;
  CUstream stream = nullptr;

  void reach(uint64_t number) {
    std::lock_guard lock(mutex);
    reached = number;
    time = Clock::now();
    changed.notify_all();
  }
  void wait(uint64_t number) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return reached >= number; });
  }
};

CUresult cuEventCreate(CUevent *event, unsigned) {
  *event = new CUevent_st;
  return CUDA_SUCCESS;
}
CUresult cuEventDestroy(CUevent event) {
  delete event;
  return CUDA_SUCCESS;
}
CUresult cuEventRecord(CUevent event, CUstream stream) {
  event->capture = stream->capture;
  event->stream = stream;
  if (!stream->capture)
    stream->enqueue([event, number = ++event->recorded] { event->reach(number); });
  return CUDA_SUCCESS;
}
CUresult cuEventSynchronize(CUevent event) {
  if (event->capture)
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  event->wait(event->recorded);
  return CUDA_SUCCESS;
}
CUresult cuEventElapsedTime(float *ms, CUevent begin, CUevent end) {
  if (begin->reached == 0 || end->reached == 0)
    return CUDA_ERROR_INVALID_HANDLE;
  *ms = std::chrono::duration<float, std::milli>(end->time - begin->time).count();
  return CUDA_SUCCESS;
}
CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned) {
  if (event->capture) {
    // The commands of a graph run one by one, so only membership is to be settled.
    if (stream->capture && stream->capture != event->capture)
      return CUDA_ERROR_STREAM_CAPTURE_MERGE;
    stream->capture = event->capture;
    if (stream->origin)
      event->capture->unjoined.erase(event->stream);
    return CUDA_SUCCESS;
  }
  if (stream->capture)
    return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
  if (event->recorded > 0)
    stream->enqueue([event, number = event->recorded] { event->wait(number); });
  return CUDA_SUCCESS;
}

//===----------------------------------------------------------------------===//
// Graphs
//===----------------------------------------------------------------------===//

struct CUgraph_st {
  std::vector<Command> commands;
};
struct CUgraphExec_st {
  std::vector<Command> commands;
};

CUresult cuStreamBeginCapture(CUstream stream, CUstreamCaptureMode) {
  if (stream->capture)
    return CUDA_ERROR_ILLEGAL_STATE;
  stream->capture = std::make_shared<Capture>();
  stream->origin = true;
  return CUDA_SUCCESS;
}
CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
  if (!stream->capture || !stream->origin)
    return CUDA_ERROR_ILLEGAL_STATE;
  std::shared_ptr<Capture> capture = std::move(stream->capture);
  stream->origin = false;
  std::lock_guard lock(allMutex);
  for (CUstream other : allStreams)
    if (other->capture == capture)
      other->capture.reset();
  if (!capture->unjoined.empty())
    return CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
  *graph = new CUgraph_st{capture->commands};
  return CUDA_SUCCESS;
}
CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph, unsigned long long) {
  *exec = new CUgraphExec_st{graph->commands};
  return CUDA_SUCCESS;
}
CUresult cuGraphUpload(CUgraphExec, CUstream) { return CUDA_SUCCESS; }
CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream) {
  if (stream->capture)
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  for (const Command &command : exec->commands)
    stream->enqueue(command);
  return CUDA_SUCCESS;
}
CUresult cuGraphDestroy(CUgraph graph) {
  delete graph;
  return CUDA_SUCCESS;
}
CUresult cuGraphExecDestroy(CUgraphExec exec) {
  delete exec;
  return CUDA_SUCCESS;
}
