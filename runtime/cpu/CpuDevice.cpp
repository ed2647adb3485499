//===- CpuDevice.cpp - the CPU of this machine as a device ----------------===//
//
// Programs are resolved to addresses once, at load; running one is a loop over
// calls that allocates nothing. Subnormal numbers are kept as IEEE has them:
// an AdamW update of nothing but subnormals takes a third longer on Zen 4, and
// only the states of tokens that have not occurred for long hold any.
//
//===----------------------------------------------------------------------===//
#include "runtime/cpu/CpuDevice.h"

#include "runtime/base/CpuInfo.h"
#include "runtime/base/Format.h"
#include "runtime/base/Log.h"
#include "runtime/base/Timer.h"
#include "runtime/cpu/Blas.h"
#include "runtime/cpu/BlasLibrary.h"
#include "runtime/cpu/CodeObject.h"
#include "runtime/cpu/CollectiveThread.h"
#include "runtime/cpu/HostMemory.h"
#include "runtime/cpu/MemoryTasks.h"
#include "runtime/cpu/ThreadTeam.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <variant>

namespace swamla {

namespace {
using schema::BufferKind;

constexpr unsigned kMaxThreads = 1024;
/// NaN as f32 and as two bf16, far outside of any vocabulary as i32.
constexpr uint32_t kPoison = 0x7FFF7FFF;
constexpr uint64_t kScratchAlignment = 64;

/// A kernel launch with addresses in place of views.
struct LaunchCall {
  UnitFunction function;
  std::vector<void *> views;
  int64_t units;
};

/// The end of the program's collective number `collective`.
struct WaitCall {
  unsigned collective;
};

using OpCall = std::variant<LaunchCall, MatmulTask, FillTask, CollectiveCall, WaitCall>;

struct PreparedOp {
  OpCall call;
  uint64_t calls = 0;
  double seconds = 0;
};

struct PreparedProgram {
  std::vector<PreparedOp> ops;
};

class CpuDevice final : public Device {
public:
  CpuDevice(const StepFile &file, const DeviceOptions &options, CpuInfo cpu, unsigned threads)
      : Device(file), options(options), cpu(std::move(cpu)), team(threads) {}

  /// Everything that can fail at load.
  Status initialize();

  Status upload(unsigned buffer, uint64_t offset, std::span<const std::byte> data) override;
  Status download(unsigned buffer, uint64_t offset, std::span<std::byte> data) override;
  Status run(unsigned program) override;
  Status runOp(unsigned program, unsigned op) override;
  Status wait() override { return Status::ok(); } // run() returns when all is done
  std::string hardware() const override { return cpu.model; }
  std::string describe() const override;
  uint64_t allocatedBytes() const override;
  Result<double> measureCopy() override;
  std::vector<OpProfile> profile() const override;

private:
  Status checkMemory() const;
  Status allocate();
  Status loadCode();
  void preparePrograms();
  MatmulCall matmulCall(const schema::Matmul &matmul) const;
  OpCall prepare(const schema::Op &op);
  std::byte *address(const schema::View &view) const {
    return buffers[view.buffer()].data() + view.offset();
  }
  Status checkRange(unsigned buffer, uint64_t offset, uint64_t bytes) const;
  void poisonArena();
  Status execute(PreparedOp &op);
  Status executeTogether(const PreparedOp &op, std::optional<uint64_t> &first);

  DeviceOptions options;
  CpuInfo cpu;
  ThreadTeam team;
  std::vector<HostMemory> buffers;
  HostMemory scratch;
  CodeObject code;
  std::vector<UnitFunction> kernels;
  std::vector<PreparedProgram> programs;
  std::optional<CollectiveThread> collectives; ///< of a program for many ranks
};
} // namespace

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

Status CpuDevice::initialize() {
  SWAMLA_RETURN_IF_ERROR(requireCpuLevel(cpu, file().step().target()->cpu()->string_view()));
  SWAMLA_RETURN_IF_ERROR(loadBlas());
  SWAMLA_RETURN_IF_ERROR(checkMemory());
  SWAMLA_RETURN_IF_ERROR(allocate());
  SWAMLA_RETURN_IF_ERROR(loadCode());
  preparePrograms();
  if (options.communicator)
    collectives.emplace(*options.communicator);
  if (std::optional<unsigned> setup = file().findProgram("setup"))
    return run(*setup);
  return Status::ok();
}

/// Linux promises memory that it does not have and kills the process later; so this asks first.
Status CpuDevice::checkMemory() const {
  uint64_t total = 0, arena = 0;
  for (const schema::Buffer *buffer : *file().step().buffers()) {
    total += buffer->bytes();
    if (buffer->kind() == BufferKind::Arena)
      arena += buffer->bytes();
  }
  if (total > cpu.memoryLimit)
    return resourceExhausted(fmt::format(
        "needs {} of memory ({} of them for activations), this machine has {}; compile with a "
        "smaller --batch or with --checkpoint=block",
        formatBytes(total), formatBytes(arena), formatBytes(cpu.memoryLimit)));
  if (cpu.memoryFree && total > cpu.memoryFree)
    logWarning("{} needs {} of memory, {} are free: the machine may swap", file().name(),
               formatBytes(total), formatBytes(cpu.memoryFree));
  return Status::ok();
}

Status CpuDevice::allocate() {
  for (const schema::Buffer *buffer : *file().step().buffers()) {
    auto memory = HostMemory::allocate(buffer->bytes(),
                                       fmt::format("buffer '{}'", buffer->name()->string_view()));
    if (!memory.isOk()) {
      Status status = std::move(memory).takeStatus();
      return resourceExhausted(status.message() +
                               "; compile with a smaller --batch or with --checkpoint=block");
    }
    buffers.push_back(*std::move(memory));
  }
  uint64_t each = 0;
  for (const schema::Kernel *kernel : *file().step().kernels())
    each = std::max(each, kernel->scratch_bytes());
  for (const schema::Program *program : *file().step().programs())
    for (const schema::Op *op : *program->ops())
      if (const schema::Matmul *matmul = op->kind_as_Matmul())
        each = std::max(each, MatmulTask(matmulCall(*matmul)).scratchBytes());
  each = (each + kScratchAlignment - 1) / kScratchAlignment * kScratchAlignment;
  SWAMLA_TRY(scratch, HostMemory::allocate(each * team.size(), "the kernels' scratch memory"));
  team.setScratch(scratch.data(), each);
  return Status::ok();
}

Status CpuDevice::loadCode() {
  const schema::Step &step = file().step();
  if (step.code()->size() == 0)
    return Status::ok();
  SWAMLA_TRY(code, CodeObject::load(
                       std::as_bytes(std::span(step.code()->data(), size_t(step.code()->size())))));
  for (const schema::Kernel *kernel : *step.kernels()) {
    SWAMLA_TRY(void *address, code.symbol(kernel->name()->str()));
    kernels.push_back(reinterpret_cast<UnitFunction>(address));
  }
  return Status::ok();
}

MatmulCall CpuDevice::matmulCall(const schema::Matmul &matmul) const {
  return MatmulCall::of(matmul, [&](const schema::View &view) { return address(view); });
}

OpCall CpuDevice::prepare(const schema::Op &op) {
  if (const schema::Launch *launch = op.kind_as_Launch()) {
    LaunchCall call{kernels[launch->kernel()], {}, int64_t(launch->units())};
    for (const schema::View *view : *launch->views())
      call.views.push_back(address(*view));
    return call;
  }
  if (const schema::Matmul *matmul = op.kind_as_Matmul())
    return MatmulTask(matmulCall(*matmul));
  if (const schema::Collective *collective = op.kind_as_Collective()) {
    auto bytes = [&](const schema::View &view) {
      return std::span(address(view), size_t(view.bytes()));
    };
    return CollectiveCall{collective->kind(), collective->dtype(), bytes(*collective->from()),
                          bytes(*collective->to())};
  }
  if (const schema::CollectiveWait *wait = op.kind_as_CollectiveWait())
    return WaitCall{wait->collective()};
  const schema::Fill &fill = *op.kind_as_Fill();
  return FillTask{reinterpret_cast<uint32_t *>(address(*fill.view())), fill.view()->bytes() / 4,
                  fill.value()};
}

void CpuDevice::preparePrograms() {
  for (const schema::Program *program : *file().step().programs()) {
    PreparedProgram &prepared = programs.emplace_back();
    for (const schema::Op *op : *program->ops())
      prepared.ops.push_back({prepare(*op)});
  }
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

Status CpuDevice::execute(PreparedOp &op) {
  if (const auto *launch = std::get_if<LaunchCall>(&op.call)) {
    team.run(launch->function, launch->views.data(), launch->units);
    return Status::ok();
  }
  if (auto *matmul = std::get_if<MatmulTask>(&op.call)) {
    void *self = matmul;
    team.run(MatmulTask::run, &self, matmul->units());
    return matmul->takeStatus();
  }
  if (auto *fill = std::get_if<FillTask>(&op.call); fill && fill->count) {
    void *self = fill;
    team.run(FillTask::run, &self, fill->units());
  }
  return Status::ok();
}

/// A collective's begin or end. `first`: the number of the run's first collective.
Status CpuDevice::executeTogether(const PreparedOp &op, std::optional<uint64_t> &first) {
  if (const auto *wait = std::get_if<WaitCall>(&op.call))
    return collectives->wait(*first + wait->collective);
  uint64_t number = collectives->start(std::get<CollectiveCall>(op.call));
  first = first.value_or(number);
  return Status::ok();
}

void CpuDevice::poisonArena() {
  for (unsigned i = 0; i < buffers.size(); ++i) {
    if (file().step().buffers()->Get(i)->kind() != BufferKind::Arena || buffers[i].size() == 0)
      continue;
    FillTask fill{reinterpret_cast<uint32_t *>(buffers[i].data()), buffers[i].size() / 4, kPoison};
    void *self = &fill;
    team.run(FillTask::run, &self, fill.units());
  }
}

Status CpuDevice::run(unsigned program) {
  if (program >= programs.size())
    return internalError(fmt::format("{} has no program {}", file().name(), program));
  if (options.poison)
    poisonArena();
  const auto &ops = *file().step().programs()->Get(program)->ops();
  unsigned index = 0;
  std::optional<uint64_t> firstCollective;
  Timer timer;
  for (PreparedOp &op : programs[program].ops) {
    bool together = std::holds_alternative<CollectiveCall>(op.call) ||
                    std::holds_alternative<WaitCall>(op.call);
    Status status = together ? executeTogether(op, firstCollective) : execute(op);
    if (!status.isOk())
      return std::move(status).withContext(
          fmt::format("{}: {}", file().name(), ops.Get(index)->label()->string_view()));
    ++index;
    if (options.profile) {
      op.seconds += timer.restart();
      ++op.calls;
    }
  }
  return Status::ok();
}

Status CpuDevice::runOp(unsigned program, unsigned op) {
  if (program >= programs.size() || op >= programs[program].ops.size())
    return internalError(fmt::format("{} has no op {} of program {}", file().name(), op, program));
  return execute(programs[program].ops[op]);
}

//===----------------------------------------------------------------------===//
// Access and reports
//===----------------------------------------------------------------------===//

Status CpuDevice::checkRange(unsigned buffer, uint64_t offset, uint64_t bytes) const {
  if (buffer < buffers.size() && offset <= buffers[buffer].size() &&
      bytes <= buffers[buffer].size() - offset)
    return Status::ok();
  return internalError(fmt::format("access to {} bytes from byte {} of buffer {} of {}", bytes,
                                   offset, buffer, file().name()));
}

Status CpuDevice::upload(unsigned buffer, uint64_t offset, std::span<const std::byte> data) {
  SWAMLA_RETURN_IF_ERROR(checkRange(buffer, offset, data.size()));
  if (!data.empty())
    std::memcpy(buffers[buffer].data() + offset, data.data(), data.size());
  return Status::ok();
}

Status CpuDevice::download(unsigned buffer, uint64_t offset, std::span<std::byte> data) {
  SWAMLA_RETURN_IF_ERROR(checkRange(buffer, offset, data.size()));
  if (!data.empty())
    std::memcpy(data.data(), buffers[buffer].data() + offset, data.size());
  return Status::ok();
}

std::string CpuDevice::describe() const {
  return fmt::format("cpu: {}, {} thread{}, {}", cpu.model, team.size(),
                     team.size() == 1 ? "" : "s", describeBlas());
}

uint64_t CpuDevice::allocatedBytes() const {
  uint64_t total = scratch.size();
  for (const HostMemory &buffer : buffers)
    total += buffer.size();
  return total;
}

Result<double> CpuDevice::measureCopy() {
  constexpr uint64_t kBytes = CopyTask::kUnitBytes * CopyTask::kUnits;
  constexpr int kRepeats = 7;
  SWAMLA_TRY(HostMemory to, HostMemory::allocate(kBytes, "a measurement of the memory's speed"));
  SWAMLA_TRY(HostMemory from, HostMemory::allocate(kBytes, "a measurement of the memory's speed"));
  FillTask fill{reinterpret_cast<uint32_t *>(from.data()), kBytes / 4, 1};
  void *self = &fill;
  team.run(FillTask::run, &self, fill.units()); // pages that were never written are all one page
  void *views[] = {to.data(), from.data()};
  std::array<double, kRepeats> seconds;
  for (double &each : seconds) {
    Timer timer;
    team.run(CopyTask::run, views, CopyTask::kUnits);
    each = timer.seconds();
  }
  std::ranges::nth_element(seconds, seconds.begin() + kRepeats / 2);
  return 2.0 * double(kBytes) / seconds[kRepeats / 2];
}

std::vector<OpProfile> CpuDevice::profile() const {
  std::vector<OpProfile> result;
  if (!options.profile)
    return result;
  const schema::Step &step = file().step();
  for (unsigned p = 0; p < programs.size(); ++p) {
    const schema::Program &program = *step.programs()->Get(p);
    for (unsigned i = 0; i < programs[p].ops.size(); ++i) {
      const PreparedOp &prepared = programs[p].ops[i];
      OpProfile &op = result.emplace_back(profileOf(step, program, *program.ops()->Get(i)));
      op.calls = prepared.calls;
      op.seconds = prepared.seconds;
    }
  }
  return result;
}

Result<std::unique_ptr<Device>> createCpuDevice(const StepFile &file,
                                                const DeviceOptions &options) {
  CpuInfo cpu = readCpuInfo();
  unsigned threads = options.threads ? options.threads : std::min(cpu.usableCores, kMaxThreads);
  if (threads > kMaxThreads)
    return invalidArgument(
        fmt::format("{} threads; at most {} are possible", threads, kMaxThreads));
  auto device = std::make_unique<CpuDevice>(file, options, std::move(cpu), threads);
  Status status = device->initialize();
  if (!status.isOk())
    return std::move(status).withContext(file.name());
  return std::unique_ptr<Device>(std::move(device));
}

} // namespace swamla
