//===- StepVerifyCollectiveTest.cpp - programs for many ranks -------------===//
#include "tests/unit/CollectiveSample.h"
#include "tests/unit/StepRefusal.h"

namespace swamla {
namespace {

using namespace test;
using schema::CollectiveKind;
using schema::View;

schema::CollectiveT &collective(schema::StepT &step, unsigned op) {
  return *opsOf(step, "micro_step")[op]->kind.AsCollective();
}

const std::vector<StepChange> &cases() {
  static const std::vector<StepChange> all = {
      {"NoRanks", [](auto &s) { s.ranks = 0; }, "ranks is 0, expected 1 to 65536"},
      {"TooManyRanks", [](auto &s) { s.ranks = 65537; }, "ranks is 65537, expected 1 to 65536"},
      {"NotParallel", [](auto &s) { s.parallel.clear(); },
       "parallel is absent with 2 ranks, expected 'ddp'"},
      {"UnknownParallel", [](auto &s) { s.parallel = "pipeline"; },
       "parallel is 'pipeline' with 2 ranks, expected 'ddp'"},
      {"OneRank", [](auto &s) { s.ranks = 1; },
       "programs[0].ops[0] ('collective'): a collective in a program of one rank"},
      {"Kind", [](auto &s) { collective(s, 0).kind = CollectiveKind(9); },
       "a collective of kind 9 and element type 0, which are not both known"},
      {"SumOfBf16", [](auto &s) { collective(s, 0).dtype = schema::DType::BF16; },
       "adds up elements of BF16, expected F32"},
      {"NoBuffer", [](auto &s) { collective(s, 5).to = view(99, 64, 64); },
       "what it writes is in buffer 99"},
      {"Outside", [](auto &s) { collective(s, 2).from = view(kGrads, 500, 64); },
       "what it reads covers 64 bytes from byte 500, but buffer 'grads' has 512 bytes"},
      {"Alignment", [](auto &s) { collective(s, 5).from = view(kState, 2, 32); },
       "what it reads covers 32 bytes from byte 2; both must be multiples of 4"},
      {"Nothing",
       [](auto &s) {
         collective(s, 0).from = view(kGrads, 0, 0);
         collective(s, 0).to = view(kGrads, 0, 0);
       },
       "a collective of no bytes"},
      {"ReadOnly", [](auto &s) { collective(s, 2).to = view(kInput, 0, 32); },
       "writes to buffer 'input' of kind Input, which is the runtime's"},
      {"NotInPlace", [](auto &s) { collective(s, 0).to = view(kGrads, 128, 128); },
       "an all-reduce reads one view and writes another; expected the same"},
      {"Overlap", [](auto &s) { collective(s, 5).to = view(kState, 28, 64); },
       "what it reads and what it writes overlap"},
      {"ScatterSizes", [](auto &s) { collective(s, 2).to = view(kState, 0, 64); },
       "pieces of 64 bytes and 64 in all; expected 128 for 2 ranks"},
      {"GatherSizes", [](auto &s) { collective(s, 5).to = view(kState, 64, 96); },
       "pieces of 32 bytes and 96 in all; expected 64 for 2 ranks"},
      {"WaitForNone",
       [](auto &s) { opsOf(s, "micro_step").insert(opsOf(s, "micro_step").begin(), makeWait(0)); },
       "programs[0].ops[0] ('wait'): waits for collective 0; expected one of the 0 before it"},
      {"WaitTwice",
       [](auto &s) { opsOf(s, "micro_step")[4]->kind.AsCollectiveWait()->collective = 1; },
       "programs[0].ops[4] ('wait'): waits for collective 1; expected one of the 2 before it, that "
       "nothing has waited for yet"},
      {"NeverWaitedFor", [](auto &s) { opsOf(s, "micro_step").pop_back(); },
       "programs[0]: collective 3 is never waited for"},
      {"Touched",
       [](auto &s) { *opsOf(s, "micro_step")[1]->kind.AsFill()->view = View(kGrads, 124, 128); },
       "programs[0].ops[1] ('zero'): touches what a collective works on that has not been waited "
       "for"},
      {"TouchedByAnother", [](auto &s) { collective(s, 2).from = view(kGrads, 96, 64); },
       "programs[0].ops[2] ('collective'): touches what a collective works on"},
  };
  return all;
}

class CollectiveStep : public testing::TestWithParam<StepChange> {};
TEST_P(CollectiveStep, IsRefused) { expectRefused(stepForTwoRanks(), GetParam()); }
INSTANTIATE_TEST_SUITE_P(All, CollectiveStep, testing::ValuesIn(cases()),
                         [](const auto &info) { return std::string(info.param.name); });

TEST(CollectiveStep, LoadsUnchanged) {
  auto file = loadStep(stepForTwoRanks());
  EXPECT_TRUE(file.isOk()) << file.status().message();
}

} // namespace
} // namespace swamla
