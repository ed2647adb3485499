//===- TokenDataTest.cpp - finding, checking and cutting data -------------===//
#include "runtime/train/TokenData.h"

#include "tests/unit/TrainTestSupport.h"

#include <algorithm>
#include <numeric>

namespace swamla {
namespace {

using test::failedWith;
using test::shardBytes;
using test::succeeded;

std::vector<uint16_t> count(uint16_t from, size_t n) {
  std::vector<uint16_t> tokens(n);
  std::iota(tokens.begin(), tokens.end(), from);
  return tokens;
}

class TokenDataTest : public test::FolderTest {
protected:
  Result<TokenData> open(const std::string &spec, uint32_t vocab = 1000, uint32_t blockSize = 4) {
    return openTokenData(spec, {blockSize, vocab, 0, {}});
  }
  /// Tokens and the last target of a sequence.
  static std::vector<int32_t> sequence(const SequenceSource &source, uint64_t index) {
    std::vector<int32_t> tokens(source.blockSize()), targets(source.blockSize());
    EXPECT_TRUE(succeeded(source.read(index, tokens, targets)));
    for (size_t i = 0; i + 1 < tokens.size(); ++i)
      EXPECT_EQ(targets[i], tokens[i + 1]);
    tokens.push_back(targets.back());
    return tokens;
  }
};

TEST_F(TokenDataTest, ShardsAndValidation) {
  write("d/b_train_2.bin", shardBytes(count(100, 9)));
  write("d/a_train_1.bin", shardBytes(count(0, 12)));
  write("d/x_val_0.bin", shardBytes(count(500, 8)));
  auto data = open(path("d"));
  ASSERT_TRUE(succeeded(data));
  // 12 tokens: (12 - 1) / 4 = 2 sequences; 9 tokens: 2; 8 tokens: 1.
  ASSERT_EQ(data->train->sequences(), 4U);
  EXPECT_EQ(sequence(*data->train, 0), (std::vector<int32_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(sequence(*data->train, 1), (std::vector<int32_t>{4, 5, 6, 7, 8}));
  EXPECT_EQ(sequence(*data->train, 2), (std::vector<int32_t>{100, 101, 102, 103, 104}));
  EXPECT_EQ(sequence(*data->train, 3), (std::vector<int32_t>{104, 105, 106, 107, 108}));
  ASSERT_TRUE(data->validation);
  ASSERT_EQ(data->validation->sequences(), 1U);
  EXPECT_EQ(sequence(*data->validation, 0), (std::vector<int32_t>{500, 501, 502, 503, 504}));
  EXPECT_TRUE(data->notes.empty());
}

TEST_F(TokenDataTest, PatternOfShards) {
  write("d/t1.bin", shardBytes(count(0, 10)));
  write("d/t2.bin", shardBytes(count(0, 10)));
  write("d/u1.bin", shardBytes(count(0, 10)));
  auto data = open(path("d/t*.bin"));
  ASSERT_TRUE(succeeded(data));
  EXPECT_EQ(data->train->sequences(), 4U);
  EXPECT_FALSE(data->validation);
  EXPECT_NE(data->notes.at(0).find("\"val\""), std::string::npos);
}

TEST_F(TokenDataTest, ShardBoundarySizes) {
  // 5 tokens make exactly one sequence, 4 none.
  write("d/a.bin", shardBytes(count(0, 5)));
  write("d/b.bin", shardBytes(count(0, 4)));
  write("d/c.bin", shardBytes({}));
  auto data = open(path("d"));
  ASSERT_TRUE(succeeded(data));
  EXPECT_EQ(data->train->sequences(), 1U);
}

TEST_F(TokenDataTest, TextIsBytes) {
  std::string text;
  for (int i = 0; i < 200; ++i)
    text += static_cast<char>(i);
  write("t.txt", text);
  auto data = open(path("t.txt"), 256);
  ASSERT_TRUE(succeeded(data));
  // 180 bytes for training, 20 for validation.
  EXPECT_EQ(data->train->sequences(), 44U);
  EXPECT_EQ(sequence(*data->train, 43), (std::vector<int32_t>{172, 173, 174, 175, 176}));
  ASSERT_TRUE(data->validation);
  EXPECT_EQ(data->validation->sequences(), 4U);
  EXPECT_EQ(sequence(*data->validation, 0), (std::vector<int32_t>{180, 181, 182, 183, 184}));
}

TEST_F(TokenDataTest, FolderOfTextIsOneStream) {
  // Shorter than a sequence each, read as one text in the order of their names.
  write("d/1.txt", "abc");
  write("d/sub/2.txt", "def");
  write("d/empty.txt", "");
  write("d/.hidden", "zzz");
  write("d/a.txt", "ghijk");
  auto data = openTokenData(path("d"), {4, 256, 0, 0.0});
  ASSERT_TRUE(succeeded(data));
  ASSERT_EQ(data->train->sequences(), 2U);
  EXPECT_EQ(sequence(*data->train, 0), (std::vector<int32_t>{'a', 'b', 'c', 'g', 'h'}));
  EXPECT_EQ(sequence(*data->train, 1), (std::vector<int32_t>{'h', 'i', 'j', 'k', 'd'}));
  EXPECT_FALSE(data->validation);
}

TEST_F(TokenDataTest, SplitAcrossFiles) {
  write("d/1.txt", "abcdefgh");
  write("d/2.txt", "ijklmnop");
  auto data = openTokenData(path("d"), {2, 256, 0, 0.75});
  ASSERT_TRUE(succeeded(data));
  EXPECT_EQ(data->train->sequences(), 1U); // abcd
  EXPECT_EQ(sequence(*data->validation, 0), (std::vector<int32_t>{'e', 'f', 'g'}));
  EXPECT_EQ(sequence(*data->validation, 1), (std::vector<int32_t>{'g', 'h', 'i'}));
  EXPECT_EQ(data->validation->sequences(), 5U); // efghijklmnop
}

TEST_F(TokenDataTest, RandomTokens) {
  auto data = open("random", 50);
  ASSERT_TRUE(succeeded(data));
  EXPECT_FALSE(data->validation);
  std::vector<int32_t> first = sequence(*data->train, 3), again = sequence(*data->train, 3);
  EXPECT_EQ(first, again);
  EXPECT_NE(first, sequence(*data->train, 4));
  std::vector<int> seen(50);
  for (uint64_t i = 0; i < 2000; ++i)
    for (int32_t token : sequence(*data->train, i))
      ++seen.at(static_cast<size_t>(token)); // 10000 draws, 200 expected of each
  EXPECT_GT(*std::ranges::min_element(seen), 120);
  EXPECT_LT(*std::ranges::max_element(seen), 280);
  auto other = openTokenData("random", {4, 50, 1, {}});
  EXPECT_NE(first, sequence(*other->train, 3));
}

TEST_F(TokenDataTest, IdentityTellsDataApart) {
  write("a.bin", shardBytes(count(0, 10)));
  write("b.bin", shardBytes(count(0, 11)));
  EXPECT_EQ(open(path("a.bin"))->identity, open(path("a.bin"))->identity);
  EXPECT_NE(open(path("a.bin"))->identity, open(path("b.bin"))->identity);
  EXPECT_NE(open(path("a.bin"))->identity, open(path("a.bin"), 1000, 3)->identity);
  EXPECT_NE(open(path("a.bin"))->identity, open("random")->identity);
}

TEST_F(TokenDataTest, BadShards) {
  std::string good = shardBytes(count(0, 10));
  EXPECT_TRUE(failedWith(open(write("short.bin", good.substr(0, 100))), StatusCode::DataCorrupt,
                         {path("short.bin"), "100 bytes", "1024"}));
  EXPECT_TRUE(failedWith(open(write("empty.bin", "")), StatusCode::DataCorrupt,
                         {path("empty.bin"), "0 bytes"}));
  EXPECT_TRUE(failedWith(open(write("magic.bin", shardBytes(count(0, 10), 7))),
                         StatusCode::DataCorrupt,
                         {path("magic.bin"), "starts with 7", "20240520"}));
  EXPECT_TRUE(failedWith(open(write("version.bin", shardBytes(count(0, 10), 20240520, 2))),
                         StatusCode::DataCorrupt,
                         {path("version.bin"), "version 2", "expected 1"}));
  EXPECT_TRUE(failedWith(
      open(write("cut.bin", good.substr(0, good.size() - 1))), StatusCode::DataCorrupt,
      {path("cut.bin"), "10 tokens, which make 1044 bytes", "1043 bytes, 9 tokens", "cut off"}));
  EXPECT_TRUE(failedWith(open(write("long.bin", good + "x")), StatusCode::DataCorrupt,
                         {"1044 bytes", "1045 bytes", "too many"}));
  EXPECT_TRUE(
      failedWith(open(write("count.bin", shardBytes(count(0, 10), 20240520, 1, 2000000000))),
                 StatusCode::DataCorrupt, {"2000000000 tokens"}));
  std::string negative = good;
  std::fill_n(negative.begin() + 8, 4, '\xff');
  EXPECT_TRUE(
      failedWith(open(write("negative.bin", negative)), StatusCode::DataCorrupt, {"-1 tokens"}));
  // The magic makes a shard of any name.
  EXPECT_TRUE(failedWith(open(write("noext", good.substr(0, 1040))), StatusCode::DataCorrupt,
                         {path("noext"), "which make 1044 bytes"}));
}

TEST_F(TokenDataTest, TokensOutsideTheVocabulary) {
  std::vector<uint16_t> tokens = count(0, 20000);
  write("d/t.bin", shardBytes(tokens));
  EXPECT_TRUE(failedWith(open(path("d"), 12345), StatusCode::DataCorrupt,
                         {path("d/t.bin"), "token 12345 is 12345", "12345 tokens (0 to 12344)"}));
  EXPECT_TRUE(succeeded(open(path("d"), 20000)));
  // The check of a range that is read, for shards that are too large to be read at the start.
  auto file = TokenFile::open(path("d/t.bin"));
  ASSERT_TRUE(succeeded(file));
  std::vector<int32_t> out(5);
  EXPECT_TRUE(succeeded(file->read(95, out, 100)));
  EXPECT_TRUE(failedWith(file->read(96, out, 100), StatusCode::DataCorrupt, {"token 100 is 100"}));
  write("t.txt", "plain ascii and \xC3\xA4");
  EXPECT_TRUE(failedWith(open(path("t.txt"), 128), StatusCode::DataCorrupt,
                         {path("t.txt"), "token 16 is 195", "128 tokens"}));
}

TEST_F(TokenDataTest, NothingThere) {
  EXPECT_TRUE(failedWith(open(path("none")), StatusCode::NotFound, {path("none"), "'random'"}));
  EXPECT_TRUE(failedWith(open("fineweb"), StatusCode::NotFound, {"'fineweb'", "token shard"}));
  EXPECT_TRUE(failedWith(open(path("*.bin")), StatusCode::NotFound, {"no file matches"}));
  std::filesystem::create_directory(path("empty"));
  EXPECT_TRUE(
      failedWith(open(path("empty")), StatusCode::NotFound, {path("empty"), "has no files"}));
  write("e.txt", "");
  EXPECT_TRUE(failedWith(open(path("e.txt")), StatusCode::NotFound, {"empty"}));
}

TEST_F(TokenDataTest, DoesNotFit) {
  write("d/a.bin", shardBytes(count(0, 10)));
  write("d/b.txt", "text beside shards");
  EXPECT_TRUE(failedWith(open(path("d")), StatusCode::InvalidArgument,
                         {path("d/a.bin"), path("d/b.txt"), "one kind"}));
  write("val/only_val.bin", shardBytes(count(0, 10)));
  EXPECT_TRUE(failedWith(open(path("val")), StatusCode::InvalidArgument,
                         {"0 tokens for training", "need 5"}));
  write("short.txt", "abcd");
  EXPECT_TRUE(failedWith(open(path("short.txt")), StatusCode::InvalidArgument, {"need 5"}));
  EXPECT_TRUE(failedWith(openTokenData(path("d/a.bin"), {4, 1000, 0, 0.2}),
                         StatusCode::InvalidArgument, {"--val-fraction", "text"}));
  EXPECT_TRUE(failedWith(openTokenData("random", {4, 1000, 0, 0.2}), StatusCode::InvalidArgument,
                         {"--val-fraction"}));
}

} // namespace
} // namespace swamla
