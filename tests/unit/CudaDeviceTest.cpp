//===- CudaDeviceTest.cpp - running programs on a GPU ---------------------===//
#include "runtime/base/Timer.h"
#include "tests/unit/CudaTestSupport.h"

#include <algorithm>
#include <cmath>
#include <thread>

namespace swamla {
namespace {

using namespace test;
using schema::View;

class CudaDeviceTest : public CudaTest {};

/// Bits of a float, for fills.
constexpr uint32_t kThree = 0x40400000, kTwo = 0x40000000;

/// x of scale_add lies in params, y in the arena, s in results.
std::unique_ptr<schema::OpT> scaleAdd(View x, View y, View s) {
  return makeLaunch(kScaleAdd, {x, y, s}, 1);
}
constexpr uint64_t kBytes = 4000; ///< of scale_add's x and y

schema::StepT stepWithLargeParams() {
  schema::StepT step = stepWithCudaKernels();
  for (unsigned flat : {kParams, kGrads, kState})
    step.buffers[flat]->bytes = 8192;
  return step;
}

//===----------------------------------------------------------------------===//
// Access
//===----------------------------------------------------------------------===//

TEST_F(CudaDeviceTest, BuffersAreZeroAndKeepWhatIsWritten) {
  schema::StepT step = emptyCudaStep();
  step.buffers[kArena]->bytes = uint64_t(5) << 20;
  auto loaded = load(step, {});
  ASSERT_TRUE(succeeded(loaded));
  Device &device = *loaded->device;
  std::vector<uint8_t> zero(step.buffers[kArena]->bytes);
  EXPECT_EQ(test::read<uint8_t>(device, kArena, 0, zero.size()), zero);
  std::vector<uint8_t> expected = zero;
  uint64_t at = 1;
  // Sizes that are numbers, pieces of words, and several pieces of the staging area.
  for (size_t size : {size_t(4), size_t(1), size_t(0), size_t(7), size_t(65536), size_t(3) << 20}) {
    std::vector<uint8_t> data(size);
    for (size_t i = 0; i < size; ++i)
      data[i] = uint8_t(i * 7 + size);
    std::ranges::copy(data, expected.begin() + ptrdiff_t(at));
    ASSERT_TRUE(succeeded(device.upload(kArena, at, std::as_bytes(std::span(data)))));
    std::ranges::fill(data, 0); // free again at once
    at += size + 3;
  }
  EXPECT_EQ(test::read<uint8_t>(device, kArena, 0, expected.size()), expected);
  EXPECT_EQ(test::read<uint8_t>(device, kArena, 5, 70000),
            std::vector<uint8_t>(expected.begin() + 5, expected.begin() + 70005));
}

TEST_F(CudaDeviceTest, AccessOutsideIsAnInternalError) {
  auto loaded = load(emptyCudaStep(), {});
  ASSERT_TRUE(succeeded(loaded));
  std::vector<std::byte> data(8);
  for (auto [buffer, offset] : {std::pair(7U, 0ULL), {kResults, 124ULL}, {kResults, ~0ULL}}) {
    EXPECT_EQ(loaded->device->upload(buffer, offset, data).code(), StatusCode::Internal);
    EXPECT_EQ(loaded->device->download(buffer, offset, data).code(), StatusCode::Internal);
  }
  EXPECT_EQ(loaded->device->run(4).code(), StatusCode::Internal);
}

TEST_F(CudaDeviceTest, UploadsAreInOrderWithPrograms) {
  // Many rounds without a wait: each must see its own numbers.
  schema::StepT step = stepWithLargeParams();
  opsOf(step, "micro_step")
      .push_back(
          scaleAdd(View(kParams, 0, kBytes), View(kArena, 0, kBytes), View(kResults, 64, 4)));
  opsOf(step, "eval")
      .push_back(
          scaleAdd(View(kArena, 0, kBytes), View(kArena, 8192, kBytes), View(kResults, 64, 4)));
  auto loaded = load(step, {});
  ASSERT_TRUE(succeeded(loaded));
  Device &device = *loaded->device;
  for (int round = 0; round < 50; ++round) {
    std::vector<float> x(1000, float(round));
    test::write(device, kParams, 0, x);
    ASSERT_TRUE(succeeded(device.run(0)));
    ASSERT_TRUE(succeeded(device.run(2)));
    test::write(device, kParams, 0, std::vector<float>(1000, -1));
    if (round % 10 == 9)
      EXPECT_EQ(test::read<float>(device, kArena, 8192, 1000),
                std::vector<float>(1000, 4 * float(round)));
  }
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

TEST_F(CudaDeviceTest, FillsExactlyTheView) {
  schema::StepT step = emptyCudaStep();
  step.buffers[kArena]->bytes = 1 << 20;
  opsOf(step, "micro_step").push_back(makeFill(View(kArena, 4, 4 * 100001), kThree));
  opsOf(step, "micro_step").push_back(makeFill(View(kArena, 0, 0), 7)); // nothing
  auto loaded = load(step, {});
  ASSERT_TRUE(succeeded(loaded));
  ASSERT_TRUE(succeeded(loaded->device->run(0)));
  std::vector<float> expected(100003, 3);
  expected.front() = expected.back() = 0;
  EXPECT_EQ(test::read<float>(*loaded->device, kArena, 0, expected.size()), expected);
}

TEST_F(CudaDeviceTest, OpsRunInOrderOnTheirViews) {
  for (bool graph : {false, true}) {
    schema::StepT step = stepWithLargeParams();
    auto &ops = opsOf(step, "eval");
    View y(kArena, 64, kBytes), s(kResults, 64, 4);
    ops.push_back(makeFill(s, kThree));
    ops.push_back(scaleAdd(View(kParams, 8, kBytes), y, s));
    ops.push_back(makeFill(s, kTwo));
    ops.push_back(scaleAdd(y, y, s));
    DeviceOptions options;
    options.graph = graph;
    auto loaded = load(step, options);
    ASSERT_TRUE(succeeded(loaded));
    for (const char *name : {"first", "second", "third", "fourth"}) { // as ops, then as a graph
      std::vector<float> x = randomValues(name, 1000), expected(1000);
      test::write(*loaded->device, kParams, 8, x);
      ASSERT_TRUE(succeeded(loaded->device->run(*loaded->file->findProgram("eval"))));
      for (size_t i = 0; i < 1000; ++i)
        expected[i] = 2 * (2 * x[i] + 3) + 2;
      EXPECT_EQ(test::read<float>(*loaded->device, kArena, 64, 1000), expected) << name << graph;
    }
  }
}

TEST_F(CudaDeviceTest, KernelsHaveScratchOfTheirOwn) {
  schema::StepT step = stepWithCudaKernels();
  auto &ops = opsOf(step, "micro_step");
  ops.push_back(makeLaunch(kCount, {View(kArena, 0, 4)}, 1));
  ops.push_back(makeLaunch(kCount, {View(kArena, 4, 4)}, 1));
  ops.push_back(makeLaunch(kCountToo, {View(kArena, 8, 4)}, 1));
  auto loaded = load(step, {});
  ASSERT_TRUE(succeeded(loaded));
  for (int32_t round = 0; round < 3; ++round) {
    ASSERT_TRUE(succeeded(loaded->device->run(0)));
    EXPECT_EQ(test::read<int32_t>(*loaded->device, kArena, 0, 3),
              (std::vector<int32_t>{2 * round + 1, 2 * round + 2, round + 1}));
  }
}

TEST_F(CudaDeviceTest, TensorMapsReachTheKernel) {
  schema::StepT step = stepWithCudaKernels();
  opsOf(step, "micro_step")
      .push_back(makeLaunch(kTile, {View(kArena, 32, 320), View(kArena, 1024, 128)}, 1));
  auto loaded = load(step, {});
  ASSERT_TRUE(succeeded(loaded));
  std::vector<float> matrix = randomValues("matrix", 72), expected(32);
  test::write(*loaded->device, kArena, 48, matrix); // the map's offset is 16 bytes
  test::write(*loaded->device, kArena, 1024, std::vector<float>(32, -1));
  ASSERT_TRUE(succeeded(loaded->device->run(0)));
  for (size_t row = 0; row < 4; ++row)
    for (size_t column = 0; column < 8; ++column) // what lies outside is zero
      if (row + 3 < 6 && column + 4 < 8)
        expected[row * 8 + column] = matrix[(row + 3) * 12 + column + 4];
  EXPECT_EQ(test::read<float>(*loaded->device, kArena, 1024, 32), expected);
}

//===----------------------------------------------------------------------===//
// Results that leave early
//===----------------------------------------------------------------------===//

/// A step that writes its loss, then works for `cycles`, and the time until it is known, and done.
void expectEarlyLoss(bool graph) {
  schema::StepT step = stepWithCudaKernels();
  auto &ops = opsOf(step, "micro_step");
  ops.push_back(makeFill(View(kResults, 0, 4), kThree));
  ops.push_back(makeFill(View(kResults, 0, 4), kTwo)); // only the last value counts
  ops.push_back(makeLaunch(kDelay, {View(kInput, 0, 4), View(kArena, 0, 4)}, 1));
  DeviceOptions options;
  options.graph = graph;
  auto loaded = load(step, options);
  ASSERT_TRUE(succeeded(loaded));
  Device &device = *loaded->device;
  int32_t cycles = 200'000'000;
  ASSERT_TRUE(succeeded(device.upload(kInput, 0, std::as_bytes(std::span(&cycles, 1)))));
  for (int round = 0; round < 3; ++round) {
    Timer timer;
    ASSERT_TRUE(succeeded(device.run(0)));
    float loss = 0;
    ASSERT_TRUE(succeeded(
        device.downloadResult(0, kResults, 0, std::as_writable_bytes(std::span(&loss, 1)))));
    double known = timer.seconds();
    ASSERT_TRUE(succeeded(device.wait()));
    double done = timer.seconds();
    EXPECT_EQ(loss, 2);
    EXPECT_GT(done, 0.05) << "the delay is no delay";
    if (round > 0) // the first run loads code
      EXPECT_LT(known, done / 2) << "known after " << known << " s, done after " << done;
  }
  EXPECT_EQ(test::read<int32_t>(device, kArena, 0, 1)[0], 1);
}

TEST_F(CudaDeviceTest, ResultsLeaveEarlyFromGraphs) { expectEarlyLoss(true); }
TEST_F(CudaDeviceTest, ResultsLeaveEarlyFromStreams) { expectEarlyLoss(false); }

TEST_F(CudaDeviceTest, ResultsAreThoseOfTheLastRun) {
  schema::StepT step = stepWithLargeParams();
  // The first element of y is the loss.
  step.buffers[kResults]->bytes = 8192;
  opsOf(step, "micro_step")
      .push_back(scaleAdd(View(kParams, 0, kBytes), View(kResults, 0, kBytes), View(kArena, 0, 4)));
  auto loaded = load(step, {});
  ASSERT_TRUE(succeeded(loaded));
  Device &device = *loaded->device;
  auto result = [&](unsigned program) {
    float value = -1;
    EXPECT_TRUE(succeeded(
        device.downloadResult(program, kResults, 0, std::as_writable_bytes(std::span(&value, 1)))));
    return value;
  };
  EXPECT_EQ(result(0), 0) << "before any run it is what the buffer holds";
  for (int round = 1; round < 20; ++round) {
    test::write(device, kParams, 0, std::vector<float>(1000, float(round)));
    ASSERT_TRUE(succeeded(device.run(0)));
    if (round % 3 == 0) // a run whose result nobody looks at
      ASSERT_TRUE(succeeded(device.run(0)));
    EXPECT_EQ(result(0), 2 * float(round));
    EXPECT_EQ(result(0), 2 * float(round)) << "looked at twice";
    EXPECT_EQ(result(2), 2 * float(round)) << "a program that does not write it";
  }
}

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

TEST_F(CudaDeviceTest, SetupRunsOnceAtCreation) {
  schema::StepT step = stepWithCudaKernels();
  auto program = std::make_unique<schema::ProgramT>();
  program->name = "setup";
  program->ops.push_back(makeLaunch(kCount, {View(kArena, 0, 4)}, 1));
  step.programs.push_back(std::move(program));
  auto loaded = load(step, {});
  ASSERT_TRUE(succeeded(loaded));
  ASSERT_TRUE(succeeded(loaded->device->run(0)));
  EXPECT_EQ(test::read<int32_t>(*loaded->device, kArena, 0, 1)[0], 1);
}

TEST_F(CudaDeviceTest, PoisonShowsReadsOfWhatWasNotWritten) {
  schema::StepT step = stepWithLargeParams();
  opsOf(step, "micro_step")
      .push_back(scaleAdd(View(kArena, 0, kBytes), View(kGrads, 0, kBytes), View(kParams, 0, 4)));
  DeviceOptions options;
  options.poison = true;
  auto clean = load(step, {}), poisoned = load(step, options);
  ASSERT_TRUE(succeeded(clean) && succeeded(poisoned));
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(succeeded(clean->device->run(0)));
    ASSERT_TRUE(succeeded(poisoned->device->run(0)));
    EXPECT_EQ(test::read<float>(*clean->device, kGrads, 0, 1)[0], 0.0F);
    EXPECT_TRUE(std::isnan(test::read<float>(*poisoned->device, kGrads, 0, 1)[0]));
  }
  std::vector<float> arena = test::read<float>(*poisoned->device, kArena, 0, 65536 / 4);
  EXPECT_TRUE(std::ranges::all_of(arena, [](float v) { return std::isnan(v); }));
}

TEST_F(CudaDeviceTest, ProfileCountsEveryOp) {
  schema::StepT step = stepWithCudaKernels();
  auto &ops = opsOf(step, "micro_step");
  ops.push_back(makeLaunch(kDelay, {View(kInput, 0, 4), View(kArena, 0, 4)}, 1));
  for (int i = 0; i < 300; ++i) // more than are enqueued behind the gate
    ops.push_back(makeFill(View(kArena, 0, 4000), 0));
  ops.push_back(
      makeMatmul(View(kArena, 0, 256), View(kArena, 256, 256), View(kArena, 512, 256), 8, 8, 8));
  DeviceOptions options;
  options.profile = true;
  auto loaded = load(step, options);
  ASSERT_TRUE(succeeded(loaded));
  int32_t cycles = 20'000'000;
  ASSERT_TRUE(succeeded(loaded->device->upload(kInput, 0, std::as_bytes(std::span(&cycles, 1)))));
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(succeeded(loaded->device->run(0)));
  std::vector<OpProfile> profile = loaded->device->profile();
  ASSERT_EQ(profile.size(), 302U);
  EXPECT_EQ(profile[0].program, "micro_step");
  EXPECT_EQ(profile[0].kernel, "delay");
  EXPECT_EQ(profile[1].kernel, "fill");
  EXPECT_EQ(profile[301].kernel, "matmul nn 8x8x8 f32");
  EXPECT_EQ(profile[301].flops, 2U * 8 * 8 * 8);
  for (const OpProfile &op : profile) {
    EXPECT_EQ(op.calls, 3U);
    EXPECT_GT(op.seconds, 0);
  }
  // 20 million cycles at 1 to 2.5 GHz.
  EXPECT_GT(profile[0].seconds / 3, 0.007);
  EXPECT_LT(profile[0].seconds / 3, 0.030);
  if (!isFakeGpu())
    EXPECT_LT(profile[100].seconds / 3, 100e-6)
        << "waiting for the processor counts as an op's time";
  EXPECT_TRUE(load(step, {})->device->profile().empty());
}

TEST_F(CudaDeviceTest, RunsFromAnyThread) {
  schema::StepT step = stepWithCudaKernels();
  opsOf(step, "micro_step").push_back(makeLaunch(kCount, {View(kArena, 0, 4)}, 1));
  auto loaded = load(step, {});
  ASSERT_TRUE(succeeded(loaded));
  for (int32_t round = 1; round < 4; ++round) {
    int32_t count = 0;
    std::thread([&] {
      (void)loaded->device->run(0);
      (void)loaded->device->download(kArena, 0, std::as_writable_bytes(std::span(&count, 1)));
    }).join();
    EXPECT_EQ(count, round);
  }
  std::thread([&] { loaded->device.reset(); }).join();
}

TEST_F(CudaDeviceTest, DescribesItself) {
  schema::StepT step = emptyCudaStep();
  auto loaded = load(step, {});
  ASSERT_TRUE(succeeded(loaded));
  std::string text = loaded->device->describe();
  EXPECT_TRUE(text.starts_with("cuda: NVIDIA ")) << text;
  EXPECT_NE(text.find(", cuBLASLt 13."), std::string::npos) << text;
  EXPECT_GE(loaded->device->allocatedBytes(), 65536 + 3 * 512U);
  if (isFakeGpu())
    return;
  auto speed = loaded->device->measureCopy();
  ASSERT_TRUE(succeeded(speed));
  EXPECT_GT(*speed, 1e12) << "an H100 moves 3e12 bytes a second";
  EXPECT_LT(*speed, 2e13);
}

//===----------------------------------------------------------------------===//
// Refusals
//===----------------------------------------------------------------------===//

TEST_F(CudaDeviceTest, RefusesOtherArchitectures) {
  schema::StepT step = emptyCudaStep();
  step.target->cpu = "sm_80a";
  auto loaded = load(step, {});
  EXPECT_TRUE(failedWith(loaded, StatusCode::FailedPrecondition,
                         {"step.bin: compiled for sm_80a, which runs on compute capability 8.0"}));
}

TEST_F(CudaDeviceTest, RefusesGpusThatAreNotThere) {
  DeviceOptions options;
  options.gpu = 999;
  EXPECT_TRUE(failedWith(load(emptyCudaStep(), options), StatusCode::InvalidArgument,
                         {"--device 999: ", " visible; expected 0"}));
}

TEST_F(CudaDeviceTest, RefusesProgramsThatCannotFit) {
  schema::StepT step = emptyCudaStep();
  step.buffers[kArena]->bytes = uint64_t(1) << 47;
  EXPECT_TRUE(failedWith(load(step, {}), StatusCode::ResourceExhausted,
                         {"step.bin: needs 128.00 TiB of GPU memory (activations 128.00 TiB, ",
                          "--checkpoint=qkv|mlp|attn|block"}));
}

TEST_F(CudaDeviceTest, ShowsTheAssemblersErrors) {
  if (isFakeGpu())
    GTEST_SKIP() << "nothing assembles PTX";
  schema::StepT step = stepWithCudaKernels();
  std::string ptx = kTestKernelsPtx;
  ptx.replace(ptx.find("fma.rn.f32"), 10, "fmx.rn.f32");
  step.code.assign(ptx.begin(), ptx.end());
  auto loaded = load(step, {});
  ASSERT_FALSE(loaded.isOk());
  EXPECT_NE(loaded.status().message().find("the driver cannot assemble the kernels: ptxas"),
            std::string::npos)
      << loaded.status().message();
  EXPECT_NE(loaded.status().message().find("fmx"), std::string::npos) << loaded.status().message();
}

TEST_F(CudaDeviceTest, RefusesTablesThatDoNotFitTheCode) {
  schema::StepT step = stepWithCudaKernels();
  step.kernels[kCount]->name = "no_such_kernel";
  EXPECT_TRUE(failedWith(load(step, {}), StatusCode::DataCorrupt,
                         {"step.bin: the code has no kernel 'no_such_kernel'"}));
  step = stepWithCudaKernels();
  step.kernels[kScaleAdd]->num_views = 2;
  EXPECT_TRUE(failedWith(load(step, {}), StatusCode::DataCorrupt,
                         {"kernel 'scale_add': parameter 2 has 8 bytes, expected 0: 2 addresses"}));
  step = stepWithCudaKernels();
  step.kernels[kTile]->gpu->tensor_maps.clear();
  EXPECT_TRUE(failedWith(load(step, {}), StatusCode::DataCorrupt,
                         {"kernel 'tile': parameter 2 has 128 bytes, expected 0"}));
  step = stepWithCudaKernels();
  step.kernels[kScaleAdd]->scratch_bytes = 4;
  EXPECT_TRUE(failedWith(load(step, {}), StatusCode::DataCorrupt,
                         {"kernel 'scale_add': parameter 3 has 0 bytes, expected 8"}));
}

} // namespace
} // namespace swamla
