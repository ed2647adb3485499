//===- CommTest.cpp - ranks as threads of one process ---------------------===//

#include "runtime/base/Bf16.h"
#include "runtime/comm/RankLink.h"
#include "tests/unit/RankTestSupport.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include <map>
#include <thread>

namespace swamla {
namespace {

using schema::DType;
using test::leave;
using test::onRanks;

/// Numbers whose sums depend on the order in which they are added.
float number(unsigned rank, size_t i) {
  return std::sin(static_cast<float>(i * 7 + rank * 13 + 1)) * std::pow(10.0F, float(rank));
}

std::vector<float> numbers(unsigned rank, size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = number(rank, i);
  return values;
}

float sumInOrder(unsigned ranks, size_t i) {
  float sum = number(0, i);
  for (unsigned rank = 1; rank < ranks; ++rank)
    sum += number(rank, i);
  return sum;
}

class CommTest : public testing::TestWithParam<unsigned> {};

TEST_P(CommTest, SumsAreThoseOfTheRanksInOrder) {
  onRanks(GetParam(), [](Communicator &ranks) {
    // Fewer elements than ranks, sizes that the ranks do not divide, and several chunks.
    for (size_t count : {size_t{0}, size_t{1}, size_t{3}, size_t{1001}, size_t{2'500'003}}) {
      std::vector<float> values = numbers(ranks.rank(), count);
      Status status = ranks.allReduce(std::as_writable_bytes(std::span(values)), DType::F32);
      ASSERT_TRUE(status.isOk()) << status.message();
      size_t different = 0;
      for (size_t i = 0; i < count; ++i)
        different += values[i] != sumInOrder(ranks.ranks(), i);
      EXPECT_EQ(different, 0u) << "of " << count;
    }
    leave(ranks);
  });
}

TEST_P(CommTest, ReduceScatterAndAllGatherAreAnAllReduce) {
  onRanks(GetParam(), [](Communicator &ranks) {
    constexpr size_t kEach = 300'001; // more than a chunk
    std::vector<float> values = numbers(ranks.rank(), kEach * ranks.ranks()), before = values;
    std::span<float> own = std::span(values).subspan(ranks.rank() * kEach, kEach);
    Status status = ranks.reduceScatter(std::as_bytes(std::span(values)),
                                        std::as_writable_bytes(own), DType::F32);
    ASSERT_TRUE(status.isOk()) << status.message();
    for (size_t i = 0; i < values.size(); i += 997)
      if (i / kEach != ranks.rank()) {
        ASSERT_EQ(values[i], before[i]) << "other pieces stay";
      }
    status = ranks.allGather(std::as_bytes(own), std::as_writable_bytes(std::span(values)));
    ASSERT_TRUE(status.isOk()) << status.message();
    std::vector<float> reduced = before;
    status = ranks.allReduce(std::as_writable_bytes(std::span(reduced)), DType::F32);
    ASSERT_TRUE(status.isOk()) << status.message();
    EXPECT_EQ(std::memcmp(values.data(), reduced.data(), values.size() * sizeof(float)), 0);
    leave(ranks);
  });
}

TEST_P(CommTest, Bf16IsRoundedOnce) {
  onRanks(GetParam(), [](Communicator &ranks) {
    constexpr size_t kCount = 37;
    std::vector<Bf16> values(kCount);
    for (size_t i = 0; i < kCount; ++i)
      values[i] = toBf16(number(ranks.rank(), i));
    Status status = ranks.allReduce(std::as_writable_bytes(std::span(values)), DType::BF16);
    ASSERT_TRUE(status.isOk()) << status.message();
    for (size_t i = 0; i < kCount; ++i) {
      float sum = 0;
      for (unsigned rank = 0; rank < ranks.ranks(); ++rank)
        sum += toFloat(toBf16(number(rank, i)));
      EXPECT_EQ(values[i], toBf16(sum));
    }
    leave(ranks);
  });
}

TEST_P(CommTest, MaximaKeepNaN) {
  onRanks(GetParam(), [](Communicator &ranks) {
    auto rank = static_cast<float>(ranks.rank());
    bool last = ranks.rank() + 1 == ranks.ranks();
    std::vector<float> values = {rank, -rank, last ? std::nanf("") : 1.0F,
                                 last ? 1.0F : std::nanf("")};
    Status status =
        ranks.allReduce(std::as_writable_bytes(std::span(values)), DType::F32, ReduceOp::Max);
    ASSERT_TRUE(status.isOk()) << status.message();
    EXPECT_EQ(values[0], static_cast<float>(ranks.ranks() - 1));
    EXPECT_EQ(values[1], 0.0F);
    EXPECT_TRUE(std::isnan(values[2]) && std::isnan(values[3]));
    leave(ranks);
  });
}

TEST_P(CommTest, MessagesReachAllRanks) {
  onRanks(GetParam(), [](Communicator &ranks) {
    std::string mine(ranks.rank() * 1000, static_cast<char>('a' + ranks.rank()));
    auto all = ranks.exchange(mine);
    ASSERT_TRUE(all.isOk()) << all.status().message();
    ASSERT_EQ(all->size(), ranks.ranks());
    for (unsigned rank = 0; rank < ranks.ranks(); ++rank)
      EXPECT_EQ((*all)[rank], std::string(rank * 1000, static_cast<char>('a' + rank)));
    const double two[] = {ranks.rank() + 0.5, -1.0 * ranks.rank()};
    std::vector<double> gathered(2 * ranks.ranks());
    Status status = ranks.gatherNumbers(two, gathered);
    ASSERT_TRUE(status.isOk()) << status.message();
    for (unsigned rank = 0; rank < ranks.ranks(); ++rank) {
      EXPECT_EQ(gathered[2 * rank], rank + 0.5);
      EXPECT_EQ(gathered[2 * rank + 1], -1.0 * rank);
    }
    leave(ranks);
  });
}

TEST_P(CommTest, BothPlanesAtOnce) {
  onRanks(GetParam(), [](Communicator &ranks) {
    std::thread data([&] {
      std::vector<float> values(100'000, 1.0F);
      for (int i = 0; i < 10; ++i)
        EXPECT_TRUE(ranks.allReduce(std::as_writable_bytes(std::span(values)), DType::F32).isOk());
      EXPECT_EQ(values[99'999], std::pow(static_cast<float>(ranks.ranks()), 10.0F));
    });
    for (int i = 0; i < 100; ++i)
      EXPECT_TRUE(ranks.exchange("x").isOk());
    data.join();
    leave(ranks);
  });
}

TEST_P(CommTest, AnAbortNamesRankAndReason) {
  onRanks(GetParam(), [](Communicator &ranks) {
    if (ranks.rank() == 1) {
      ranks.abort("the disk is full");
      return;
    }
    auto all = ranks.exchange("waiting");
    ASSERT_FALSE(all.isOk());
    EXPECT_EQ(all.status().code(), StatusCode::RankLost);
    EXPECT_EQ(all.status().message(), "rank 1 cannot go on: the disk is full");
  });
}

TEST_P(CommTest, ARankThatEndsIsNamed) {
  for (unsigned ends : {0u, GetParam() - 1})
    onRanks(GetParam(), [&](Communicator &ranks) {
      if (ranks.rank() == ends)
        return; // without leave()
      std::vector<float> values(10);
      Status status = ranks.allReduce(std::as_writable_bytes(std::span(values)), DType::F32);
      EXPECT_EQ(status.code(), StatusCode::RankLost);
      EXPECT_NE(status.message().find(fmt::format("rank {} has ended without a word", ends)),
                std::string::npos)
          << status.message();
    });
}

TEST_P(CommTest, WhatCannotBeReducedIsRefused) {
  onRanks(GetParam(), [](Communicator &ranks) {
    std::vector<std::byte> bytes(8);
    EXPECT_EQ(ranks.allReduce(bytes, DType::I8).code(), StatusCode::Internal);
    EXPECT_EQ(ranks.allReduce(std::span(bytes).first(6), DType::F32).code(), StatusCode::Internal);
    EXPECT_EQ(ranks.reduceScatter(bytes, bytes, DType::F32).code(), StatusCode::Internal);
    EXPECT_EQ(ranks.allGather(bytes, bytes).code(), StatusCode::Internal);
    leave(ranks);
  });
}

INSTANTIATE_TEST_SUITE_P(Ranks, CommTest, testing::Values(2u, 4u));

//===----------------------------------------------------------------------===//
// Coming together
//===----------------------------------------------------------------------===//

TEST(RankLinkTest, RanksThatDoNotComeAreNamed) {
  auto listener = listenOn(0, true);
  ASSERT_TRUE(listener.isOk());
  uint16_t port = localPort(*listener);
  RankTimes times{std::chrono::milliseconds(500), std::chrono::milliseconds(300)};
  auto hub = RankHub::start(*std::move(listener), 4, times);
  ASSERT_TRUE(hub.isOk());
  auto link = RankLink::connect({0, 4, "127.0.0.1", port, times, {}});
  ASSERT_FALSE(link.isOk());
  EXPECT_EQ(link.status().message(), "3 of 4 ranks have not come within 0 s: 1, 2, 3");
}

TEST(RankLinkTest, RanksOfDifferentRunsAreNamed) {
  auto listener = listenOn(0, true);
  ASSERT_TRUE(listener.isOk());
  uint16_t port = localPort(*listener);
  RankTimes times{std::chrono::milliseconds(1000), std::chrono::milliseconds(5000)};
  auto hub = RankHub::start(*std::move(listener), 2, times);
  ASSERT_TRUE(hub.isOk());
  auto link = RankLink::connect({1, 3, "127.0.0.1", port, times, {}});
  ASSERT_FALSE(link.isOk());
  EXPECT_EQ(link.status().message(), "rank 1 was started as one of 3 ranks, rank 0 as one of 2");
}

TEST(RankLinkTest, NobodyThere) {
  auto listener = listenOn(0, true);
  ASSERT_TRUE(listener.isOk());
  uint16_t port = localPort(*listener);
  listener->close();
  RankTimes times{std::chrono::milliseconds(1000), std::chrono::milliseconds(200)};
  auto link = RankLink::connect({1, 2, "127.0.0.1", port, times, {}});
  ASSERT_FALSE(link.isOk());
  EXPECT_NE(link.status().message().find("cannot reach rank 0 at 127.0.0.1"), std::string::npos);
}

TEST(FramesTest, ComeInPiecesAndAreChecked) {
  FrameReader reader;
  std::string bytes =
      encodeFrame(FrameKind::Set, keyValueBody("key", "value")) + encodeFrame(FrameKind::Beat, "");
  for (size_t i = 0; i + 1 < bytes.size(); ++i)
    reader.feed(bytes.substr(i, 1));
  auto first = reader.next();
  ASSERT_TRUE(first.isOk() && *first);
  EXPECT_EQ((*first)->kind, FrameKind::Set);
  EXPECT_EQ(splitKeyValue((*first)->body), (std::pair<std::string, std::string>("key", "value")));
  auto none = reader.next();
  EXPECT_TRUE(none.isOk() && !*none) << "its last byte is not there";
  reader.feed(bytes.substr(bytes.size() - 1));
  auto second = reader.next();
  EXPECT_TRUE(second.isOk() && *second && (*second)->kind == FrameKind::Beat);
  for (std::string bad : {std::string("GET / HTTP/1.1\r\n"), std::string(8, '\0'),
                          std::string("\x01\0\0\0\x63", 5)}) {
    FrameReader other;
    other.feed(bad);
    EXPECT_EQ(other.next().status().code(), StatusCode::DataCorrupt);
  }
  for (const char *bad : {"", "swamla-ranks 1 ", "swamla-ranks 1 2 2", "swamla-ranks 1 0 2x",
                          "swamla-ranks 2 0 2", "swamla-ranks 1 -1 2"})
    EXPECT_FALSE(parseHello(bad).isOk()) << bad;
}

//===----------------------------------------------------------------------===//
// Environments
//===----------------------------------------------------------------------===//

Result<std::optional<RankPlace>> findIn(std::map<std::string, std::string> variables) {
  return findRank([&](const char *name) -> const char * {
    auto it = variables.find(name);
    return it == variables.end() ? nullptr : it->second.c_str();
  });
}

void expectPlace(const Result<std::optional<RankPlace>> &found, const RankPlace &expected) {
  ASSERT_TRUE(found.isOk()) << found.status().message();
  ASSERT_TRUE(found->has_value());
  const RankPlace &place = **found;
  EXPECT_EQ(place.rank, expected.rank);
  EXPECT_EQ(place.ranks, expected.ranks);
  EXPECT_EQ(place.localRank, expected.localRank);
  EXPECT_EQ(place.localRanks, expected.localRanks);
  EXPECT_EQ(place.address, expected.address);
  EXPECT_EQ(place.port, expected.port);
  EXPECT_EQ(place.startedBy, expected.startedBy);
}

TEST(RankEnvironmentTest, Alone) {
  for (const auto &variables : std::vector<std::map<std::string, std::string>>{
           {},
           {{"RANK", "0"}, {"WORLD_SIZE", "1"}, {"LOCAL_RANK", "0"}, {"MASTER_ADDR", "a"}},
           {{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}, {"SLURM_LOCALID", "0"}}}) {
    auto found = findIn(variables);
    ASSERT_TRUE(found.isOk()) << found.status().message();
    EXPECT_FALSE(found->has_value());
  }
}

TEST(RankEnvironmentTest, Torchrun) {
  std::map<std::string, std::string> variables = {{"RANK", "5"},
                                                  {"WORLD_SIZE", "16"},
                                                  {"LOCAL_RANK", "1"},
                                                  {"LOCAL_WORLD_SIZE", "4"},
                                                  {"MASTER_ADDR", "node0"},
                                                  {"MASTER_PORT", "1234"}};
  expectPlace(findIn(variables), {5, 16, 1, 4, "node0", 1234, "torchrun"});
  variables["TORCHELASTIC_USE_AGENT_STORE"] = "True"; // torchrun listens at MASTER_PORT itself
  expectPlace(findIn(variables), {5, 16, 1, 4, "node0", 1235, "torchrun"});
}

TEST(RankEnvironmentTest, Slurm) {
  std::map<std::string, std::string> variables = {{"SLURM_PROCID", "3"},
                                                  {"SLURM_STEP_ID", "0"},
                                                  {"SLURM_STEP_NUM_TASKS", "4"},
                                                  {"SLURM_NTASKS", "9"},
                                                  {"SLURM_LOCALID", "1"},
                                                  {"SLURM_STEP_TASKS_PER_NODE", "2(x2)"},
                                                  {"SLURM_JOB_NODELIST", "gpu[07-08],login"},
                                                  {"SLURM_LAUNCH_NODE_IPADDR", "10.0.0.1"},
                                                  {"SLURM_JOB_ID", "123456"}};
  expectPlace(findIn(variables), {3, 4, 1, 2, "gpu07", 20000 + 123456 % 20000, "Slurm"});
  variables["MASTER_ADDR"] = "10.1.1.1";
  variables["MASTER_PORT"] = "999";
  expectPlace(findIn(variables), {3, 4, 1, 2, "10.1.1.1", 999, "Slurm"});
}

TEST(RankEnvironmentTest, OpenMpi) {
  std::map<std::string, std::string> variables = {{"OMPI_COMM_WORLD_RANK", "1"},
                                                  {"OMPI_COMM_WORLD_SIZE", "2"},
                                                  {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                                  {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}};
  expectPlace(findIn(variables), {1, 2, 1, 2, "127.0.0.1", 29500, "Open MPI"});
  variables["OMPI_COMM_WORLD_LOCAL_SIZE"] = "1";
  variables["OMPI_COMM_WORLD_LOCAL_RANK"] = "0";
  auto nowhere = findIn(variables);
  ASSERT_FALSE(nowhere.isOk());
  EXPECT_NE(nowhere.status().message().find("MASTER_ADDR"), std::string::npos);
  variables["MASTER_ADDR"] = "node0";
  expectPlace(findIn(variables), {1, 2, 0, 1, "node0", 29500, "Open MPI"});
}

TEST(RankEnvironmentTest, NonsenseNamesTheVariable) {
  const std::map<std::string, std::string> good = {{"RANK", "1"},
                                                   {"WORLD_SIZE", "2"},
                                                   {"LOCAL_RANK", "1"},
                                                   {"MASTER_ADDR", "a"},
                                                   {"MASTER_PORT", "1"}};
  for (auto [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"RANK", "2"},
                                                        {"RANK", "-1"},
                                                        {"WORLD_SIZE", "0"},
                                                        {"WORLD_SIZE", "two"},
                                                        {"LOCAL_RANK", ""},
                                                        {"MASTER_PORT", "70000"}}) {
    auto variables = good;
    variables[name] = value;
    auto found = findIn(variables);
    ASSERT_FALSE(found.isOk()) << name << "=" << value;
    EXPECT_EQ(found.status().code(), StatusCode::InvalidArgument);
    EXPECT_NE(found.status().message().find(name), std::string::npos) << found.status().message();
  }
  auto variables = good;
  variables.erase("MASTER_ADDR");
  EXPECT_NE(findIn(variables).status().message().find("MASTER_ADDR"), std::string::npos);
}

TEST(RankEnvironmentTest, FirstHosts) {
  EXPECT_EQ(firstHost("node1"), "node1");
  EXPECT_EQ(firstHost("a,b"), "a");
  EXPECT_EQ(firstHost("node[003-006,8],login"), "node003");
  EXPECT_EQ(firstHost("node[7,9]"), "node7");
  EXPECT_EQ(firstHost(""), "");
}

} // namespace
} // namespace swamla
