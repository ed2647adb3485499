//===- OptimizerStateTest.cpp - updates in every format, on the GPU -------===//
#include "tests/emulated/EmulatedOp.h"
#include "tests/unit/KernelHarness.h"
#include "tests/unit/OptimizerReference.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>

using namespace swamla;
using namespace swamla::test;

namespace {

constexpr size_t kElements = 2048;

class EmulatedUpdate : public testing::TestWithParam<std::tuple<OptimizerKind, OptimizerState>> {
protected:
  EmulatedUpdate() : kernel(kind(), state(), kElements), cpu(kernel.text()) {}
  void SetUp() override { ASSERT_EQ(cpu.errors(), ""); }
  OptimizerKind kind() const { return std::get<0>(GetParam()); }
  OptimizerState state() const { return std::get<1>(GetParam()); }

  static void put(Buffers &buffers, const char *name, const std::vector<float> &values) {
    std::memcpy(buffers[name].data(), values.data(), values.size() * sizeof(float));
  }
  void runCpu(Buffers &buffers, const OptimizerNumbers &numbers) const {
    std::vector<void *> addresses;
    for (std::span<std::byte> view : kernel.views(buffers, numbers))
      addresses.push_back(view.data());
    cpu.run("kernel", addresses, 0, kernel.units());
  }
  void runGpu(Buffers &buffers, const OptimizerNumbers &numbers,
              const EmulationOptions &options) const {
    std::vector<HostView> views;
    std::vector<unsigned> offsets = kernel.offsets();
    for (std::span<std::byte> view : kernel.views(buffers, numbers))
      views.emplace_back(view.data(), view.size(), offsets[views.size()]);
    EmulatedOp gpu(kernel.text(), views);
    ASSERT_EQ(gpu.errors(), "");
    gpu.run(views, options);
  }
  std::vector<float> values(const Buffers &buffers, const char *which, bool nonnegative) const {
    std::string name = stringifyOptimizerKind(kind()).str() + which;
    return stateValues(buffers, name, state(), nonnegative, kElements);
  }

  OptimizerKernel kernel;
  Kernels cpu;
};

/// The share of elements that differ by more than the GPU's approximate division and root explain.
double shareOfDifferent(const std::vector<float> &have, const std::vector<float> &want) {
  size_t different = 0;
  for (size_t i = 0; i < have.size(); ++i)
    different += !(std::abs(have[i] - want[i]) <= 1e-7 + 1e-5 * std::abs(want[i]));
  return double(different) / double(have.size());
}

std::vector<float> floats(const Buffers &buffers, const char *name) {
  std::vector<float> values(kElements);
  std::memcpy(values.data(), buffers.at(name).data(), kElements * sizeof(float));
  return values;
}

TEST_P(EmulatedUpdate, IsTheCpus) {
  Buffers host = kernel.makeBuffers();
  put(host, "params", randomFloats(kElements, 1));
  Buffers device = host;
  for (uint32_t step = 1; step <= 2; ++step) {
    std::vector<float> grads = randomFloats(kElements, 10 + step);
    for (size_t i = 0; i < kElements; ++i)
      grads[i] *= i / 256 == 3 ? 0 : std::exp(-float(i % 23) / 3);
    OptimizerNumbers numbers;
    numbers.factor = 0.5F;
    put(host, "grads", grads);
    put(device, "grads", grads);
    runCpu(host, numbers);
    Buffers inOrder = device;
    runGpu(inOrder, numbers, {});
    runGpu(device, numbers, {/*seed=*/step, /*adversarial=*/true});
    EXPECT_EQ(device, inOrder) << "the order of warps shows";
    EXPECT_LE(shareOfDifferent(floats(device, "params"), floats(host, "params")), 0.002);
    EXPECT_LE(shareOfDifferent(values(device, ".m", false), values(host, ".m", false)), 0.002);
    if (kind() == OptimizerKind::Adamw)
      EXPECT_LE(shareOfDifferent(values(device, ".v", true), values(host, ".v", true)), 0.002);
    EXPECT_EQ(floats(device, "grads"), std::vector<float>(kElements));
  }
  OptimizerNumbers numbers;
  numbers.norm = numbers.factor = std::numeric_limits<float>::quiet_NaN();
  Buffers before = device;
  put(device, "grads", std::vector<float>(kElements, numbers.norm));
  runGpu(device, numbers, {});
  for (const auto &[name, bytes] : before)
    if (name != "arena" && name != "results" && name != "scalars")
      EXPECT_EQ(device[name], bytes) << name;
}

INSTANTIATE_TEST_SUITE_P(
    All, EmulatedUpdate,
    testing::Combine(testing::Values(OptimizerKind::Adamw, OptimizerKind::Lion),
                     testing::Values(OptimizerState::Fp32, OptimizerState::Bf16,
                                     OptimizerState::Fp8, OptimizerState::Int8,
                                     OptimizerState::Int4)));

} // namespace
