//===- StepVerifyTest.cpp - well-formed files that make no sense ----------===//
//
// Each case changes one thing in a valid program and names the part of the
// message that must follow.
//
//===----------------------------------------------------------------------===//
#include "tests/unit/StepRefusal.h"

#include <limits>

namespace swamla {
namespace {

using namespace test;
using schema::BufferKind;
using schema::DType;
using schema::View;

schema::OpT &op(schema::StepT &step, unsigned index) { return *opsOf(step, "micro_step")[index]; }
schema::FillT &fill(schema::StepT &step) { return *op(step, 0).kind.AsFill(); }
schema::LaunchT &launch(schema::StepT &step) { return *op(step, 1).kind.AsLaunch(); }
schema::SlotT &slot(schema::StepT &step, const char *name) {
  for (auto &s : step.slots)
    if (s->name == name)
      return *s;
  std::abort();
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

const std::vector<StepChange> &cases() {
  static const std::vector<StepChange> all = {
      // Model.
      {"NoVocabulary", [](auto &s) { s.model->vocab_size = 0; },
       "model: vocab_size 0, block_size 4 and batch 2 must all be at least 1"},
      {"TooManyTokens", [](auto &s) { s.model->batch = 1U << 30; },
       "batch x block_size = 4294967296 must be at most 2147483647"},
      {"Flops", [](auto &s) { s.model->forward_flops_per_token = kInfinity; },
       "model: forward_flops_per_token is inf"},
      {"Optimizer", [](auto &s) { s.model->optimizer = "sgd"; },
       "model: optimizer is 'sgd', expected 'adamw' or 'lion'"},
      {"NumParams", [](auto &s) { s.model->num_params = 41; },
       "model: num_params is 41, but the parameters have 40 elements"},
      // Buffers.
      {"BufferName", [](auto &s) { s.buffers[0]->name = "my arena"; },
       "buffers[0]: the name 'my arena' is not 1 to 255 printable"},
      {"BufferNameTwice", [](auto &s) { s.buffers[3]->name = "grads"; },
       "buffers[3]: there already is one with the name 'grads'"},
      {"BufferKind", [](auto &s) { s.buffers[0]->kind = BufferKind(99); },
       "buffers[0] ('arena'): kind 99 is not known"},
      {"BufferSize", [](auto &s) { s.buffers[0]->bytes = 65537; },
       "buffers[0] ('arena'): a size of 65537 bytes; expected a multiple of 4"},
      {"BufferHuge", [](auto &s) { s.buffers[0]->bytes = UINT64_MAX - 3; },
       "buffers[0] ('arena'): a size of 18446744073709551612 bytes"},
      {"NoParamsBuffer", [](auto &s) { s.buffers[1]->kind = BufferKind::State; },
       "buffers: 0 of kind Params, expected exactly one"},
      {"TwoGradsBuffers", [](auto &s) { s.buffers[3]->kind = BufferKind::Grads; },
       "buffers: 2 of kind Grads, expected exactly one"},
      {"TwoArenas", [](auto &s) { s.buffers[6]->kind = BufferKind::Arena; },
       "buffers: 2 of kind Arena, expected at most one"},
      {"TwoScalars", [](auto &s) { s.buffers[6]->kind = BufferKind::Scalars; },
       "buffers: 2 of kind Scalars, expected at most one"},
      {"MaxLive", [](auto &s) { s.max_live_bytes = 65537; },
       "max_live_bytes is 65537, more than the arena's 65536 bytes"},
      // Parameters.
      {"GradsSize", [](auto &s) { s.buffers[2]->bytes = 256; },
       "buffer 'grads' has 256 bytes; expected 512 bytes, as in 'params'"},
      {"StateSize", [](auto &s) { s.buffers[3]->bytes = 1024; },
       "buffer 'adamw.m' has 1024 bytes; expected 512 bytes"},
      {"StateType", [](auto &s) { s.buffers[3]->dtype = DType(99); },
       "buffers[3] ('adamw.m'): type 99 is not known"},
      {"StateLayout", [](auto &s) { s.buffers[3]->dtype = DType::I8; },
       "buffers[3] ('adamw.m'): has type I8 in the layout of the parameters; expected F32 or BF16"},
      {"StateBf16Size", [](auto &s) { s.buffers[3]->dtype = DType::BF16; },
       "buffer 'adamw.m' has 512 bytes; expected 256 bytes"},
      {"StateShapeSize", [](auto &s) { s.buffers[3]->shape = {120}; },
       "buffers[3] ('adamw.m'): has 512 bytes; expected 480, as its shape has it"},
      {"StateShapeZero", [](auto &s) { s.buffers[3]->shape = {128, 0}; },
       "buffers[3] ('adamw.m'): a size of 0 in its shape"},
      {"TypeOfGrads", [](auto &s) { s.buffers[2]->dtype = DType::BF16; },
       "buffers[2] ('grads'): has a type or a shape; expected those of states only"},
      {"OptimizerState", [](auto &s) { s.model->optimizer_state = "int2"; },
       "model: optimizer_state is 'int2', expected 'bf16', 'fp8', 'int8' or 'int4'"},
      {"ParamName", [](auto &s) { s.params[0]->name = ""; },
       "params[0]: the name '' is not 1 to 255 printable"},
      {"ParamNameTwice", [](auto &s) { s.params[1]->name = "w"; },
       "params[1]: there already is one with the name 'w'"},
      {"ParamShape", [](auto &s) { s.params[0]->shape = {4, 0}; },
       "params[0] ('w'): the shape [4, 0] has a dim of 0"},
      {"ParamShapeOverflow", [](auto &s) { s.params[0]->shape = {1ULL << 32, 1ULL << 32}; },
       "params[0] ('w'): the shape [4294967296, 4294967296] has"},
      {"ParamRank", [](auto &s) { s.params[0]->shape.assign(1000, 1); },
       "the shape [1, 1, 1, 1, 1, 1, 1, 1, ...] has a dim of 0, more than 8 dims"},
      {"ParamEnd", [](auto &s) { s.params[1]->offset = 121; },
       "params[1] ('b'): 8 elements from element 121, but the parameter buffer has 128 elements"},
      {"ParamOffsetOverflow", [](auto &s) { s.params[1]->offset = UINT64_MAX; },
       "8 elements from element 18446744073709551615"},
      {"ParamOverlap", [](auto &s) { s.params[1]->offset = 31; },
       "params[1] ('b') begins at element 31, inside params[0] ('w'), which ends at element 32"},
      {"ParamInit", [](auto &s) { s.params[0]->init_value = kInfinity; },
       "params[0] ('w'): init_value is inf"},
      {"WorkingSize",
       [](auto &s) {
         addWorking(s);
         s.buffers[kWorking]->bytes = 512;
       },
       "buffer 'working' has 512 bytes; expected at most 256 bytes, half of 'params'"},
      // Slots.
      {"SlotName", [](auto &s) { slot(s, "lr").name = "l\nr"; },
       "slots[5]: the name 'l\\x0ar' is not"},
      {"SlotNameTwice", [](auto &s) { slot(s, "lr").name = "eval.tokens"; },
       "slots[5]: there already is one with the name 'eval.tokens'"},
      {"SlotType", [](auto &s) { slot(s, "lr").dtype = schema::DType(9); },
       "slots[5] ('lr'): element type 9 is not known"},
      {"SlotBuffer", [](auto &s) { slot(s, "lr").view = view(7, 0, 4); },
       "slots[5] ('lr'): its view is in buffer 7, but there are 7 buffers"},
      {"SlotEnd", [](auto &s) { slot(s, "lr").view = view(kScalars, 64, 4); },
       "slots[5] ('lr'): its view covers 4 bytes from byte 64, but buffer 'scalars' has 64 bytes"},
      {"SlotSize", [](auto &s) { slot(s, "lr").shape = {2}; },
       "slots[5] ('lr'): its view has 4 bytes, which is not the size of F32 [2]"},
      {"SlotInArena", [](auto &s) { slot(s, "lr").view = view(kArena, 0, 4); },
       "slots[5] ('lr'): lies in a buffer of kind Arena, expected Input, Scalars or Results"},
      {"SlotMissing", [](auto &s) { slot(s, "apply.grad_norm").name = "norm"; },
       "slots: there is no 'apply.grad_norm'"},
      {"SlotInterfaceType", [](auto &s) { slot(s, "eval.loss").dtype = schema::DType::I32; },
       "slot 'eval.loss' has 1 elements of I32, expected 1 of F32"},
      {"SlotInterfaceSize", [](auto &s) { s.model->batch = 3; },
       "slot 'micro_step.tokens' has 8 elements of I32, expected 12 of I32"},
      // Kernels and code.
      {"KernelName", [](auto &s) { s.kernels[0]->name = std::string("a\0b", 3); },
       "kernels[0]: the name 'a\\x00b' is not"},
      {"KernelNameTwice",
       [](auto &s) { s.kernels.push_back(std::make_unique<schema::KernelT>(*s.kernels[0])); },
       "kernels[1]: there already is one with the name 'row_0'"},
      {"KernelScratch", [](auto &s) { s.kernels[0]->scratch_bytes = 1ULL << 31; },
       "kernels[0] ('row_0'): scratch_bytes is 2147483648, at most 1073741824 are allowed"},
      {"NoCode", [](auto &s) { s.code.clear(); }, "code: 0 bytes that are not an ELF file"},
      {"CodeMagic", [](auto &s) { s.code[1] = 'F'; }, "code: 120 bytes that are not an ELF file"},
      {"CodeMachine", [](auto &s) { s.code[18] = 183; },
       "code: an ELF file of type 3 for machine 183; expected a shared object (type 3) for x86-64 "
       "(machine 62)"},
      {"CodeType", [](auto &s) { s.code[16] = 2; }, "code: an ELF file of type 2 for machine 62"},
      {"CodeHeaders", [](auto &s) { s.code.pop_back(); },
       "code: the ELF file's 1 program headers of 56 bytes at byte 64 are not inside its 119 "
       "bytes"},
      {"CodeSegment", [](auto &s) { s.code[64 + 8] = 121; },
       "code: segment 0 of the ELF file has 0 bytes from byte 121, but the file has 120 bytes"},
      // Programs.
      {"ProgramName", [](auto &s) { s.programs[0]->name = "micro step"; },
       "programs[0]: the name 'micro step' is not"},
      {"ProgramNameTwice", [](auto &s) { s.programs[2]->name = "apply"; },
       "programs[2]: there already is one with the name 'apply'"},
      {"ProgramMissing", [](auto &s) { s.programs[3]->name = "sample"; },
       "programs: there is no 'logits'"},
      {"CastMissing",
       [](auto &s) {
         addWorking(s);
         s.programs.pop_back();
       },
       "programs: there is no 'cast', but a buffer of kind Working; expected both or neither"},
      {"CastWithoutWorking",
       [](auto &s) {
         addWorking(s);
         s.buffers.pop_back();
       },
       "programs: there is a 'cast', but no buffer of kind Working"},
      // Launches.
      {"LaunchKernel", [](auto &s) { launch(s).kernel = 1; },
       "programs[0].ops[1] ('h.0.norm1'): launches kernel 1, but there are 1 kernels"},
      {"LaunchViews", [](auto &s) { launch(s).views.pop_back(); },
       "('h.0.norm1'): 1 views, but kernel 'row_0' takes 2"},
      {"LaunchNoUnits", [](auto &s) { launch(s).units = 0; }, "('h.0.norm1'): 0 units of work"},
      {"LaunchUnits", [](auto &s) { launch(s).units = 1ULL << 31; },
       "('h.0.norm1'): 2147483648 units of work, expected 1 to 2147483647"},
      {"LaunchBuffer", [](auto &s) { launch(s).views[1] = View(9, 0, 4); },
       "('h.0.norm1'): view 1 is in buffer 9, but there are 7 buffers"},
      {"LaunchViewEnd", [](auto &s) { launch(s).views[1] = View(kArena, 65408, 132); },
       "('h.0.norm1'): view 1 covers 132 bytes from byte 65408, but buffer 'arena' has 65536 "
       "bytes"},
      {"LaunchViewOverflow", [](auto &s) { launch(s).views[1] = View(kArena, 8, UINT64_MAX - 3); },
       "view 1 covers 18446744073709551612 bytes from byte 8"},
      // Fills.
      {"FillEnd", [](auto &s) { fill(s).view = view(kArena, 65536, 4); },
       "programs[0].ops[0] ('zero'): the view covers 4 bytes from byte 65536"},
      {"FillSize", [](auto &s) { fill(s).view = view(kArena, 0, 6); },
       "('zero'): the view covers 6 bytes from byte 0; both must be multiples of 4"},
      {"FillInput", [](auto &s) { fill(s).view = view(kInput, 0, 4); },
       "('zero'): writes to buffer 'input' of kind Input, which is the runtime's"},
  };
  return all;
}

class StepVerifyTest : public testing::TestWithParam<StepChange> {};

TEST_P(StepVerifyTest, IsRefused) { expectRefused(sampleStep(), GetParam()); }

/// The same for programs for a GPU.
schema::KernelT &kernel(schema::StepT &step) { return *step.kernels[0]; }
schema::TensorMapT &map(schema::StepT &step) { return *kernel(step).gpu->tensor_maps[0]; }

const std::vector<StepChange> &gpuCases() {
  static const std::vector<StepChange> all = {
      {"NoLaunch", [](auto &s) { kernel(s).gpu.reset(); },
       "kernels[0] ('row_0'): has no GPU launch, but the target is 'cuda'"},
      {"LaunchOnCpu", [](auto &s) { s.target->kind = "cpu"; },
       "kernels[0] ('row_0'): has a GPU launch, but the target is 'cpu'"},
      {"NoGrid", [](auto &s) { kernel(s).gpu->grid_x = 0; },
       "kernels[0] ('row_0'): a grid of 0 x 1 x 1 blocks; expected 1 to 2147483647, 65535 and"},
      {"GridY", [](auto &s) { kernel(s).gpu->grid_y = 65536; }, "a grid of 2 x 65536 x 1 blocks"},
      {"GridZ", [](auto &s) { kernel(s).gpu->grid_z = 0; }, "a grid of 2 x 1 x 0 blocks"},
      {"NoThreads", [](auto &s) { kernel(s).gpu->block = 0; }, "a block of 0 threads"},
      {"Threads", [](auto &s) { kernel(s).gpu->block = 1025; },
       "a block of 1025 threads; expected 1 to 1024"},
      {"SharedBytes", [](auto &s) { kernel(s).gpu->shared_bytes = 232449; },
       "232449 bytes of shared memory, at most 232448 are possible"},
      {"MapView", [](auto &s) { map(s).view = 2; },
       "('row_0'): tensor_maps[0] is of view 2, but the kernel takes 2"},
      {"MapRank",
       [](auto &s) {
         map(s).dims.assign(6, 8);
         map(s).strides.assign(5, 16);
         map(s).box.assign(6, 8);
       },
       "tensor_maps[0]: 6 dims, 5 strides and a box of 6 dims; expected 1 to 5 dims"},
      {"MapStrides", [](auto &s) { map(s).strides.clear(); }, "2 dims, 0 strides and a box of 2"},
      {"MapBoxRank", [](auto &s) { map(s).box.pop_back(); }, "2 dims, 1 strides and a box of 1"},
      {"MapType", [](auto &s) { map(s).dtype = DType(77); },
       "tensor_maps[0]: element type 77 or swizzle 1 is not known"},
      {"MapSwizzle", [](auto &s) { map(s).swizzle = schema::Swizzle(9); },
       "element type 2 or swizzle 9 is not known"},
      {"MapDim", [](auto &s) { map(s).dims[1] = 0; },
       "dim 1 has 0 elements and a box of 4; expected 1 to 4294967296 and 1 to 256"},
      {"MapBox", [](auto &s) { map(s).box[1] = 257; }, "dim 1 has 8 elements and a box of 257"},
      {"MapStride", [](auto &s) { map(s).strides[0] = 24; },
       "the stride of dim 1 is 24 bytes; expected a multiple of 16 below 1099511627776"},
      {"MapStrideHuge", [](auto &s) { map(s).strides[0] = 1ULL << 40; },
       "the stride of dim 1 is 1099511627776 bytes"},
      {"MapBoxBytes", [](auto &s) { map(s).box[0] = 4; },
       "rows of the box have 8 bytes; expected a multiple of 16, at most 32 with swizzle Bytes32"},
      {"MapSwizzleSpan", [](auto &s) { map(s).box[0] = 24; }, "rows of the box have 48 bytes"},
      {"MapExtent", [](auto &s) { map(s).dims[1] = 9; },
       "programs[0].ops[1] ('h.0.norm1'): tensor_maps[0] of its kernel reaches 144 bytes from byte "
       "0 of view 1, which has 128"},
      {"MapExtentOverflow",
       [](auto &s) {
         map(s).dims[1] = 1ULL << 32;
         map(s).strides[0] = (1ULL << 40) - 16;
       },
       "reaches 2^64 or more bytes"},
      {"MapOffset", [](auto &s) { map(s).offset = 16; },
       "reaches 128 bytes from byte 16 of view 1"},
      {"MapOffsetOverflow", [](auto &s) { map(s).offset = UINT64_MAX - 15; },
       "reaches 128 bytes from byte 18446744073709551600"},
      {"MapAlignment", [](auto &s) { launch(s).views[1] = View(kArena, 8, 128); },
       "tensor_maps[0] of its kernel begins at byte 8 of its buffer, expected a multiple of 16"},
      {"NoPtx", [](auto &s) { s.code.clear(); }, "code: 0 bytes that are not PTX text"},
      {"ElfAsPtx", [](auto &s) { s.code = emptySharedObject(); },
       "code: byte 7 is zero; expected PTX text"},
      {"CubinGarbage", [](auto &s) { s.cubin = {1, 2, 3}; },
       "cubin: 3 bytes that are not an ELF file for CUDA (machine 190)"},
      {"CubinOfCpu", [](auto &s) { s.cubin = emptySharedObject(); }, "cubin: 120 bytes that are"},
      {"CubinOnCpu",
       [](auto &s) {
         s.target->kind = "cpu";
         kernel(s).gpu.reset();
         s.code = s.cubin = emptySharedObject();
       },
       "cubin: there is one, but the target is 'cpu'"},
  };
  return all;
}

class StepVerifyGpuTest : public testing::TestWithParam<StepChange> {};

TEST_P(StepVerifyGpuTest, IsRefused) { expectRefused(sampleCudaStep(), GetParam()); }

INSTANTIATE_TEST_SUITE_P(Change, StepVerifyGpuTest, testing::ValuesIn(gpuCases()),
                         [](const auto &info) { return info.param.name; });

TEST(StepVerify, TakesProgramsForGpus) {
  schema::StepT step = sampleCudaStep();
  addWorking(step);
  auto file = loadStep(step);
  EXPECT_TRUE(file.isOk()) << file.status().message();
}

INSTANTIATE_TEST_SUITE_P(Change, StepVerifyTest, testing::ValuesIn(cases()),
                         [](const auto &info) { return info.param.name; });

/// The place of a table's field inside bytes that the test owns.
uint8_t *fieldOf(const void *table, flatbuffers::voffset_t field) {
  return const_cast<uint8_t *>(static_cast<const flatbuffers::Table *>(table)->GetAddressOf(field));
}

std::string errorOf(const std::vector<std::byte> &content) {
  auto file = StepFile::fromBytes(withHeader(content), "step.bin");
  return file.isOk() ? "no error" : file.status().message();
}

TEST(StepVerify, MisalignedVectorsAreRefused) {
  // A vector that begins 4 bytes later is still inside the file: its count is then half of an
  // element.
  std::vector<std::byte> content = flatbufferOf(sampleStep());
  const schema::Step *step = schema::GetStep(content.data());
  uint8_t *fields[] = {
      fieldOf(step->params()->Get(0), schema::Param::VT_SHAPE),
      fieldOf(step->slots()->Get(0), schema::Slot::VT_SHAPE),
      fieldOf(step->programs()->Get(0)->ops()->Get(1)->kind(), schema::Launch::VT_VIEWS),
  };
  for (uint8_t *field : fields) {
    ASSERT_NE(field, nullptr);
    auto offset = flatbuffers::ReadScalar<uint32_t>(field);
    flatbuffers::WriteScalar(field, offset + 4);
    EXPECT_NE(errorOf(content).find("a vector of 8-byte elements is not at a multiple of 8 bytes"),
              std::string::npos)
        << errorOf(content);
    flatbuffers::WriteScalar(field, offset);
  }
  EXPECT_EQ(errorOf(content), "no error");
}

TEST(StepVerify, UnknownOpKindsAreRefused) {
  // The object interface cannot write one, so the type's byte is found and changed.
  std::vector<std::byte> content = flatbufferOf(sampleStep());
  uint8_t *kind = fieldOf(schema::GetStep(content.data())->programs()->Get(0)->ops()->Get(0),
                          schema::Op::VT_KIND_TYPE);
  ASSERT_NE(kind, nullptr);
  for (uint8_t unknown : {0, 77}) {
    *kind = unknown;
    EXPECT_NE(errorOf(content).find(fmt::format(
                  "programs[0].ops[0] ('zero'): an op of kind {} is not known", unknown)),
              std::string::npos)
        << errorOf(content);
  }
}

} // namespace
} // namespace swamla
