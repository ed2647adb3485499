//===- InvarianceTest.cpp - how it is compiled changes no bit -------------===//
//
// Recomputation, fusion and the number of threads decide where and when a value
// is computed, never what it is: every result and every cotangent of every
// function has the same bits, and runs have the same bits, too.
//
//===----------------------------------------------------------------------===//
#include "tests/exec/ExecProgram.h"

#include <gtest/gtest.h>

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

class InvarianceTest : public testing::TestWithParam<std::string> {};

TEST_P(InvarianceTest, RunTwice) {
  expectSame(GetParam(), runAll(GetParam(), {}), runAll(GetParam(), {}));
}

TEST_P(InvarianceTest, NotFused) {
  expectSame(GetParam(), runAll(GetParam(), {}), runAll(GetParam(), {.fuse = false}));
}

TEST_P(InvarianceTest, MoreThreads) {
  expectSame(GetParam(), runAll(GetParam(), {}), runAll(GetParam(), {.threads = 3}));
}

INSTANTIATE_TEST_SUITE_P(Exec, InvarianceTest, testing::ValuesIn(execFiles()),
                         [](const auto &info) {
                           return info.param.substr(0, info.param.find('.'));
                         });

/// Checkpointing goes by scopes, which the function of this file has.
TEST(InvarianceVariantTest, Recomputed) {
  for (const char *checkpoint : {"mlp", "attn", "block"})
    expectSame("block.mlir", runAll("block.mlir", {}),
               runAll("block.mlir", {.checkpoint = checkpoint}));
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
}

} // namespace
} // namespace swamla::test
