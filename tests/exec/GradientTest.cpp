//===- GradientTest.cpp - every gradient rule, against two references -----===//
//
// For each function of the .mlir files in this folder, three things must agree:
// what its compiled forward computes, what its compiled gradient returns, and
// its definition in double (Reference.h). The gradient is judged twice,
//
// - against central differences of the definition, element by element. In
//   double they are good to about nine digits, so the tolerance is that of f32
//   arithmetic alone;
// - against central differences of the compiled forward in random directions,
//   which needs no definition. Its tolerance is derived below.
//
//===----------------------------------------------------------------------===//
#include "tests/exec/ExecProgram.h"

#include "compiler/Pipelines/RegisterPasses.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

namespace swamla::test {
namespace {

/// f32 results of sums of a few hundred terms; what is measured stays below a tenth of it.
constexpr double kForwardTolerance = 2e-6;
constexpr double kGradientTolerance = 1e-5;
constexpr double kFloatEps = std::numeric_limits<float>::epsilon();

struct FunctionName {
  std::string file, function;

  friend void PrintTo(const FunctionName &name, std::ostream *os) { // NOLINT: GoogleTest's name
    *os << name.file << " @" << name.function;
  }
};

std::vector<FunctionName> allFunctions() {
  std::vector<FunctionName> names;
  for (const std::string &file : execFiles())
    for (const std::string &function : execFunctions(file))
      names.push_back({file, function});
  return names;
}

class GradientTest : public testing::TestWithParam<FunctionName> {
protected:
  void SetUp() override {
    program = execProgram(GetParam().file);
    ASSERT_TRUE(program);
    function = &program->function(GetParam().function);
    inputs = function->randomInputs(1);
    cotangents = randomTensors(function->results, 2);
  }

  /// The inputs that have a cotangent.
  std::vector<size_t> floatInputs() const {
    std::vector<size_t> indices;
    for (size_t i = 0; i < inputs.size(); ++i)
      if (function->inputs[i].isFloat)
        indices.push_back(i);
    return indices;
  }
  HostTensors definitionGradient();
  HostTensors compiledGradient();

  ExecProgram *program = nullptr;
  const ExecFunction *function = nullptr;
  HostTensors inputs, cotangents;
};

/// Central differences of <cotangents, f> in double: with a step of 1e-5, truncation and rounding
/// are both about 1e-10.
HostTensors GradientTest::definitionGradient() {
  constexpr double step = 1e-5;
  HostTensors gradient;
  for (size_t i : floatInputs()) {
    HostTensor &partial = gradient.emplace_back(function->inputs[i].type);
    for (size_t e = 0; e < partial.values.size(); ++e) {
      HostTensors moved = inputs;
      moved[i].values[e] = inputs[i].values[e] + step;
      double above = dot(cotangents, function->evaluate(moved));
      moved[i].values[e] = inputs[i].values[e] - step;
      partial.values[e] = (above - dot(cotangents, function->evaluate(moved))) / (2 * step);
    }
  }
  return gradient;
}

HostTensors GradientTest::compiledGradient() {
  auto gradient = program->gradient(*function, inputs, cotangents);
  if (!gradient.isOk()) {
    ADD_FAILURE() << gradient.status().message();
    return {};
  }
  return gradient->cotangents;
}

TEST_P(GradientTest, ForwardIsAsDefined) {
  HostTensors expected = function->evaluate(inputs);
  auto found = program->forward(*function, inputs);
  ASSERT_TRUE(found.isOk()) << found.status().message();
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_LE(relativeError((*found)[i], expected[i]), kForwardTolerance) << "result " << i;
}

TEST_P(GradientTest, ForwardIsTheSameInTheGradient) {
  auto forward = program->forward(*function, inputs);
  auto gradient = program->gradient(*function, inputs, cotangents);
  ASSERT_TRUE(forward.isOk()) << forward.status().message();
  ASSERT_TRUE(gradient.isOk()) << gradient.status().message();
  for (size_t i = 0; i < forward->size(); ++i)
    EXPECT_EQ((*forward)[i].values, gradient->results[i].values)
        << "result " << i << " has other bits beside its gradient";
}

TEST_P(GradientTest, CotangentsAreTheDefinitionsDerivatives) {
  HostTensors expected = definitionGradient(), found = compiledGradient();
  ASSERT_EQ(found.size(), expected.size());
  std::vector<size_t> indices = floatInputs();
  double largest = 0;
  for (const HostTensor &tensor : expected)
    largest = std::max(largest, norm(tensor));
  for (size_t i = 0; i < expected.size(); ++i) {
    // A cotangent that is zero in exact arithmetic is measured against the largest one.
    bool isZero = norm(expected[i]) <= 1e-7 * largest;
    double error = isZero ? norm(found[i]) / largest : relativeError(found[i], expected[i]);
    EXPECT_LE(error, kGradientTolerance)
        << "cotangent of " << function->inputs[indices[i]].name << ", norm " << norm(found[i])
        << ", expected " << norm(expected[i]);
  }
}

/// One input moved by `step` along `direction`, rounded to f32.
HostTensors moved(const HostTensors &inputs, size_t index, const HostTensor &direction,
                  double step) {
  HostTensors result = inputs;
  for (size_t e = 0; e < direction.values.size(); ++e)
    result[index].values[e] =
        static_cast<float>(inputs[index].values[e] + step * direction.values[e]);
  return result;
}

/// A random direction of length 1.
HostTensor randomDirection(mlir::RankedTensorType type, uint32_t seed) {
  HostTensor direction = randomTensors({type}, seed).front();
  double length = norm(direction);
  for (double &value : direction.values)
    value /= length;
  return direction;
}

/// The rounding error of <weights, values> in units of eps, if each value is off by its own size or
/// by the average one, whichever is larger: independent errors add up as squares.
double roundingOf(const HostTensors &weights, const HostTensors &values) {
  double sum = 0;
  for (auto [w, v] : llvm::zip_equal(weights, values)) {
    double average = norm(v) / std::sqrt(static_cast<double>(v.values.size()));
    for (auto [weight, value] : llvm::zip_equal(w.values, v.values))
      sum += std::pow(weight * std::max(std::abs(value), average), 2);
  }
  return kFloatEps * std::sqrt(sum);
}

/// The derivative of <cotangents, f> along a direction, and what it may be off by.
struct Derivative {
  double value = 0, tolerance = 0;
};

TEST_P(GradientTest, CotangentsAreDifferencesOfTheForward) {
  constexpr int kDirections = 4;
  constexpr double kStep = 1.0 / 32;
  HostTensors found = compiledGradient();
  auto values = program->forward(*function, inputs);
  ASSERT_TRUE(values.isOk()) << values.status().message();
  std::vector<size_t> indices = floatInputs();
  ASSERT_EQ(found.size(), indices.size());
  double rounding = roundingOf(cotangents, *values), largest = 0;
  for (const HostTensor &tensor : found)
    largest = std::max(largest, norm(tensor));

  auto difference = [&](size_t index, const HostTensor &direction, double step) {
    auto above = program->forward(*function, moved(inputs, index, direction, step));
    auto below = program->forward(*function, moved(inputs, index, direction, -step));
    EXPECT_TRUE(above.isOk() && below.isOk());
    return (dot(cotangents, *above) - dot(cotangents, *below)) / (2 * step);
  };
  auto derivative = [&](size_t index, const HostTensor &direction, double slope) -> Derivative {
    double coarse = difference(index, direction, kStep);
    double fine = difference(index, direction, kStep / 2);
    // Richardson: the error of order step^2 cancels. What the two differ by bounds the rest. The
    // values are a few roundings off, and so is the moved input, both divided by the finer step.
    return {(4 * fine - coarse) / 3,
            std::abs(fine - coarse) / 4 + (8 * rounding + 2 * kFloatEps * slope) / (kStep / 2)};
  };
  for (size_t i = 0; i < indices.size(); ++i) {
    const ExecInput &input = function->inputs[indices[i]];
    double slope = norm(found[i]);
    // What <cotangent, direction> is on average, over directions.
    double typical = slope / std::sqrt(static_cast<double>(found[i].values.size()));
    for (uint32_t n = 0; n < kDirections; ++n) {
      HostTensor direction = randomDirection(input.type, 10 + n);
      Derivative expected = derivative(indices[i], direction, typical);
      EXPECT_NEAR(dot({found[i]}, {direction}), expected.value, expected.tolerance)
          << "along direction " << n << " of " << input.name;
      if (slope > 1e-6 * largest)
        EXPECT_LE(expected.tolerance, 0.02 * typical)
            << "the tolerance would hide a wrong rule; " << input.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Exec, GradientTest, testing::ValuesIn(allFunctions()),
                         [](const testing::TestParamInfo<FunctionName> &info) {
                           return info.param.function;
                         });

/// A rule without a test is found here: every op that can be differentiated occurs in a function.
TEST(GradientCoverageTest, EveryDifferentiableOpHasAFunction) {
  std::set<std::string> tested;
  for (const std::string &file : execFiles()) {
    ExecProgram *program = execProgram(file);
    ASSERT_TRUE(program);
    for (const ExecFunction &function : program->functions()) {
      mlir::func::FuncOp reference = function.reference;
      EXPECT_TRUE(reference->hasAttr("swamla.differentiate")) << function.name;
      reference.walk(
          [&](mlir::Operation *op) { tested.insert(op->getName().getStringRef().str()); });
    }
  }
  mlir::DialectRegistry registry;
  registerAllSwamlaDialects(registry);
  mlir::MLIRContext context(registry);
  context.loadDialect<SwamlaDialect>();
  size_t differentiable = 0;
  for (mlir::RegisteredOperationName op : context.getRegisteredOperations()) {
    if (op.getDialectNamespace() != SwamlaDialect::getDialectNamespace() ||
        !op.hasInterface<DifferentiableOpInterface>())
      continue;
    ++differentiable;
    EXPECT_TRUE(tested.contains(op.getStringRef().str()))
        << op.getStringRef().str() << " has a gradient rule, but no function in tests/exec";
  }
  EXPECT_GE(differentiable, 16U);
}

} // namespace
} // namespace swamla::test
