//===- AttentionMaskTest.cpp - attention hides what it must hide ----------===//
//
// The mask, seen from outside: other keys and values in a row change exactly
// the outputs that see the row, and a cotangent on one output reaches exactly
// the rows that the output sees. "Not at all" means not a bit.
//
//===----------------------------------------------------------------------===//
#include "dialects/Swamla/IR/SwamlaDialect.h"
#include "tests/exec/ExecProgram.h"

#include <gtest/gtest.h>

namespace swamla::test {
namespace {

constexpr const char *kFile = "attention.mlir";

std::vector<std::string> attentionFunctions() {
  std::vector<std::string> names = execFunctions(kFile);
  std::erase_if(names, [](const std::string &name) { return !name.starts_with("attention"); });
  return names;
}

class AttentionMaskTest : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    program = execProgram(kFile);
    ASSERT_TRUE(program);
    function = &program->function(GetParam());
    mlir::func::FuncOp reference = function->reference;
    op = *reference.getOps<AttentionOp>().begin();
    inputs = function->randomInputs(3);
  }

  /// Row i of the queries sees row j of the keys.
  bool sees(int64_t i, int64_t j) {
    auto seq = static_cast<int64_t>(op.getSeq());
    if (i / seq != j / seq || j > i)
      return false;
    return !op.getWindow() || i - j <= static_cast<int64_t>(*op.getWindow()) ||
           j % seq < static_cast<int64_t>(op.getSink());
  }
  static bool isZeroRow(const HostTensor &tensor, int64_t row) {
    for (int64_t c = 0; c < tensor.width(); ++c)
      if (tensor.at(row, c) != 0.0)
        return false;
    return true;
  }

  ExecProgram *program = nullptr;
  const ExecFunction *function = nullptr;
  AttentionOp op;
  HostTensors inputs; ///< q, k, v, and the shared key if there is one
};

TEST_P(AttentionMaskTest, AKeyReachesTheQueriesThatSeeIt) {
  auto before = program->forward(*function, inputs);
  ASSERT_TRUE(before.isOk()) << before.status().message();
  HostTensors others = function->randomInputs(4);
  for (int64_t j = 0; j < inputs[1].rows(); ++j) {
    HostTensors changed = inputs;
    for (size_t input = 1; input < inputs.size(); ++input)
      for (int64_t c = 0; c < inputs[input].width(); ++c)
        changed[input].at(j, c) = static_cast<float>(5 * others[input].at(j, c));
    auto after = program->forward(*function, changed);
    ASSERT_TRUE(after.isOk()) << after.status().message();
    for (int64_t i = 0; i < inputs[0].rows(); ++i) {
      bool differs = false;
      for (int64_t c = 0; c < after->front().width(); ++c)
        differs |= after->front().at(i, c) != before->front().at(i, c);
      ASSERT_EQ(differs, sees(i, j)) << "query " << i << ", key " << j;
    }
  }
}

TEST_P(AttentionMaskTest, ACotangentReachesTheKeysThatAreSeen) {
  for (int64_t i = 0; i < inputs[0].rows(); ++i) {
    HostTensors cotangent = randomTensors(function->results, 5);
    for (int64_t m = 0; m < cotangent[0].rows(); ++m)
      for (int64_t c = 0; m != i && c < cotangent[0].width(); ++c)
        cotangent[0].at(m, c) = 0.0;
    auto gradient = program->gradient(*function, inputs, cotangent);
    ASSERT_TRUE(gradient.isOk()) << gradient.status().message();
    const HostTensors &found = gradient->cotangents;
    for (int64_t j = 0; j < inputs[1].rows(); ++j) {
      if (j != i)
        ASSERT_TRUE(isZeroRow(found[0], j)) << "query " << j << ", cotangent " << i;
      // A value that is seen has a cotangent; that of a key can be zero by chance.
      ASSERT_EQ(!isZeroRow(found[2], j), sees(i, j)) << "query " << i << ", value " << j;
      for (size_t key : {size_t{1}, size_t{3}})
        if (key < found.size() && !sees(i, j))
          ASSERT_TRUE(isZeroRow(found[key], j)) << "query " << i << ", key " << j;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Exec, AttentionMaskTest, testing::ValuesIn(attentionFunctions()),
                         [](const auto &info) { return info.param; });

} // namespace
} // namespace swamla::test
