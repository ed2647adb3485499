//===- InvarianceTest.cpp - how it is compiled changes no bit -------------===//
//
// Recomputation, fusion and the number of threads decide where and when a value
// is computed, never what it is: every result and every cotangent of every
// function has the same bits, and runs have the same bits, too.
//
//===----------------------------------------------------------------------===//
#include "tests/exec/ExecProgram.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>

namespace swamla::test {
namespace {

using Results = std::vector<HostTensors>;

/// Results and cotangents of every function of a file.
Results runAll(const std::string &file, const ExecVariant &variant) {
  Results all;
  ExecProgram *program = execProgram(file, variant);
  if (!program)
    return all;
  for (const ExecFunction &function : program->functions()) {
    auto gradient =
        program->gradient(function, function.randomInputs(7), randomTensors(function.results, 8));
    if (!gradient.isOk()) {
      ADD_FAILURE() << gradient.status().message();
      continue;
    }
    all.push_back(std::move(gradient->results));
    all.push_back(std::move(gradient->cotangents));
  }
  return all;
}

void expectSame(const std::string &file, const Results &a, const Results &b) {
  ASSERT_EQ(a.size(), b.size());
  std::vector<std::string> names = execFunctions(file);
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t j = 0; j < a[i].size(); ++j)
      EXPECT_EQ(a[i][j].values, b[i][j].values)
          << "@" << names[i / 2] << (i % 2 ? " cotangent " : " result ") << j;
}

/// A file, in a precision.
class InvarianceTest : public testing::TestWithParam<std::tuple<std::string, const char *>> {
protected:
  std::string file = std::get<0>(GetParam()), precision = std::get<1>(GetParam());
};

TEST_P(InvarianceTest, RunTwice) {
  ExecVariant plain{.precision = precision};
  expectSame(file, runAll(file, plain), runAll(file, plain));
}

TEST_P(InvarianceTest, NotFused) {
  expectSame(file, runAll(file, {.precision = precision}),
             runAll(file, {.precision = precision, .fuse = false}));
}

TEST_P(InvarianceTest, MoreThreads) {
  expectSame(file, runAll(file, {.precision = precision}),
             runAll(file, {.precision = precision, .threads = 3}));
}

INSTANTIATE_TEST_SUITE_P(Exec, InvarianceTest,
                         testing::Combine(testing::ValuesIn(execFiles()),
                                          testing::Values("fp32", "bf16")),
                         [](const auto &info) {
                           const std::string &file = std::get<0>(info.param);
                           return file.substr(0, file.find('.')) + "_" + std::get<1>(info.param);
                         });

/// Checkpointing goes by scopes, which the function of this file has.
TEST(InvarianceVariantTest, Recomputed) {
  for (const char *precision : {"fp32", "bf16"})
    for (const char *checkpoint : {"qkv", "mlp", "attn", "block"})
      expectSame("block.mlir", runAll("block.mlir", {.precision = precision}),
                 runAll("block.mlir", {.precision = precision, .checkpoint = checkpoint}));
}

/// What the tests above compare is not the same program.
TEST(InvarianceVariantTest, VariantsAreOtherPrograms) {
  auto ops = [](const ExecVariant &variant) {
    ExecProgram *program = execProgram("block.mlir", variant);
    return program ? program->countOps("block") : 0;
  };
  size_t plain = ops({});
  EXPECT_GT(ops({.checkpoint = "block"}), plain) << "recomputes";
  EXPECT_GT(ops({.checkpoint = "mlp"}), plain);
  EXPECT_GT(ops({.checkpoint = "attn"}), plain);
  EXPECT_GT(ops({.fuse = false}), plain) << "has more, smaller kernels";
  EXPECT_NE(runAll("block.mlir", {}).front().front().values,
            runAll("block.mlir", {.precision = "bf16"}).front().front().values);
}

} // namespace
} // namespace swamla::test
