//===- StepSample.cpp - small step programs for tests ---------------------===//
#include "tests/unit/StepSample.h"

#include "runtime/base/Hash.h"
#include "runtime/schema/StepHeader.h"

#include <algorithm>
#include <cstring>
#include <elf.h>

namespace swamla::test {

namespace {
using schema::BufferKind;
using schema::DType;
using schema::View;

void addBuffer(schema::StepT &step, const char *name, BufferKind kind, uint64_t bytes) {
  auto buffer = std::make_unique<schema::BufferT>();
  buffer->name = name;
  buffer->kind = kind;
  buffer->bytes = bytes;
  step.buffers.push_back(std::move(buffer));
}

void addParam(schema::StepT &step, const char *name, std::vector<uint64_t> shape, uint64_t offset) {
  auto param = std::make_unique<schema::ParamT>();
  param->name = name;
  param->shape = std::move(shape);
  param->offset = offset;
  param->init_normal = true;
  param->init_value = 0.02;
  step.params.push_back(std::move(param));
}

void addSlot(schema::StepT &step, const char *name, View view, DType dtype,
             std::vector<uint64_t> shape) {
  auto slot = std::make_unique<schema::SlotT>();
  slot->name = name;
  slot->view = std::make_unique<View>(view);
  slot->dtype = dtype;
  slot->shape = std::move(shape);
  step.slots.push_back(std::move(slot));
}

void addProgram(schema::StepT &step, const char *name) {
  auto program = std::make_unique<schema::ProgramT>();
  program->name = name;
  step.programs.push_back(std::move(program));
}
} // namespace

schema::StepT emptyStep() {
  schema::StepT step;
  step.producer = "test";
  step.target = std::make_unique<schema::TargetT>();
  step.target->kind = "cpu";
  step.target->triple = "x86_64-unknown-linux-gnu";
  step.target->cpu = "x86-64";
  step.model = std::make_unique<schema::ModelT>();
  step.model->name = "sample";
  step.model->vocab_size = 16;
  step.model->block_size = 4;
  step.model->batch = 2;
  step.model->num_params = 40;
  step.model->forward_flops_per_token = 100;
  step.model->optimizer = "adamw";
  step.model->description = "a sample";

  addBuffer(step, "arena", BufferKind::Arena, 65536);
  addBuffer(step, "params", BufferKind::Params, 512);
  addBuffer(step, "grads", BufferKind::Grads, 512);
  addBuffer(step, "adamw.m", BufferKind::State, 512);
  addBuffer(step, "input", BufferKind::Input, 256);
  addBuffer(step, "scalars", BufferKind::Scalars, 64);
  addBuffer(step, "results", BufferKind::Results, 128);
  addParam(step, "w", {4, 8}, 0);
  addParam(step, "b", {8}, 64);
  addSlot(step, "micro_step.tokens", View(kInput, 0, 32), DType::I32, {8});
  addSlot(step, "micro_step.targets", View(kInput, 32, 32), DType::I32, {8});
  addSlot(step, "eval.tokens", View(kInput, 64, 32), DType::I32, {8});
  addSlot(step, "eval.targets", View(kInput, 96, 32), DType::I32, {8});
  addSlot(step, "logits.tokens", View(kInput, 128, 16), DType::I32, {4});
  addSlot(step, "lr", View(kScalars, 0, 4), DType::F32, {1});
  addSlot(step, "micro_step.loss", View(kResults, 0, 4), DType::F32, {1});
  addSlot(step, "eval.loss", View(kResults, 4, 4), DType::F32, {1});
  addSlot(step, "apply.grad_norm", View(kResults, 8, 4), DType::F32, {1});
  addSlot(step, "logits.logits", View(kResults, 64, 64), DType::F32, {1, 16});
  for (const char *name : {"micro_step", "apply", "eval", "logits"})
    addProgram(step, name);
  step.max_live_bytes = 65536;
  return step;
}

schema::StepT sampleStep() {
  schema::StepT step = emptyStep();
  auto kernel = std::make_unique<schema::KernelT>();
  kernel->name = "row_0";
  kernel->num_views = 2;
  kernel->scratch_bytes = 128;
  step.kernels.push_back(std::move(kernel));
  step.code = emptySharedObject();
  auto &ops = opsOf(step, "micro_step");
  ops.push_back(makeFill(View(kArena, 0, 1024), 0));
  ops.push_back(makeLaunch(0, {View(kParams, 0, 128), View(kArena, 0, 128)}, 4));
  ops.push_back(
      makeMatmul(View(kArena, 0, 128), View(kParams, 0, 128), View(kArena, 1024, 256), 8, 8, 4));
  return step;
}

schema::StepT sampleCudaStep() {
  schema::StepT step = sampleStep();
  step.target->kind = "cuda";
  step.target->triple = "nvptx64-nvidia-cuda";
  step.target->cpu = "sm_90a";
  std::string_view ptx = "// a sample\n.version 8.4\n.target sm_90a\n.address_size 64\n";
  step.code.assign(ptx.begin(), ptx.end());
  auto map = std::make_unique<schema::TensorMapT>();
  map->view = 1;
  map->dtype = schema::DType::BF16;
  map->dims = {8, 8};
  map->strides = {16};
  map->box = {8, 4};
  map->swizzle = schema::Swizzle::Bytes32;
  auto gpu = std::make_unique<schema::GpuLaunchT>();
  gpu->grid_x = 2;
  gpu->block = 128;
  gpu->shared_bytes = 1024;
  gpu->tensor_maps.push_back(std::move(map));
  step.kernels[0]->gpu = std::move(gpu);
  return step;
}

void addWorking(schema::StepT &step) {
  addBuffer(step, "working", BufferKind::Working, 256);
  addProgram(step, "cast");
}

std::unique_ptr<schema::OpT> makeLaunch(unsigned kernel, std::vector<View> views, uint64_t units) {
  schema::LaunchT launch;
  launch.kernel = kernel;
  launch.views = std::move(views);
  launch.units = units;
  auto op = std::make_unique<schema::OpT>();
  op->kind.Set(std::move(launch));
  op->label = "h.0.norm1";
  return op;
}

std::unique_ptr<schema::OpT> makeFill(View view, uint32_t value) {
  schema::FillT fill;
  fill.view = std::make_unique<View>(view);
  fill.value = value;
  auto op = std::make_unique<schema::OpT>();
  op->kind.Set(std::move(fill));
  op->label = "zero";
  return op;
}

std::unique_ptr<schema::OpT> makeMatmul(View a, View b, View c, uint64_t m, uint64_t n,
                                        uint64_t k) {
  schema::MatmulT matmul;
  matmul.a = std::make_unique<View>(a);
  matmul.b = std::make_unique<View>(b);
  matmul.c = std::make_unique<View>(c);
  matmul.m = m;
  matmul.n = n;
  matmul.k = k;
  matmul.lda = k;
  matmul.ldb = n;
  matmul.ldc = n;
  auto op = std::make_unique<schema::OpT>();
  op->kind.Set(std::move(matmul));
  op->label = "h.0.attn.qkv";
  op->flops = 2 * m * n * k;
  return op;
}

std::unique_ptr<schema::OpT> makeF8Matmul() {
  constexpr uint64_t m = 32, n = 16, k = 48;
  auto op = makeMatmul(View(kArena, 0, m * k), View(kArena, 2048, n * k),
                       View(kArena, 4096, m * n * 2), m, n, k);
  schema::MatmulT &matmul = *op->kind.AsMatmul();
  matmul.transpose_b = true;
  matmul.ldb = k;
  matmul.a_type = DType::F8E5M2;
  matmul.b_type = DType::F8E4M3;
  matmul.c_type = DType::BF16;
  matmul.a_scale = std::make_unique<View>(kArena, 8192, 4);
  matmul.b_scale = std::make_unique<View>(kArena, 8208, 4);
  return op;
}

std::vector<std::unique_ptr<schema::OpT>> &opsOf(schema::StepT &step, const std::string &program) {
  return (*std::find_if(step.programs.begin(), step.programs.end(),
                        [&](const auto &p) { return p->name == program; }))
      ->ops;
}

std::vector<uint8_t> emptySharedObject() {
  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_DYN;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_ehsize = sizeof(Elf64_Ehdr);
  header.e_phoff = sizeof(Elf64_Ehdr);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  Elf64_Phdr segment = {};
  segment.p_type = PT_NULL;
  std::vector<uint8_t> bytes(sizeof(header) + sizeof(segment));
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::memcpy(bytes.data() + sizeof(header), &segment, sizeof(segment));
  return bytes;
}

std::vector<std::byte> flatbufferOf(const schema::StepT &step) {
  flatbuffers::FlatBufferBuilder builder;
  schema::FinishStepBuffer(builder, schema::CreateStep(builder, &step));
  const auto *begin = reinterpret_cast<const std::byte *>(builder.GetBufferPointer());
  return {begin, begin + builder.GetSize()};
}

std::vector<std::byte> withHeader(const std::vector<std::byte> &content) {
  StepHeader header = {kStepMagic,     kStepFormatVersion, sizeof(StepHeader),
                       content.size(), hash64(content),    {}};
  std::vector<std::byte> bytes(sizeof(header) + content.size());
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::copy(content.begin(), content.end(), bytes.begin() + sizeof(header));
  return bytes;
}

std::vector<std::byte> fileOf(const schema::StepT &step) { return withHeader(flatbufferOf(step)); }

Result<StepFile> loadStep(const schema::StepT &step) {
  return StepFile::fromBytes(fileOf(step), "step.bin");
}

} // namespace swamla::test
