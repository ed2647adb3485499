//===- GoldenCompareTest.cpp - comparing with the reference ---------------===//
#include "tests/golden/GoldenSample.h"
#include "tools/swamla-golden/Report.h"

#include <gtest/gtest.h>

#include <cmath>

namespace swamla::test {
namespace {

class GoldenCompareTest : public testing::Test {
protected:
  void SetUp() override {
    auto read = GoldenSample::make().read();
    ASSERT_TRUE(read.isOk()) << read.status().message();
    golden = *std::move(read);
    outcome = exact();
  }

  /// The outcome of a program without any error.
  GoldenOutcome exact() const {
    GoldenOutcome result{golden.loss, golden.gradNorm, {}, {}};
    for (const GoldenParam &param : golden.params) {
      result.grads.push_back(param.grad);
      result.finals.push_back(param.final);
    }
    return result;
  }
  size_t indexOf(const std::string &name) const {
    size_t i = 0;
    while (golden.params[i].name != name)
      ++i;
    return i;
  }

  GoldenCase golden;
  GoldenOutcome outcome;
};

TEST_F(GoldenCompareTest, FindsNoErrorWhereThereIsNone) {
  GoldenComparison comparison = compare(golden, outcome, {});
  EXPECT_TRUE(comparison.passes({0, 0, 0, 0}));
  EXPECT_EQ(comparison.worstGrad().error, 0.0);
  for (const TensorError &error : comparison.finals)
    EXPECT_FALSE(error.secondMeasure);
}

TEST_F(GoldenCompareTest, MeasuresNumbersRelatively) {
  outcome.loss[1] = 1.5 * (1 + 3e-5);
  outcome.gradNorm[0] = 0.5 * (1 - 2e-5);
  GoldenComparison comparison = compare(golden, outcome, {});
  EXPECT_NEAR(comparison.worstLoss().error, 3e-5, 1e-10);
  EXPECT_EQ(comparison.worstLoss().index, 1U);
  EXPECT_NEAR(comparison.worstGradNorm().error, 2e-5, 1e-10);
  EXPECT_FALSE(comparison.passes({}));
  EXPECT_TRUE(comparison.passes({.loss = 4e-5, .gradNorm = 4e-5}));
  EXPECT_FALSE(comparison.passes({.loss = 4e-5, .gradNorm = 1e-5}));
}

TEST_F(GoldenCompareTest, MeasuresTensorsByTheirNorm) {
  size_t index = indexOf("h.0.attn.o_proj.weight");
  double sum = 0;
  for (float value : golden.params[index].grad)
    sum += static_cast<double>(value) * value;
  outcome.grads[index][5] += 0.125F;
  GoldenComparison comparison = compare(golden, outcome, {});
  EXPECT_NEAR(comparison.worstGrad().error, 0.125 / std::sqrt(sum), 1e-6);
  EXPECT_EQ(comparison.worstGrad().index, index);
  EXPECT_EQ(comparison.grads[index].worst, 5U);
  EXPECT_EQ(comparison.grads[index].reference, golden.params[index].grad[5]);
  outcome = exact();
  outcome.finals[index][7] *= 2;
  comparison = compare(golden, outcome, {});
  EXPECT_EQ(comparison.worstGrad().error, 0.0);
  EXPECT_EQ(comparison.worstFinal().index, index);
  EXPECT_FALSE(comparison.passes({}));
}

TEST_F(GoldenCompareTest, ANumberThatIsNoneFails) {
  Tolerances any{1e30, 1e30, 1e30, 1e30};
  outcome.loss[0] = std::nan("");
  EXPECT_FALSE(compare(golden, outcome, any).passes(any));
  for (auto tensors : {&GoldenOutcome::grads, &GoldenOutcome::finals}) {
    outcome = exact();
    (outcome.*tensors)[3][1] = std::nanf("");
    EXPECT_FALSE(compare(golden, outcome, any).passes(any));
    (outcome.*tensors)[3][1] = HUGE_VALF;
    EXPECT_FALSE(compare(golden, outcome, any).passes(any));
  }
  outcome = exact();
  outcome.gradNorm[1] = -HUGE_VAL;
  EXPECT_FALSE(compare(golden, outcome, any).passes(any));
}

TEST_F(GoldenCompareTest, ATensorWithoutGradientIsMeasuredAgainstTheOthers) {
  size_t index = indexOf("h.0.attn.q_proj.weight");
  // What float64 leaves of a zero, and what float32 does.
  for (size_t i = 0; i < golden.params[index].grad.size(); ++i) {
    golden.params[index].grad[i] = 1e-18F;
    outcome.grads[index][i] = 1e-8F;
  }
  GoldenComparison comparison = compare(golden, outcome, {});
  EXPECT_LT(comparison.grads[index].error, 1e-7);
  EXPECT_GT(comparison.grads[index].error, 1e-9);
  EXPECT_TRUE(comparison.passes({}));
  outcome.grads[index][0] = 0.01F; // no rounding error
  EXPECT_FALSE(compare(golden, outcome, {}).passes({}));
}

TEST_F(GoldenCompareTest, FinalValuesWithoutGradientMayMoveALittle) {
  size_t index = indexOf("h.0.norm1.bias");
  golden.params[index].grad[2] = 1e-17F;
  outcome.grads[index][2] = 1e-9F;
  // Learning rates: 0.01 and what the cosine leaves of it.
  outcome.finals[index][2] += 0.015F;
  GoldenComparison comparison = compare(golden, outcome, {});
  EXPECT_TRUE(comparison.passes({}));
  EXPECT_EQ(comparison.finals[index].noise, 1U);
  EXPECT_NEAR(comparison.finals[index].noiseMove, 0.015, 1e-6);
  EXPECT_NE(reportLine(golden, comparison, {}).find("h.0.norm1.bias"), std::string::npos);
  outcome.finals[index][2] += 0.1F; // further than AdamW can go
  EXPECT_FALSE(compare(golden, outcome, {}).passes({}));
  outcome.finals[index][2] = std::nanf("");
  EXPECT_FALSE(compare(golden, outcome, {}).passes({}));
  // Its neighbours may not.
  outcome = exact();
  outcome.finals[index][1] += 0.015F;
  EXPECT_FALSE(compare(golden, outcome, {}).passes({}));
}

TEST_F(GoldenCompareTest, TheReportNamesTheWorst) {
  size_t index = indexOf("h.0.mlp.down_proj.weight");
  outcome.grads[index][3] += 1.0F;
  outcome.loss[1] += 0.1;
  GoldenComparison comparison = compare(golden, outcome, {});
  std::string line = reportLine(golden, comparison, {});
  for (const char *part : {"case.safetensors: FAILED", "!(step 1)", "!(h.0.mlp.down_proj.weight)"})
    EXPECT_NE(line.find(part), std::string::npos) << part << " in " << line;
  EXPECT_NE(reportLine(golden, compare(golden, exact(), {}), {}).find(": ok"), std::string::npos);
  std::string table = reportTable(golden, comparison, outcome, {});
  for (const GoldenParam &param : golden.params)
    EXPECT_NE(table.find(param.name), std::string::npos);
  EXPECT_NE(table.find("step 1"), std::string::npos);
}

TEST(GoldenTolerancesTest, Parses) {
  auto tolerances = parseTolerances("grad=1e-3,loss=0", {});
  ASSERT_TRUE(tolerances.isOk()) << tolerances.status().message();
  EXPECT_EQ(tolerances->grad, 1e-3);
  EXPECT_EQ(tolerances->loss, 0.0);
  EXPECT_EQ(tolerances->gradNorm, Tolerances().gradNorm);
  EXPECT_EQ(tolerances->final, Tolerances().final);
  EXPECT_TRUE(parseTolerances("", {}).isOk());
  EXPECT_EQ(parseTolerances("grad_norm=0.5", {})->gradNorm, 0.5);
}

TEST(GoldenTolerancesTest, FollowThePrecision) {
  for (const char *precision : {"fp32", "tf32", "bf16", "fp8"})
    ASSERT_TRUE(tolerancesOf(precision).isOk()) << precision;
  EXPECT_EQ(tolerancesOf("fp32")->grad, Tolerances{}.grad);
  EXPECT_EQ(tolerancesOf("tf32")->grad, 5e-3);
  EXPECT_EQ(tolerancesOf("bf16")->grad, 4e-2);
  EXPECT_EQ(tolerancesOf("bf16")->loss, 1e-2);
  EXPECT_EQ(tolerancesOf("fp8")->grad, 0.3);
  auto tolerances = parseTolerances("loss=0.5", *tolerancesOf("bf16"));
  ASSERT_TRUE(tolerances.isOk());
  EXPECT_EQ(tolerances->loss, 0.5);
  EXPECT_EQ(tolerances->grad, 4e-2) << "what is not named is the precision's";
  EXPECT_FALSE(tolerancesOf("fp4").isOk());
  EXPECT_FALSE(tolerancesOf("").isOk());
}

TEST_F(GoldenCompareTest, NamesTheFirstDifferentBit) {
  EXPECT_EQ(firstDifference(golden, outcome, outcome), "");
  GoldenOutcome other = outcome;
  other.finals.back().back() = std::nextafter(other.finals.back().back(), 100.0F);
  EXPECT_EQ(firstDifference(golden, outcome, other), "the final " + golden.params.back().name);
  other.grads.front().front() = std::nextafter(other.grads.front().front(), 100.0F);
  EXPECT_EQ(firstDifference(golden, outcome, other),
            "the gradient of " + golden.params.front().name);
  other.loss.back() = std::nextafter(other.loss.back(), 100.0);
  EXPECT_EQ(firstDifference(golden, outcome, other), "the loss");
}

TEST(GoldenTolerancesTest, RefusesNonsense) {
  for (const char *text : {"gradient=1", "loss", "loss=", "loss=x", "loss=1x", "loss=-1",
                           "loss=nan", "loss=inf", "loss=1,loss=2", "loss=1,,grad=1", "=1", ","}) {
    auto tolerances = parseTolerances(text, {});
    ASSERT_FALSE(tolerances.isOk()) << text;
    EXPECT_TRUE(tolerances.status().message().starts_with("--tol: ")) << text;
  }
}

} // namespace
} // namespace swamla::test
