//===- OptimizerStateTest.cpp - updates in every format, on the CPU -------===//
#include "compiler/Fuse/Rowwise/StateCodes.h"
#include "tests/unit/KernelHarness.h"
#include "tests/unit/OptimizerReference.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>

using namespace swamla;
using namespace swamla::test;

namespace {

constexpr size_t kElements = 2048;

struct Case {
  OptimizerKind kind;
  OptimizerState state;
};

void PrintTo(const Case &c, std::ostream *out) {
  *out << stringifyOptimizerKind(c.kind).str() << " " << stringify(c.state).str();
}

std::vector<Case> allCases() {
  std::vector<Case> cases;
  for (OptimizerKind kind : {OptimizerKind::Adamw, OptimizerKind::Lion})
    for (OptimizerState state : {OptimizerState::Fp32, OptimizerState::Bf16, OptimizerState::Fp8,
                                 OptimizerState::Int8, OptimizerState::Int4})
      cases.push_back({kind, state});
  return cases;
}

//===----------------------------------------------------------------------===//
// Code tables
//===----------------------------------------------------------------------===//

class StateCodeTable : public testing::TestWithParam<std::pair<OptimizerState, bool>> {
protected:
  StateCodes codes() const {
    auto [state, nonnegative] = GetParam();
    return StateCodes::of(state == OptimizerState::Int8 ? StateFormat::int8 : StateFormat::int4,
                          nonnegative);
  }
  /// Magnitudes by number: of number i + 1 where there is no zero.
  std::vector<double> table() const { return magnitudesOf(GetParam().first, GetParam().second); }
};

TEST_P(StateCodeTable, LinesMeetEveryMagnitude) {
  std::vector<double> magnitudes = table();
  unsigned first = codes().hasZero ? 0 : 1;
  ASSERT_EQ(magnitudes.size(), codes().last() + 1 - first);
  for (size_t i = 0; i < magnitudes.size(); ++i) {
    double largest = -1;
    for (CodeLine line : codes().magnitudeLines())
      largest = std::max(largest, line.offset + line.slope * double(i + first));
    EXPECT_NEAR(largest, magnitudes[i], 1e-12) << i;
  }
}

TEST_P(StateCodeTable, LinesFindTheNearest) {
  std::vector<double> magnitudes = table();
  unsigned first = codes().hasZero ? 0 : 1;
  for (int k = 0; k <= 40000; ++k) {
    double x = std::pow(10.0, -8.0 * k / 40000), number = 1e9; // all levels
    for (CodeLine line : codes().numberLines())
      number = std::min(number, line.offset + line.slope * x);
    size_t rounded = size_t(std::max(std::floor(number + 0.5), double(first))) - first;
    ASSERT_LT(rounded, magnitudes.size());
    for (double other : magnitudes)
      ASSERT_LE(std::abs(magnitudes[rounded] - x), std::abs(other - x) + 1e-12) << x;
  }
}

INSTANTIATE_TEST_SUITE_P(All, StateCodeTable,
                         testing::Values(std::pair(OptimizerState::Int8, false),
                                         std::pair(OptimizerState::Int8, true),
                                         std::pair(OptimizerState::Int4, false),
                                         std::pair(OptimizerState::Int4, true)));

//===----------------------------------------------------------------------===//
// Updates
//===----------------------------------------------------------------------===//

class OptimizerStateTest : public testing::TestWithParam<Case> {
protected:
  OptimizerStateTest()
      : kernel(GetParam().kind, GetParam().state, kElements), cpu(kernel.text()),
        buffers(kernel.makeBuffers()) {
    put("params", randomFloats(kElements, 1));
  }
  void SetUp() override {
    ASSERT_EQ(cpu.errors(), "");
    ASSERT_EQ(kernel.numUpdates(), 1U) << "everything in one launch";
  }

  void put(const char *name, const std::vector<float> &values) {
    std::memcpy(buffers[name].data(), values.data(), values.size() * sizeof(float));
  }
  std::vector<float> get(const char *name) const {
    std::vector<float> values(kElements);
    std::memcpy(values.data(), buffers.at(name).data(), kElements * sizeof(float));
    return values;
  }
  void run(const std::vector<float> &grads, const OptimizerNumbers &numbers) {
    put("grads", grads);
    std::vector<void *> addresses;
    for (std::span<std::byte> view : kernel.views(buffers, numbers))
      addresses.push_back(view.data());
    cpu.run("kernel", addresses, 0, kernel.units());
  }
  /// Gradients of very different sizes, with zeros among them, and a block of nothing else.
  static std::vector<float> gradients(uint32_t step) {
    std::vector<float> grads = randomFloats(kElements, 100 + step),
                       sizes = randomFloats(kElements, 7, -4, 0);
    for (size_t i = 0; i < kElements; ++i)
      grads[i] *= i / 256 == 3 || i % 17 == 0 ? 0 : std::pow(10.0F, sizes[i]);
    return grads;
  }
  static OptimizerNumbers numbersAt(int step) {
    OptimizerNumbers numbers;
    numbers.factor = 0.5F;
    numbers.correction1 = 1 - std::pow(numbers.beta1, float(step));
    numbers.correction2 = 1 - std::pow(numbers.beta2, float(step));
    return numbers;
  }

  OptimizerKernel kernel;
  Kernels cpu;
  Buffers buffers;
};

/// The share of elements that differ by more than rounding does.
double shareOfDifferent(const std::vector<float> &have, const std::vector<float> &want) {
  size_t different = 0;
  for (size_t i = 0; i < have.size(); ++i)
    different += !(std::abs(have[i] - want[i]) <= 1e-7 + 2e-5 * std::abs(want[i]));
  return double(different) / double(have.size());
}

TEST_P(OptimizerStateTest, StepsAreTheReferences) {
  auto [kind, state] = GetParam();
  ReferenceOptimizer reference(kind, state, get("params"));
  std::string name = stringifyOptimizerKind(kind).str();
  for (int step = 1; step <= 10; ++step) {
    SCOPED_TRACE(step);
    std::vector<float> grads = gradients(step);
    run(grads, numbersAt(step));
    reference.step(grads, numbersAt(step));
    // A number halfway between two codes may go to either; what follows from it differs then.
    double most = step == 1 ? 0.002 : 0.02;
    EXPECT_LE(shareOfDifferent(get("params"), reference.params), most);
    EXPECT_LE(shareOfDifferent(stateValues(buffers, name + ".m", state, false, kElements),
                               reference.m.values),
              most);
    if (kind == OptimizerKind::Adamw)
      EXPECT_LE(shareOfDifferent(stateValues(buffers, name + ".v", state, true, kElements),
                                 reference.v.values),
                most);
    EXPECT_EQ(get("grads"), std::vector<float>(kElements)) << "left zero";
  }
  // The steps did something, and a state is not all zero.
  EXPECT_GT(shareOfDifferent(get("params"), randomFloats(kElements, 1)), 0.8);
  auto m = stateValues(buffers, name + ".m", state, false, kElements);
  EXPECT_GT(std::ranges::count_if(m, [](float x) { return x != 0; }), kElements / 5);
}

TEST_P(OptimizerStateTest, AStepThatIsNotFiniteChangesNothing) {
  run(gradients(1), numbersAt(1));
  Buffers before = buffers;
  for (float norm :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    OptimizerNumbers numbers = numbersAt(2);
    numbers.norm = norm;
    numbers.factor = std::isnan(norm) ? norm : 0;
    std::vector<float> grads = gradients(2);
    grads[5] = norm;
    run(grads, numbers);
    for (const auto &[buffer, bytes] : before)
      if (buffer == "params" || buffer.starts_with("adamw") || buffer.starts_with("lion"))
        EXPECT_EQ(buffers[buffer], bytes) << buffer;
    EXPECT_EQ(get("grads"), std::vector<float>(kElements));
  }
}

TEST_P(OptimizerStateTest, OtherVectorsGiveTheSameBits) {
  run(gradients(1), numbersAt(1));
  Buffers wanted = buffers;
  for (const std::string &architecture : runnableArchitectures()) {
    Kernels other(kernel.text(), architecture);
    ASSERT_EQ(other.errors(), "");
    buffers = kernel.makeBuffers();
    put("params", randomFloats(kElements, 1));
    put("grads", gradients(1));
    std::vector<void *> addresses;
    for (std::span<std::byte> view : kernel.views(buffers, numbersAt(1)))
      addresses.push_back(view.data());
    for (int64_t unit = 0; unit < kernel.units(); ++unit)
      other.run("kernel", addresses, unit, unit + 1);
    EXPECT_EQ(buffers, wanted) << architecture;
  }
}

INSTANTIATE_TEST_SUITE_P(All, OptimizerStateTest, testing::ValuesIn(allCases()));

} // namespace
