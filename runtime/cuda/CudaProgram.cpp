//===- CudaProgram.cpp - a program as commands of a stream ----------------===//
#include "runtime/cuda/CudaProgram.h"

#include "runtime/base/Log.h"

#include <algorithm>
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
  if (op.kind_as_Collective() || op.kind_as_CollectiveWait())
    return prepareTogether(op, addresses);
  const schema::Fill &fill = *op.kind_as_Fill();
  return Op{FillCall{at(*fill.view()), fill.view()->bytes() / sizeof(uint32_t), fill.value()}};
}

Result<CudaProgram::Op>
CudaProgram::prepareTogether(const schema::Op &op,
                             const std::vector<CUdeviceptr> &addresses) const {
  if (const schema::CollectiveWait *wait = op.kind_as_CollectiveWait()) {
    unsigned index = 0; // the file was verified: it is among the ops so far
    for (unsigned seen = 0;; ++index)
      if (std::holds_alternative<CollectiveCall>(ops[index].call) && seen++ == wait->collective())
        return Op{WaitCall{index}};
  }
  const schema::Collective &collective = *op.kind_as_Collective();
  const schema::View &from = *collective.from(), &to = *collective.to();
  CollectiveCall prepared;
  prepared.call = {collective.kind(),
                   collective.dtype(),
                   addresses[from.buffer()] + from.offset(),
                   addresses[to.buffer()] + to.offset(),
                   from.bytes(),
                   to.bytes()};
  SWAMLA_TRY(prepared.ready, createEvent(/*timing=*/false));
  SWAMLA_TRY(prepared.done, createEvent(/*timing=*/false));
  return Op{std::move(prepared)};
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
  if (isTogether(index)) // it is for all ranks, and this is one op of one
    return Status::ok();
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

bool CudaProgram::isTogether(unsigned index) const {
  return std::holds_alternative<CollectiveCall>(ops[index].call) ||
         std::holds_alternative<WaitCall>(ops[index].call);
}

/// A collective goes to a stream of its own, behind the ops before it and the collectives before
/// it; its wait joins the two.
Status CudaProgram::enqueueTogether(unsigned index, const GpuQueue &queue) {
  auto where = [&] { return table->ops()->Get(index)->label()->str(); };
  CUstream compute = queue.compute.get(), apart = queue.collectives.get();
  if (const auto *wait = std::get_if<WaitCall>(&ops[index].call)) {
    const auto &collective = std::get<CollectiveCall>(ops[wait->op].call);
    return toStatus(cuStreamWaitEvent(compute, collective.done.get(), 0), where());
  }
  const auto &collective = std::get<CollectiveCall>(ops[index].call);
  SWAMLA_RETURN_IF_ERROR(toStatus(cuEventRecord(collective.ready.get(), compute), where()));
  SWAMLA_RETURN_IF_ERROR(toStatus(cuStreamWaitEvent(apart, collective.ready.get(), 0), where()));
  if (Status status = queue.ranks->enqueue(collective.call, apart); !status.isOk())
    return std::move(status).withContext(where());
  return toStatus(cuEventRecord(collective.done.get(), apart), where());
}

template <typename Before>
Status CudaProgram::enqueueRange(unsigned begin, unsigned end, const GpuQueue &queue,
                                 Before before) {
  for (unsigned i = begin; i < end; ++i) {
    SWAMLA_RETURN_IF_ERROR(before(i));
    SWAMLA_RETURN_IF_ERROR(isTogether(i) ? enqueueTogether(i, queue)
                                         : enqueueOp(i, queue.compute.get()));
    SWAMLA_RETURN_IF_ERROR(enqueueResults(i, queue));
  }
  if (std::ranges::none_of(early, [&](const EarlyResult &result) {
        return begin <= result.afterOp() && result.afterOp() < end;
      }))
    return Status::ok();
  // The ops have ended when their results have arrived.
  constexpr const char *kWhat = "cannot join the streams";
  SWAMLA_RETURN_IF_ERROR(toStatus(cuEventRecord(join.get(), queue.side.get()), kWhat));
  return toStatus(cuStreamWaitEvent(queue.compute.get(), join.get(), 0), kWhat);
}

Status CudaProgram::enqueueAll(const GpuQueue &queue) {
  return enqueueRange(0, numOps(), queue, [](unsigned) { return Status::ok(); });
}

Result<GraphExecHandle> CudaProgram::recordRange(unsigned begin, unsigned end,
                                                 const GpuQueue &queue) {
  constexpr const char *kWhat = "cannot record a CUDA graph (--no-graph does without)";
  SWAMLA_RETURN_IF_ERROR(toStatus(
      cuStreamBeginCapture(queue.compute.get(), CU_STREAM_CAPTURE_MODE_THREAD_LOCAL), kWhat));
  Status status = enqueueRange(begin, end, queue, [](unsigned) { return Status::ok(); });
  GraphHandle captured;
  CUresult ended = cuStreamEndCapture(queue.compute.get(), captured.out());
  SWAMLA_RETURN_IF_ERROR(std::move(status));
  SWAMLA_RETURN_IF_ERROR(toStatus(ended, kWhat));
  GraphExecHandle graph;
  SWAMLA_RETURN_IF_ERROR(toStatus(cuGraphInstantiate(graph.out(), captured.get(), 0), kWhat));
  SWAMLA_RETURN_IF_ERROR(toStatus(cuGraphUpload(graph.get(), queue.compute.get()), kWhat));
  return graph;
}

Status CudaProgram::record(const GpuQueue &queue) {
  bool anyTogether = false;
  for (unsigned i = 0; i < numOps(); ++i)
    anyTogether |= isTogether(i);
  Result<GraphExecHandle> whole = recordRange(0, numOps(), queue);
  if (whole.isOk()) {
    pieces.push_back({0, numOps(), *std::move(whole)});
    return Status::ok();
  }
  if (!anyTogether)
    return std::move(whole).takeStatus();
  logWarning("{}: collectives cannot be recorded, so graphs end there: {}",
             table->name()->string_view(), whole.status().message());
  std::vector<Piece> cut;
  for (unsigned begin = 0; begin < numOps();) {
    unsigned end = begin;
    while (end < numOps() && isTogether(end) == isTogether(begin))
      ++end;
    Piece piece{begin, end, {}};
    if (!isTogether(begin)) {
      SWAMLA_TRY(piece.graph, recordRange(begin, end, queue));
    }
    cut.push_back(std::move(piece));
    begin = end;
  }
  pieces = std::move(cut);
  return Status::ok();
}

Status CudaProgram::replay(const GpuQueue &queue) {
  for (const Piece &piece : pieces) {
    if (piece.graph) {
      CUresult result = cuGraphLaunch(piece.graph.get(), queue.compute.get());
      SWAMLA_RETURN_IF_ERROR(toStatus(result, "cannot launch a CUDA graph"));
      continue;
    }
    for (unsigned i = piece.begin; i < piece.end; ++i)
      SWAMLA_RETURN_IF_ERROR(enqueueTogether(i, queue));
  }
  return Status::ok();
}

Status CudaProgram::run(const GpuQueue &queue, bool useGraph) {
  for (EarlyResult &result : early)
    SWAMLA_RETURN_IF_ERROR(result.expect(queue.compute.get()));
  ++runs;
  if (!useGraph || runs == 1)
    return enqueueAll(queue);
  if (pieces.empty())
    SWAMLA_RETURN_IF_ERROR(record(queue));
  return replay(queue);
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
    SWAMLA_RETURN_IF_ERROR(enqueueRange(0, numOps(), queue, [&](unsigned index) {
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
