//===- CudaDevice.cpp - a GPU as a device ---------------------------------===//
//
// All work goes to one stream, in the order in which it is asked for; run()
// returns when it is enqueued. A program's first run enqueues its ops one by
// one, the second is recorded into a CUDA graph, later ones replay it: the same
// kernels with the same arguments, so the same bits.
//
//===----------------------------------------------------------------------===//
#include "runtime/cuda/CudaDevice.h"

#include "runtime/base/Format.h"
#include "runtime/base/Log.h"
#include "runtime/cuda/CudaContext.h"
#include "runtime/cuda/CudaProgram.h"
#include "runtime/cuda/Staging.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace swamla {

namespace {
using schema::BufferKind;

/// NaN as f32 and as two bf16, far outside of any vocabulary as i32.
constexpr uint32_t kPoison = 0x7FFF7FFF;
/// Room that the context, the modules and the graphs take beside what is allocated here.
constexpr uint64_t kDriverBytes = uint64_t(256) << 20;

class CudaDevice final : public Device {
public:
  CudaDevice(const StepFile &file, const DeviceOptions &options,
             std::unique_ptr<CudaContext> context)
      : Device(file), options(options), context(std::move(context)) {}
  ~CudaDevice() override {
    (void)context->makeCurrent(); // the members give back what they hold
    (void)cuCtxSynchronize();
  }

  /// Everything that can fail at load.
  Status initialize();

  Status upload(unsigned buffer, uint64_t offset, std::span<const std::byte> data) override;
  Status download(unsigned buffer, uint64_t offset, std::span<std::byte> data) override;
  Status downloadResult(unsigned program, unsigned buffer, uint64_t offset,
                        std::span<std::byte> data) override;
  Status run(unsigned program) override;
  Status runOp(unsigned program, unsigned op) override;
  Status wait() override;
  std::string hardware() const override { return context->info().name; }
  std::string describe() const override;
  uint64_t allocatedBytes() const override;
  Result<double> measureCopy() override;
  std::vector<OpProfile> profile() const override;

private:
  Status allocate();
  Status createQueue();
  Status preparePrograms();
  MatmulTuner::Scratch tuningScratch() const;
  Status checkRange(unsigned buffer, uint64_t offset, uint64_t bytes) const;
  Status poisonArena();

  DeviceOptions options;
  std::unique_ptr<CudaContext> context; // first: what follows lives in it
  GpuQueue queue;
  std::vector<DeviceMemory> buffers;
  CudaModule module;
  std::unique_ptr<Staging> staging;
  std::unique_ptr<Matmuls> matmuls;
  std::vector<CudaProgram> programs;
};
} // namespace

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

Status CudaDevice::createQueue() {
  SWAMLA_TRY(queue.compute, createStream());
  SWAMLA_TRY(queue.side, createStream());
  if (options.communicator) {
    SWAMLA_TRY(queue.collectives, createStream());
    SWAMLA_TRY(queue.ranks, NcclGroup::create(*options.communicator));
  }
  size_t words = 1;
  for (const schema::Program *program : *file().step().programs())
    words += CudaProgram::wordsNeeded(file().step(), *program);
  SWAMLA_TRY(queue.words, PinnedMemory::allocate(words * sizeof(uint32_t)));
  std::memset(queue.words.data(), 0, queue.words.size());
  return Status::ok();
}

Status CudaDevice::allocate() {
  const schema::Step &step = file().step();
  uint64_t own = scratchBytes(step) + Matmuls::deviceBytes(step) + Staging::deviceBytes();
  SWAMLA_TRY(GpuMemory memory, context->memory());
  SWAMLA_RETURN_IF_ERROR(requireMemory(file(), own + kDriverBytes, context->info(), memory));
  for (const schema::Buffer *buffer : *step.buffers()) {
    SWAMLA_TRY(DeviceMemory allocated,
               DeviceMemory::allocate(buffer->bytes(),
                                      fmt::format("buffer '{}'", buffer->name()->string_view()),
                                      queue.compute.get()));
    buffers.push_back(std::move(allocated));
  }
  SWAMLA_TRY(staging, Staging::create(queue.compute.get()));
  return Status::ok();
}

/// The arena means nothing yet, so the search for matmul algorithms may use it.
MatmulTuner::Scratch CudaDevice::tuningScratch() const {
  for (unsigned i = 0; i < buffers.size(); ++i)
    if (file().step().buffers()->Get(i)->kind() == BufferKind::Arena)
      return {buffers[i].address(), buffers[i].size()};
  return {};
}

Status CudaDevice::preparePrograms() {
  const schema::Step &step = file().step();
  MatmulTuner::Scratch arena = tuningScratch();
  SWAMLA_TRY(matmuls, Matmuls::create(step, context->info(), queue.compute.get(), arena,
                                      options.tuneSeconds));
  if (arena.bytes > 0) // zeroed, as Device::create has it
    SWAMLA_RETURN_IF_ERROR(
        toStatus(cuMemsetD8Async(arena.address, 0, arena.bytes, queue.compute.get()),
                 "cannot clear the arena"));
  std::vector<CUdeviceptr> addresses;
  addresses.reserve(buffers.size());
  for (const DeviceMemory &buffer : buffers)
    addresses.push_back(buffer.address());
  std::span<uint32_t> words(reinterpret_cast<uint32_t *>(queue.words.data()),
                            queue.words.size() / sizeof(uint32_t));
  for (const schema::Program *table : *step.programs()) {
    size_t needed = CudaProgram::wordsNeeded(step, *table);
    SWAMLA_TRY(CudaProgram program,
               CudaProgram::create(step, *table, module, *matmuls, addresses, words.first(needed)));
    words = words.subspan(needed);
    programs.push_back(std::move(program));
  }
  return Status::ok();
}

Status CudaDevice::initialize() {
  const schema::Step &step = file().step();
  SWAMLA_RETURN_IF_ERROR(requireArchitecture(context->info(), step.target()->cpu()->string_view()));
  SWAMLA_RETURN_IF_ERROR(createQueue());
  SWAMLA_RETURN_IF_ERROR(allocate());
  SWAMLA_TRY(module, CudaModule::load(step, queue.compute.get()));
  SWAMLA_RETURN_IF_ERROR(preparePrograms());
  if (std::optional<unsigned> setup = file().findProgram("setup"))
    SWAMLA_RETURN_IF_ERROR(run(*setup));
  return wait(); // errors of loading show here, not in the first step
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

Status CudaDevice::poisonArena() {
  MatmulTuner::Scratch arena = tuningScratch();
  if (arena.bytes == 0)
    return Status::ok();
  return toStatus(
      cuMemsetD32Async(arena.address, kPoison, arena.bytes / sizeof(uint32_t), queue.compute.get()),
      "cannot poison the arena");
}

Status CudaDevice::run(unsigned program) {
  if (program >= programs.size())
    return internalError(fmt::format("{} has no program {}", file().name(), program));
  auto where = [&] {
    return fmt::format("{}: program {}", file().name(),
                       file().step().programs()->Get(program)->name()->string_view());
  };
  SWAMLA_RETURN_IF_ERROR(context->makeCurrent());
  if (options.poison)
    SWAMLA_RETURN_IF_ERROR(poisonArena());
  Status status = options.profile ? programs[program].runTimed(queue)
                                  : programs[program].run(queue, options.graph);
  return status.isOk() ? Status::ok() : std::move(status).withContext(where());
}

Status CudaDevice::runOp(unsigned program, unsigned op) {
  if (program >= programs.size() || op >= programs[program].numOps())
    return internalError(fmt::format("{} has no op {} of program {}", file().name(), op, program));
  SWAMLA_RETURN_IF_ERROR(context->makeCurrent());
  SWAMLA_RETURN_IF_ERROR(programs[program].enqueueOp(op, queue.compute.get()));
  return wait();
}

Status CudaDevice::wait() {
  SWAMLA_RETURN_IF_ERROR(context->makeCurrent());
  return toStatus(cuStreamSynchronize(queue.compute.get()), "the GPU failed");
}

//===----------------------------------------------------------------------===//
// Access and reports
//===----------------------------------------------------------------------===//

Status CudaDevice::checkRange(unsigned buffer, uint64_t offset, uint64_t bytes) const {
  if (buffer < buffers.size() && offset <= buffers[buffer].size() &&
      bytes <= buffers[buffer].size() - offset)
    return Status::ok();
  return internalError(fmt::format("access to {} bytes from byte {} of buffer {} of {}", bytes,
                                   offset, buffer, file().name()));
}

Status CudaDevice::upload(unsigned buffer, uint64_t offset, std::span<const std::byte> data) {
  SWAMLA_RETURN_IF_ERROR(checkRange(buffer, offset, data.size()));
  SWAMLA_RETURN_IF_ERROR(context->makeCurrent());
  return staging->upload(buffers[buffer].address() + offset, data);
}

Status CudaDevice::download(unsigned buffer, uint64_t offset, std::span<std::byte> data) {
  SWAMLA_RETURN_IF_ERROR(checkRange(buffer, offset, data.size()));
  SWAMLA_RETURN_IF_ERROR(context->makeCurrent());
  return staging->download(data, buffers[buffer].address() + offset);
}

Status CudaDevice::downloadResult(unsigned program, unsigned buffer, uint64_t offset,
                                  std::span<std::byte> data) {
  const EarlyResult *early =
      program < programs.size() ? programs[program].earlyResult(buffer, offset) : nullptr;
  if (!early || data.size() != sizeof(uint32_t))
    return download(buffer, offset, data);
  SWAMLA_RETURN_IF_ERROR(context->makeCurrent());
  SWAMLA_TRY(uint32_t word, early->wait(queue.compute.get()));
  std::memcpy(data.data(), &word, sizeof(word));
  return Status::ok();
}

std::string CudaDevice::describe() const {
  const GpuInfo &gpu = context->info();
  int driver = 0;
  (void)cuDriverGetVersion(&driver);
  size_t lt = cublasLtGetVersion();
  return fmt::format("cuda: {} ({}.{}, {} multiprocessors), driver for CUDA {}.{}, cuBLASLt "
                     "{}.{}.{}{}",
                     gpu.name, gpu.major, gpu.minor, gpu.multiprocessors, driver / 1000,
                     driver % 1000 / 10, lt / 10000, lt / 100 % 100, lt % 100,
                     queue.ranks ? ", " + queue.ranks->describe() : "");
}

uint64_t CudaDevice::allocatedBytes() const {
  uint64_t total =
      module.scratchBytes() + Matmuls::deviceBytes(file().step()) + Staging::deviceBytes();
  for (const DeviceMemory &buffer : buffers)
    total += buffer.size();
  return total;
}

Result<double> CudaDevice::measureCopy() {
  constexpr uint64_t kBytes = uint64_t(1) << 30;
  constexpr int kRepeats = 7;
  constexpr const char *kWhat = "cannot measure the memory's speed";
  SWAMLA_RETURN_IF_ERROR(context->makeCurrent());
  SWAMLA_TRY(GpuMemory memory, context->memory());
  uint64_t bytes = std::min(kBytes, memory.free / 4 / sizeof(uint64_t) * sizeof(uint64_t));
  CUstream stream = queue.compute.get();
  SWAMLA_TRY(DeviceMemory to, DeviceMemory::allocate(bytes, "a measurement", stream));
  SWAMLA_TRY(DeviceMemory from, DeviceMemory::allocate(bytes, "a measurement", stream));
  SWAMLA_TRY(EventHandle begin, createEvent(/*timing=*/true));
  SWAMLA_TRY(EventHandle end, createEvent(/*timing=*/true));
  std::array<double, kRepeats> seconds;
  for (double &each : seconds) {
    SWAMLA_RETURN_IF_ERROR(toStatus(cuEventRecord(begin.get(), stream), kWhat));
    SWAMLA_RETURN_IF_ERROR(
        toStatus(cuMemcpyDtoDAsync(to.address(), from.address(), bytes, stream), kWhat));
    SWAMLA_RETURN_IF_ERROR(toStatus(cuEventRecord(end.get(), stream), kWhat));
    SWAMLA_RETURN_IF_ERROR(toStatus(cuStreamSynchronize(stream), kWhat));
    float ms = 0;
    SWAMLA_RETURN_IF_ERROR(toStatus(cuEventElapsedTime(&ms, begin.get(), end.get()), kWhat));
    each = double(ms) * 1e-3;
  }
  std::ranges::nth_element(seconds, seconds.begin() + kRepeats / 2);
  return 2.0 * double(bytes) / seconds[kRepeats / 2];
}

std::vector<OpProfile> CudaDevice::profile() const {
  std::vector<OpProfile> result;
  if (options.profile)
    for (const CudaProgram &program : programs)
      program.appendProfile(file().step(), result);
  return result;
}

Result<std::unique_ptr<Device>> createCudaDevice(const StepFile &file,
                                                 const DeviceOptions &options) {
  Result<std::unique_ptr<CudaContext>> context = CudaContext::create(options.gpu);
  if (!context.isOk()) {
    Status status = std::move(context).takeStatus();
    // An option's error is about the command line, not the file.
    return status.code() == StatusCode::InvalidArgument
               ? std::move(status)
               : std::move(status).withContext(
                     fmt::format("{} was compiled for cuda", file.name()));
  }
  auto device = std::make_unique<CudaDevice>(file, options, *std::move(context));
  Status status = device->initialize();
  if (!status.isOk())
    return std::move(status).withContext(file.name());
  return std::unique_ptr<Device>(std::move(device));
}

} // namespace swamla
