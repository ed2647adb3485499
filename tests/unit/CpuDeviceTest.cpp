//===- CpuDeviceTest.cpp - running programs on the CPU --------------------===//
#include "runtime/base/File.h"
#include "tests/unit/CpuTestSupport.h"

#include <algorithm>
#include <cmath>
#include <thread>

namespace swamla {
namespace {

using namespace test;
using schema::View;

/// An empty program with TestKernels.c as code and a larger arena.
schema::StepT stepWithKernels() {
  schema::StepT step = emptyStep();
  auto code = readFile(SWAMLA_TEST_KERNELS, 1 << 24);
  if (!code.isOk()) {
    ADD_FAILURE() << code.status().message();
    return step;
  }
  const auto *bytes = reinterpret_cast<const uint8_t *>(code->data());
  step.code.assign(bytes, bytes + code->size());
  struct {
    const char *name;
    unsigned views;
    uint64_t scratch;
  } kernels[] = {{"count_units", 1, 0}, {"use_scratch", 1, 256}, {"scale_add", 3, 40}};
  for (auto &entry : kernels) {
    auto kernel = std::make_unique<schema::KernelT>();
    kernel->name = entry.name;
    kernel->num_views = entry.views;
    kernel->scratch_bytes = entry.scratch;
    step.kernels.push_back(std::move(kernel));
  }
  return step;
}
enum TestKernel : unsigned { kCountUnits, kUseScratch, kScaleAdd };

//===----------------------------------------------------------------------===//
// Memory and slots
//===----------------------------------------------------------------------===//

TEST(CpuDevice, BuffersBeginZeroed) {
  auto loaded = load(emptyStep());
  ASSERT_TRUE(loaded.isOk()) << loaded.status().message();
  for (unsigned buffer = kArena; buffer <= kResults; ++buffer) {
    size_t words = loaded->file->step().buffers()->Get(buffer)->bytes() / 4;
    EXPECT_EQ(read<int32_t>(*loaded->device, buffer, 0, words), std::vector<int32_t>(words, 0));
  }
  EXPECT_GE(loaded->device->allocatedBytes(), 65536U + 3 * 512);
}

TEST(CpuDevice, UploadsAndDownloads) {
  auto loaded = load(emptyStep());
  ASSERT_TRUE(loaded.isOk());
  write(*loaded->device, kParams, 8, {1, 2, 3});
  EXPECT_EQ(read<float>(*loaded->device, kParams, 4, 5), (std::vector<float>{0, 1, 2, 3, 0}));
}

TEST(CpuDevice, RefusesAccessOutsideBuffers) {
  auto loaded = load(emptyStep());
  ASSERT_TRUE(loaded.isOk());
  std::vector<std::byte> bytes(8);
  for (auto [buffer, offset] :
       {std::pair<unsigned, uint64_t>{kParams, 508}, {kParams, UINT64_MAX - 3}, {99, 0}}) {
    EXPECT_EQ(loaded->device->upload(buffer, offset, bytes).code(), StatusCode::Internal);
    EXPECT_EQ(loaded->device->download(buffer, offset, bytes).code(), StatusCode::Internal);
  }
}

TEST(CpuDevice, SlotsReachTheirViews) {
  auto loaded = load(emptyStep());
  ASSERT_TRUE(loaded.isOk());
  Device &device = *loaded->device;
  std::vector<int32_t> targets = {1, 2, 3, 4, 5, 6, 7, 8};
  ASSERT_TRUE(device.writeSlot("micro_step.targets", targets).isOk());
  EXPECT_EQ(read<int32_t>(device, kInput, 32, 8), targets);
  std::vector<float> lr = {0.5F};
  ASSERT_TRUE(device.writeSlot("lr", lr).isOk());
  EXPECT_EQ(read<float>(device, kScalars, 0, 1), lr);
  write(device, kResults, 4, {3.25F});
  std::vector<float> loss(1);
  ASSERT_TRUE(device.readSlot("eval.loss", loss).isOk());
  EXPECT_EQ(loss[0], 3.25F);
}

TEST(CpuDevice, SlotMistakesAreInternalErrors) {
  auto loaded = load(emptyStep());
  ASSERT_TRUE(loaded.isOk());
  std::vector<float> two(2);
  std::vector<int32_t> eight(8);
  Status status = loaded->device->writeSlot("lr", two);
  EXPECT_EQ(status.code(), StatusCode::Internal);
  EXPECT_EQ(status.message(), "slot 'lr' of step.bin has 4 bytes of F32, expected 8 of F32");
  EXPECT_EQ(loaded->device->writeSlot("beta", two).message(), "step.bin has no slot 'beta'");
  EXPECT_FALSE(loaded->device->readSlot("micro_step.tokens", two).isOk());
  EXPECT_FALSE(loaded->device->writeSlot("logits.logits", eight).isOk());
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

TEST(CpuDevice, FillsExactlyTheView) {
  schema::StepT step = emptyStep();
  step.buffers[kArena]->bytes = 1 << 20;
  // Several units of a fill, and a shorter last one.
  opsOf(step, "micro_step").push_back(makeFill(View(kArena, 4, 4 * 100001), 0x3fc00000)); // 1.5
  opsOf(step, "micro_step").push_back(makeFill(View(kArena, 0, 0), 7));                   // nothing
  auto loaded = load(step, {.threads = 3});
  ASSERT_TRUE(loaded.isOk());
  ASSERT_TRUE(loaded->device->run(0).isOk());
  std::vector<float> expected(100003, 1.5F);
  expected.front() = expected.back() = 0;
  EXPECT_EQ(read<float>(*loaded->device, kArena, 0, expected.size()), expected);
}

TEST(CpuDevice, EachUnitRunsOnceWhateverTheThreads) {
  for (unsigned threads : {1, 2, 3, 8})
    for (uint64_t units : {1, 2, 3, 7, 64, 1000, 5003}) {
      schema::StepT step = stepWithKernels();
      opsOf(step, "micro_step")
          .push_back(makeLaunch(kCountUnits, {View(kArena, 0, units * 4)}, units));
      auto loaded = load(step, {.threads = threads});
      ASSERT_TRUE(loaded.isOk()) << loaded.status().message();
      for (int repeat = 0; repeat < 3; ++repeat)
        ASSERT_TRUE(loaded->device->run(0).isOk());
      EXPECT_EQ(read<int32_t>(*loaded->device, kArena, 0, units), std::vector<int32_t>(units, 3))
          << threads << " threads, " << units << " units";
    }
}

TEST(CpuDevice, ThreadsHaveScratchOfTheirOwn) {
  schema::StepT step = stepWithKernels();
  opsOf(step, "micro_step").push_back(makeLaunch(kUseScratch, {View(kArena, 0, 4000)}, 1000));
  auto loaded = load(step, {.threads = 4});
  ASSERT_TRUE(loaded.isOk());
  ASSERT_TRUE(loaded->device->run(0).isOk());
  EXPECT_EQ(read<int32_t>(*loaded->device, kArena, 0, 1000), std::vector<int32_t>(1000, 1));
}

TEST(CpuDevice, OpsRunInOrderOnTheirViews) {
  schema::StepT step = stepWithKernels();
  auto &ops = opsOf(step, "eval");
  ops.push_back(makeFill(View(kResults, 0, 4), 0x40400000)); // 3
  ops.push_back(makeLaunch(kScaleAdd,
                           {View(kParams, 8, 40), View(kArena, 64, 40), View(kResults, 0, 4)}, 10));
  ops.push_back(makeLaunch(kScaleAdd,
                           {View(kArena, 64, 40), View(kArena, 64, 40), View(kResults, 0, 4)}, 10));
  auto loaded = load(step);
  ASSERT_TRUE(loaded.isOk());
  std::vector<float> x = randomValues("x", 10), expected(10);
  write(*loaded->device, kParams, 8, x);
  ASSERT_TRUE(loaded->device->run(*loaded->file->findProgram("eval")).isOk());
  ASSERT_TRUE(loaded->device->wait().isOk());
  for (size_t i = 0; i < 10; ++i)
    expected[i] = 2 * (2 * x[i] + 3) + 3;
  EXPECT_EQ(read<float>(*loaded->device, kArena, 64, 10), expected);
}

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

TEST(CpuDevice, SetupRunsOnceAtCreation) {
  schema::StepT step = stepWithKernels();
  auto program = std::make_unique<schema::ProgramT>();
  program->name = "setup";
  program->ops.push_back(makeLaunch(kCountUnits, {View(kArena, 0, 20)}, 5));
  step.programs.push_back(std::move(program));
  auto loaded = load(step);
  ASSERT_TRUE(loaded.isOk());
  ASSERT_TRUE(loaded->device->run(0).isOk());
  EXPECT_EQ(read<int32_t>(*loaded->device, kArena, 0, 5), std::vector<int32_t>(5, 1));
}

TEST(CpuDevice, PoisonShowsReadsOfWhatWasNotWritten) {
  schema::StepT step = stepWithKernels();
  opsOf(step, "micro_step")
      .push_back(makeLaunch(kScaleAdd,
                            {View(kArena, 0, 4), View(kResults, 0, 4), View(kParams, 0, 4)}, 1));
  auto clean = load(step), poisoned = load(step, {.threads = 2, .poison = true});
  ASSERT_TRUE(clean.isOk() && poisoned.isOk());
  ASSERT_TRUE(clean->device->run(0).isOk());
  ASSERT_TRUE(poisoned->device->run(0).isOk());
  EXPECT_EQ(read<float>(*clean->device, kResults, 0, 1)[0], 0.0F);
  EXPECT_TRUE(std::isnan(read<float>(*poisoned->device, kResults, 0, 1)[0]));
  std::vector<float> arena = read<float>(*poisoned->device, kArena, 0, 65536 / 4);
  EXPECT_TRUE(std::all_of(arena.begin(), arena.end(), [](float v) { return std::isnan(v); }));
  EXPECT_EQ(read<float>(*poisoned->device, kGrads, 0, 128), std::vector<float>(128, 0));
}

TEST(CpuDevice, ProfileCountsEveryOp) {
  schema::StepT step = stepWithKernels();
  auto &ops = opsOf(step, "micro_step");
  ops.push_back(makeLaunch(kCountUnits, {View(kArena, 0, 4000)}, 1000));
  ops.push_back(makeFill(View(kArena, 0, 4000), 0));
  ops.push_back(
      makeMatmul(View(kArena, 0, 256), View(kArena, 256, 256), View(kArena, 512, 256), 8, 8, 8));
  ops[1]->bytes = 4000;
  auto loaded = load(step, {.threads = 2, .profile = true});
  ASSERT_TRUE(loaded.isOk());
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(loaded->device->run(0).isOk());
  std::vector<OpProfile> profile = loaded->device->profile();
  ASSERT_EQ(profile.size(), 3U);
  EXPECT_EQ(profile[0].program, "micro_step");
  EXPECT_EQ(profile[0].label, "h.0.norm1");
  EXPECT_EQ(profile[0].kernel, "count_units");
  EXPECT_EQ(profile[1].kernel, "fill");
  EXPECT_EQ(profile[1].bytes, 4000U);
  EXPECT_EQ(profile[2].kernel, "matmul nn 8x8x8 f32");
  EXPECT_TRUE(profile[2].isMatmul);
  EXPECT_EQ(profile[2].flops, 2U * 8 * 8 * 8);
  for (const OpProfile &op : profile) {
    EXPECT_EQ(op.calls, 3U);
    EXPECT_GT(op.seconds, 0);
  }
  EXPECT_TRUE(load(step)->device->profile().empty());
}

TEST(CpuDevice, RunsFromAnyThread) {
  schema::StepT step = stepWithKernels();
  opsOf(step, "micro_step").push_back(makeLaunch(kCountUnits, {View(kArena, 0, 400)}, 100));
  auto loaded = load(step, {.threads = 3});
  ASSERT_TRUE(loaded.isOk());
  bool good = false;
  std::thread([&] { good = loaded->device->run(0).isOk(); }).join();
  EXPECT_TRUE(good);
  EXPECT_EQ(read<int32_t>(*loaded->device, kArena, 0, 100), std::vector<int32_t>(100, 1));
}

TEST(CpuDevice, DescribesItself) {
  auto one = load(emptyStep(), {.threads = 1}), three = load(emptyStep(), {.threads = 3});
  ASSERT_TRUE(one.isOk() && three.isOk());
  EXPECT_TRUE(one->device->describe().starts_with("cpu: ")) << one->device->describe();
  EXPECT_NE(one->device->describe().find(", 1 thread, oneDNN "), std::string::npos);
  EXPECT_NE(three->device->describe().find(", 3 threads, oneDNN "), std::string::npos);
}

//===----------------------------------------------------------------------===//
// Refusals
//===----------------------------------------------------------------------===//

TEST(CpuDevice, RefusesOtherTargets) {
  schema::StepT step = emptyStep();
  step.target->kind = "tpu";
  EXPECT_EQ(loadError(step), "step.bin was compiled for 'tpu', a target that this build does not "
                             "know; it has: cpu, cuda");
}

TEST(CpuDevice, RefusesUnknownCpus) {
  schema::StepT step = emptyStep();
  step.target->cpu = "x86-64-v9";
  EXPECT_NE(loadError(step).find(
                "step.bin: compiled for the CPU 'x86-64-v9', which this program does not know"),
            std::string::npos);
}

TEST(CpuDevice, RefusesProgramsThatCannotFit) {
  schema::StepT step = emptyStep();
  step.buffers[kArena]->bytes = uint64_t(1) << 47;
  auto loaded = load(step);
  ASSERT_FALSE(loaded.isOk());
  EXPECT_EQ(loaded.status().code(), StatusCode::ResourceExhausted);
  std::string error = loaded.status().message();
  EXPECT_TRUE(error.starts_with("step.bin: needs 128.00 TiB of memory (128.00 TiB of them for "
                                "activations), this machine has "))
      << error;
  EXPECT_TRUE(error.ends_with("; compile with a smaller --batch or with --checkpoint=block"))
      << error;
}

TEST(CpuDevice, RefusesCodeThatTheLoaderRefuses) {
  EXPECT_NE(loadError(sampleStep()).find("step.bin: cannot load the kernels: "), std::string::npos)
      << loadError(sampleStep());
  schema::StepT step = stepWithKernels();
  step.kernels[1]->name = "no_such_kernel";
  EXPECT_EQ(loadError(step), "step.bin: the code has no function 'no_such_kernel'");
}

TEST(CpuDevice, RefusesSillyOptionsAndPrograms) {
  EXPECT_EQ(loadError(emptyStep(), {.threads = 1025}), "1025 threads; at most 1024 are possible");
  auto loaded = load(emptyStep());
  ASSERT_TRUE(loaded.isOk());
  EXPECT_EQ(loaded->device->run(4).code(), StatusCode::Internal);
}

} // namespace
} // namespace swamla
