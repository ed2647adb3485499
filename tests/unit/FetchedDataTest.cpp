//===- FetchedDataTest.cpp - training on shards that come one by one ------===//
#include "runtime/fetch/FetchedData.h"

#include "tests/unit/TrainTestSupport.h"

#include <algorithm>
#include <cstdlib>

namespace swamla {
namespace {

using test::failedWith;
using test::shardBytes;
using test::succeeded;

/// Shard n has 9 + 4 * (n % 3) tokens, all n: with T = 4 two, three or four sequences.
class FetchedDataTest : public test::FolderTest {
protected:
  void SetUp() override {
    FolderTest::SetUp();
    ::setenv("SWAMLA_DATA", folder.c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("SWAMLA_DATA");
    FolderTest::TearDown();
  }
  static uint64_t sequencesOf(unsigned number) { return 2 + number % 3; }
  void writeShard(unsigned number) {
    std::vector<uint16_t> tokens(1 + 4 * sequencesOf(number), static_cast<uint16_t>(number));
    write("fineweb/" + set->trainFile(number), shardBytes(tokens));
  }
  Result<TokenData> open(DataPosition start = {}, uint64_t needed = 1, bool validation = false) {
    FetchedDataOptions options;
    options.sequences = {set, 4, kGpt2Vocabulary, start, needed};
    options.store.set = set;
    options.store.offline = true;
    options.validation = validation;
    return openFetchedData(std::move(options));
  }
  /// The shards that the next sequences are of.
  static std::vector<int32_t> take(BatchLoader &loader, size_t count) {
    std::vector<int32_t> shards;
    for (size_t i = 0; i < count; ++i) {
      auto batch = loader.next();
      EXPECT_TRUE(succeeded(batch));
      if (batch.isOk())
        shards.push_back((*batch)->targets.back());
    }
    return shards;
  }
  const DataSet *set = findDataSet("fineweb");
};

TEST_F(FetchedDataTest, OneShardAfterAnotherAndAgain) {
  std::vector<int32_t> wanted;
  for (unsigned number = 1; number <= set->trainShards; ++number) {
    writeShard(number);
    wanted.insert(wanted.end(), sequencesOf(number), static_cast<int32_t>(number));
  }
  wanted.insert(wanted.end(), 3, 1); // and from the start
  auto data = open();
  ASSERT_TRUE(succeeded(data));
  EXPECT_EQ(data->identity, "fineweb T=4 shards=103");
  EXPECT_FALSE(data->validation);
  BatchLoader loader(*data->train, 1, 5, {});
  EXPECT_EQ(take(loader, wanted.size()), wanted);
}

TEST_F(FetchedDataTest, NothingButWhatTheRunIsInIsNeeded) {
  writeShard(3); // two sequences, of which one was seen
  writeShard(4);
  auto data = open({2, 1});
  ASSERT_TRUE(succeeded(data));
  BatchLoader loader(*data->train, 1, 5, {2, 1}, 4, /*limit=*/4);
  EXPECT_EQ(take(loader, 4), (std::vector<int32_t>{3, 4, 4, 4}));
  // The fifth shard is missing, and only who goes there notices.
  BatchLoader further(*data->train, 1, 5, {2, 1});
  take(further, 4);
  EXPECT_TRUE(failedWith(further.next(), StatusCode::Unavailable,
                         {"fineweb_train_000005.bin is not in", "swamla-data fetch fineweb"}));
}

TEST_F(FetchedDataTest, OlderSequencesCanBeReadAgain) {
  for (unsigned number = 1; number <= 8; ++number)
    writeShard(number);
  auto data = open();
  ASSERT_TRUE(succeeded(data));
  auto first = data->train->epoch(0, {});
  ASSERT_TRUE(succeeded(first));
  for (uint64_t epoch = 1; epoch < 8; ++epoch)
    ASSERT_TRUE(succeeded(data->train->epoch(epoch, {})));
  std::vector<int32_t> tokens(4), targets(4);
  ASSERT_TRUE(succeeded(data->train->read(first->first, tokens, targets)));
  EXPECT_EQ(tokens[0], 1);
}

TEST_F(FetchedDataTest, Validation) {
  writeShard(1);
  EXPECT_TRUE(failedWith(open({}, 1, true), StatusCode::NotFound, {"fineweb_val_000000.bin"}));
  write("fineweb/" + set->valFile(), shardBytes(std::vector<uint16_t>(9, 7)));
  auto data = open({}, 1, true);
  ASSERT_TRUE(succeeded(data));
  ASSERT_TRUE(data->validation);
  EXPECT_EQ(data->validation->sequences(), 2U);
  write("fineweb/" + set->valFile(), shardBytes(std::vector<uint16_t>(4, 7)));
  data = open({}, 1, true);
  ASSERT_TRUE(succeeded(data));
  EXPECT_FALSE(data->validation);
}

TEST_F(FetchedDataTest, WhatCannotWorkFailsAtTheStart) {
  EXPECT_TRUE(failedWith(open(), StatusCode::NotFound, {"fineweb_train_000001.bin", "--offline"}));
  write("fineweb/" + set->trainFile(1), shardBytes(std::vector<uint16_t>(4, 7)));
  EXPECT_TRUE(failedWith(open(), StatusCode::InvalidArgument, {"has 4 tokens", "need 5"}));
  write("fineweb/" + set->trainFile(1), "not a shard");
  EXPECT_TRUE(failedWith(open(), StatusCode::DataCorrupt, {"remove it, and it is fetched again"}));
  FetchedDataOptions options;
  options.sequences = {set, 4, 256, {}, 1};
  EXPECT_TRUE(failedWith(openFetchedData(std::move(options)), StatusCode::InvalidArgument,
                         {"there are 50257", "the model has 256", "--vocab-size"}));
}

} // namespace
} // namespace swamla
