//===- EmulatedDevice.cpp - whole programs on an emulated GPU -------------===//
#include "tests/emulated/EmulatedDevice.h"

#include "compiler/Target/CUDA/CompileToPtx.h"
#include "compiler/Target/StepBin/StepBin.h"
#include "runtime/cpu/Blas.h"

#include "mlir/IR/SymbolTable.h"

#include <algorithm>
#include <cstring>

using namespace mlir;

namespace swamla::test {

namespace {
using schema::BufferKind;

constexpr uint32_t kPoison = 0x7FFF7FFF; // NaN as f32 and as bf16
constexpr unsigned kBufferAlignment = 256;

class EmulatedDevice final : public Device {
public:
  EmulatedDevice(const StepFile &file, const EmulationOptions &options)
      : Device(file), options(options) {}

  Status initialize(ModuleOp lowered);

  Status upload(unsigned buffer, uint64_t offset, std::span<const std::byte> data) override {
    std::memcpy(&buffers[buffer][offset], data.data(), data.size());
    return Status::ok();
  }
  Status download(unsigned buffer, uint64_t offset, std::span<std::byte> data) override {
    std::memcpy(data.data(), &buffers[buffer][offset], data.size());
    return Status::ok();
  }
  Status run(unsigned program) override;
  Status runOp(unsigned program, unsigned op) override;
  std::string hardware() const override { return "emulated"; }
  Status wait() override { return Status::ok(); }
  std::string describe() const override { return "emulated GPU"; }
  uint64_t allocatedBytes() const override {
    uint64_t total = 0;
    for (const auto &buffer : buffers)
      total += buffer.size();
    return total;
  }
  Result<double> measureCopy() override { return 1.0; }
  std::vector<OpProfile> profile() const override { return {}; }

private:
  Status loadKernels(ModuleOp lowered);
  Status launch(const schema::Launch &launch);
  Status multiply(const schema::Matmul &matmul);
  std::span<std::byte> memory(const schema::View &view) {
    return std::span(buffers[view.buffer()]).subspan(view.offset(), view.bytes());
  }

  EmulationOptions options;
  std::vector<std::vector<std::byte>> buffers;
  std::vector<EmulatedKernel> kernels;
  std::vector<std::vector<std::byte>> scratch; ///< of each kernel
};
} // namespace

static void fill(std::span<std::byte> bytes, uint32_t word) {
  for (size_t i = 0; i + 4 <= bytes.size(); i += 4)
    std::memcpy(&bytes[i], &word, 4);
}

Status EmulatedDevice::initialize(ModuleOp lowered) {
  for (const schema::Buffer *buffer : *file().step().buffers())
    buffers.emplace_back(buffer->bytes());
  SWAMLA_RETURN_IF_ERROR(loadKernels(lowered));
  if (std::optional<unsigned> setup = file().findProgram("setup"))
    return run(*setup);
  return Status::ok();
}

Status EmulatedDevice::loadKernels(ModuleOp lowered) {
  std::string diagnostics;
  ScopedDiagnosticHandler handler(lowered.getContext(), [&](Diagnostic &diagnostic) {
    diagnostics += diagnostic.str() + "; ";
    return success();
  });
  SymbolTable symbols(lowered);
  for (const schema::Kernel *kernel : *file().step().kernels()) {
    auto function = symbols.lookup<LLVM::LLVMFuncOp>(kernel->name()->str());
    if (!function)
      return internalError("the lowered module has no kernel " + kernel->name()->str());
    FailureOr<EmulatedKernel> emulated = EmulatedKernel::create(function);
    if (failed(emulated))
      return internalError(kernel->name()->str() + ": " + diagnostics);
    kernels.push_back(*emulated);
    scratch.emplace_back(emulated->scratchBytes());
  }
  return Status::ok();
}

Status EmulatedDevice::launch(const schema::Launch &launch) {
  std::vector<emulator::MemoryView> views;
  for (const schema::View *view : *launch.views())
    views.push_back({memory(*view), unsigned(view->offset() % kBufferAlignment)});
  if (llvm::Error error = kernels[launch.kernel()].launch(views, options, scratch[launch.kernel()]))
    return internalError(llvm::toString(std::move(error)));
  ++options.seed;
  return Status::ok();
}

Status EmulatedDevice::multiply(const schema::Matmul &matmul) {
  MatmulTask task(
      MatmulCall::of(matmul, [&](const schema::View &view) { return memory(view).data(); }));
  std::vector<std::byte> taskScratch(task.scratchBytes());
  void *self = &task;
  MatmulTask::run(&self, 0, task.units(), taskScratch.data());
  return task.takeStatus();
}

Status EmulatedDevice::run(unsigned program) {
  for (unsigned i = 0; i < buffers.size(); ++i)
    if (file().step().buffers()->Get(i)->kind() == BufferKind::Arena)
      fill(buffers[i], kPoison);
  for (unsigned i = 0; i < file().step().programs()->Get(program)->ops()->size(); ++i)
    SWAMLA_RETURN_IF_ERROR(runOp(program, i));
  return Status::ok();
}

Status EmulatedDevice::runOp(unsigned program, unsigned op) {
  const schema::Op *entry = file().step().programs()->Get(program)->ops()->Get(op);
  Status status = Status::ok();
  if (const schema::Launch *kernel = entry->kind_as_Launch())
    status = launch(*kernel);
  else if (const schema::Matmul *matmul = entry->kind_as_Matmul())
    status = multiply(*matmul);
  else
    fill(memory(*entry->kind_as_Fill()->view()), entry->kind_as_Fill()->value());
  return status.isOk() ? Status::ok() : std::move(status).withContext(entry->label()->str());
}

Result<std::unique_ptr<Device>> createEmulatedDevice(const StepFile &file, ModuleOp lowered,
                                                     const EmulationOptions &options) {
  auto device = std::make_unique<EmulatedDevice>(file, options);
  SWAMLA_RETURN_IF_ERROR(device->initialize(lowered));
  return Result<std::unique_ptr<Device>>(std::move(device));
}

Result<StepFile> emulatedStepFile(ModuleOp lowered) {
  std::string diagnostics;
  ScopedDiagnosticHandler handler(lowered.getContext(), [&](Diagnostic &diagnostic) {
    diagnostics += diagnostic.str() + "; ";
    return success();
  });
  llvm::StringRef text = "// emulated\n.version 8.4\n";
  StepCode code{"cuda", kCudaTriple.str(), "sm_90a", {text.begin(), text.end()}};
  FailureOr<std::vector<char>> bytes = writeStepBin(lowered, code, {});
  if (failed(bytes))
    return internalError(diagnostics);
  auto view = std::as_bytes(std::span(*bytes));
  return StepFile::fromBytes(std::vector<std::byte>(view.begin(), view.end()), "emulated");
}

} // namespace swamla::test
