//===- CudaProgram.cpp - a program as commands of a stream ----------------===//
#include "runtime/cuda/CudaProgram.h"

#include <atomic>

namespace swamla {

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

Result<CudaProgram::Op> CudaProgram::prepare(const schema::Step &step, const schema::Op &op,
                                             const CudaModule &module,
                                             const std::vector<CUdeviceptr> &addresses) {
  auto at = [&](const schema::View &view) { return addresses[view.buffer()] + view.offset(); };
  if (const schema::Launch *launch = op.kind_as_Launch()) {
    std::vector<CUdeviceptr> views;
    for (const schema::View *view : *launch->views())
      views.push_back(at(*view));
    SWAMLA_TRY(GpuLaunch call,
               GpuLaunch::create(module.kernel(launch->kernel()),
                                 *step.kernels()->Get(launch->kernel()), std::move(views)));
    return Op{std::move(call)};
  }
  if (const schema::Matmul *matmul = op.kind_as_Matmul()) {
    auto scale = [&](const schema::View *view) { return view ? at(*view) : CUdeviceptr(0); };
    return Op{MatmulCall{matmuls->find(MatmulProblem::of(*matmul)),
                         {at(*matmul->a()), at(*matmul->b()), at(*matmul->c()),
                          scale(matmul->a_scale()), scale(matmul->b_scale())}}};
  }
  const schema::Fill &fill = *op.kind_as_Fill();
  return Op{FillCall{at(*fill.view()), fill.view()->bytes() / sizeof(uint32_t), fill.value()}};
}

Result<CudaProgram> CudaProgram::create(const schema::Step &step, const schema::Program &table,
                                        const CudaModule &module, const Matmuls &matmuls,
                                        const std::vector<CUdeviceptr> &addresses,
                                        std::span<uint32_t> words) {
  CudaProgram program;
  program.table = &table;
  program.matmuls = &matmuls;
  for (const schema::Op *op : *table.ops()) {
    Result<Op> prepared = program.prepare(step, *op, module, addresses);
    if (!prepared.isOk())
      return std::move(prepared).takeStatus().withContext(op->label()->str());
    program.ops.push_back(*std::move(prepared));
  }
  size_t word = 0;
  for (auto [slot, afterOp] : earlySlots(step, table)) {
    CUdeviceptr address = addresses[slot->view()->buffer()] + slot->view()->offset();
    program.early.emplace_back(*slot, afterOp, address, &words[word++]);
  }
  SWAMLA_TRY(program.fork, createEvent(/*timing=*/false));
  SWAMLA_TRY(program.join, createEvent(/*timing=*/false));
  return program;
}

//===----------------------------------------------------------------------===//
// Enqueuing
//===----------------------------------------------------------------------===//

Status CudaProgram::enqueueOp(unsigned index, CUstream compute) {
  auto where = [&] { return table->ops()->Get(index)->label()->string_view(); };
  Op &op = ops[index];
  if (auto *launch = std::get_if<GpuLaunch>(&op.call)) {
    if (CUresult result = launch->enqueue(compute); result != CUDA_SUCCESS)
      return toStatus(result, fmt::format("{}: cannot launch its kernel", where()));
    return Status::ok();
  }
  if (const auto *matmul = std::get_if<MatmulCall>(&op.call)) {
    cublasStatus_t result = matmuls->enqueue(matmul->problem, matmul->operands);
    if (result != CUBLAS_STATUS_SUCCESS)
      return toStatus(result, fmt::format("{}: the matmul fails", where()));
    return Status::ok();
  }
  const auto &fill = std::get<FillCall>(op.call);
  if (fill.words == 0)
    return Status::ok();
  CUresult result = cuMemsetD32Async(fill.address, fill.value, fill.words, compute);
  if (result != CUDA_SUCCESS)
    return toStatus(result, fmt::format("{}: cannot fill", where()));
  return Status::ok();
}

Status CudaProgram::enqueueResults(unsigned index, const GpuQueue &queue) {
  for (const EarlyResult &result : early)
    if (result.afterOp() == index)
      SWAMLA_RETURN_IF_ERROR(result.enqueue(queue.compute.get(), fork.get(), queue.side.get()));
  return Status::ok();
}

template <typename Before> Status CudaProgram::enqueueAll(const GpuQueue &queue, Before before) {
  for (unsigned i = 0; i < ops.size(); ++i) {
    SWAMLA_RETURN_IF_ERROR(before(i));
    SWAMLA_RETURN_IF_ERROR(enqueueOp(i, queue.compute.get()));
    SWAMLA_RETURN_IF_ERROR(enqueueResults(i, queue));
  }
  if (early.empty())
    return Status::ok();
  // The program has ended when its results have arrived.
  constexpr const char *kWhat = "cannot join the streams";
  SWAMLA_RETURN_IF_ERROR(toStatus(cuEventRecord(join.get(), queue.side.get()), kWhat));
  return toStatus(cuStreamWaitEvent(queue.compute.get(), join.get(), 0), kWhat);
}

Status CudaProgram::record(const GpuQueue &queue) {
  constexpr const char *kWhat = "cannot record a CUDA graph (--no-graph does without)";
  SWAMLA_RETURN_IF_ERROR(toStatus(
      cuStreamBeginCapture(queue.compute.get(), CU_STREAM_CAPTURE_MODE_THREAD_LOCAL), kWhat));
  Status status = enqueueAll(queue, [](unsigned) { return Status::ok(); });
  GraphHandle captured;
  CUresult ended = cuStreamEndCapture(queue.compute.get(), captured.out());
  SWAMLA_RETURN_IF_ERROR(std::move(status));
  SWAMLA_RETURN_IF_ERROR(toStatus(ended, kWhat));
  SWAMLA_RETURN_IF_ERROR(toStatus(cuGraphInstantiate(graph.out(), captured.get(), 0), kWhat));
  return toStatus(cuGraphUpload(graph.get(), queue.compute.get()), kWhat);
}

Status CudaProgram::run(const GpuQueue &queue, bool useGraph) {
  for (EarlyResult &result : early)
    SWAMLA_RETURN_IF_ERROR(result.expect(queue.compute.get()));
  ++runs;
  if (!useGraph || runs == 1)
    return enqueueAll(queue, [](unsigned) { return Status::ok(); });
  if (!graph)
    SWAMLA_RETURN_IF_ERROR(record(queue));
  return toStatus(cuGraphLaunch(graph.get(), queue.compute.get()), "cannot launch a CUDA graph");
}

const EarlyResult *CudaProgram::earlyResult(unsigned buffer, uint64_t offset) const {
  if (runs == 0)
    return nullptr;
  for (const EarlyResult &result : early)
    if (result.isFor(buffer, offset))
      return &result;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Profiling
//===----------------------------------------------------------------------===//

namespace {
/// Holds a stream back until it is opened, so that the GPU never waits for ops to be enqueued: such
/// waits would count as the ops' time.
class Gate {
public:
  explicit Gate(const GpuQueue &queue)
      : word(reinterpret_cast<uint32_t *>(queue.words.data() + queue.words.size()) - 1),
        stream(queue.compute.get()) {}
  ~Gate() { open(); }
  Gate(const Gate &) = delete;
  Gate &operator=(const Gate &) = delete;

  Status close() {
    std::atomic_ref(*word).store(0);
    CUdeviceptr address = 0;
    SWAMLA_RETURN_IF_ERROR(
        toStatus(cuMemHostGetDevicePointer(&address, word, 0), "cannot map pinned memory"));
    CUresult result = cuStreamWaitValue32(stream, address, 1, CU_STREAM_WAIT_VALUE_EQ);
    if (result == CUDA_ERROR_NOT_SUPPORTED) // some virtual machines: times are less exact then
      return Status::ok();
    return toStatus(result, "cannot hold the stream back");
  }
  void open() { std::atomic_ref(*word).store(1); }

private:
  uint32_t *word;
  CUstream stream;
};

/// Ops enqueued behind a closed gate: a lead that the GPU does not catch up with, and far from the
/// thousand commands that a stream takes before it blocks.
constexpr unsigned kLead = 100;
} // namespace

Status CudaProgram::createTimers() {
  while (timers.size() < ops.size() + 1) {
    SWAMLA_TRY(EventHandle event, createEvent(/*timing=*/true));
    timers.push_back(std::move(event));
  }
  return Status::ok();
}

Status CudaProgram::runTimed(const GpuQueue &queue) {
  constexpr const char *kWhat = "cannot time an op";
  SWAMLA_RETURN_IF_ERROR(createTimers());
  for (EarlyResult &result : early)
    SWAMLA_RETURN_IF_ERROR(result.expect(queue.compute.get()));
  {
    Gate gate(queue);
    // Not at first: loading code may wait for the GPU, which would wait for the gate.
    if (runs++ > 0)
      SWAMLA_RETURN_IF_ERROR(gate.close());
    SWAMLA_RETURN_IF_ERROR(enqueueAll(queue, [&](unsigned index) {
      if (index == kLead)
        gate.open();
      return toStatus(cuEventRecord(timers[index].get(), queue.compute.get()), kWhat);
    }));
    SWAMLA_RETURN_IF_ERROR(
        toStatus(cuEventRecord(timers[ops.size()].get(), queue.compute.get()), kWhat));
  }
  SWAMLA_RETURN_IF_ERROR(toStatus(cuStreamSynchronize(queue.compute.get()), "the program failed"));
  for (unsigned i = 0; i < ops.size(); ++i) {
    float ms = 0;
    SWAMLA_RETURN_IF_ERROR(
        toStatus(cuEventElapsedTime(&ms, timers[i].get(), timers[i + 1].get()), kWhat));
    ops[i].seconds += double(ms) * 1e-3;
    ++ops[i].calls;
  }
  return Status::ok();
}

void CudaProgram::appendProfile(const schema::Step &step, std::vector<OpProfile> &profile) const {
  for (unsigned i = 0; i < ops.size(); ++i) {
    OpProfile &op = profile.emplace_back(profileOf(step, *table, *table->ops()->Get(i)));
    op.calls = ops[i].calls;
    op.seconds = ops[i].seconds;
  }
}

} // namespace swamla
