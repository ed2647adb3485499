//===- TokenDataOrderTest.cpp - the order of training data ----------------===//
#include "runtime/train/BatchLoader.h"
#include "runtime/train/Permutation.h"
#include "tests/unit/TrainTestSupport.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>
#include <thread>

namespace swamla {
namespace {

using test::failedWith;
using test::succeeded;

TEST(PermutationTest, IsABijectionOfEverySize) {
  for (uint64_t size = 1; size <= 600; ++size) {
    Permutation order(RandomStream(size, "test"), size);
    std::vector<bool> seen(size);
    for (uint64_t i = 0; i < size; ++i) {
      uint64_t image = order(i);
      ASSERT_LT(image, size);
      ASSERT_FALSE(seen[image]) << "size " << size << ", index " << i;
      seen[image] = true;
    }
  }
}

TEST(PermutationTest, LargeSizes) {
  for (uint64_t size : {uint64_t{1} << 40, (uint64_t{1} << 40) + 1, ~uint64_t{0}}) {
    Permutation order(RandomStream(1, "test"), size);
    std::set<uint64_t> images;
    for (uint64_t i = 0; i < 1000; ++i) {
      EXPECT_LT(order(i), size);
      images.insert(order(i));
    }
    EXPECT_EQ(images.size(), 1000U);
  }
}

TEST(PermutationTest, LooksShuffled) {
  // Over many keys each index meets each place equally often: 3000 / 10 = 300, deviation 16.
  constexpr uint64_t size = 10;
  std::vector<std::vector<int>> hits(size, std::vector<int>(size));
  for (uint64_t key = 0; key < 3000; ++key) {
    Permutation order(RandomStream(key, "test"), size);
    for (uint64_t i = 0; i < size; ++i)
      ++hits[i][order(i)];
  }
  for (const auto &row : hits)
    for (int hit : row) {
      EXPECT_GT(hit, 300 - 6 * 17);
      EXPECT_LT(hit, 300 + 6 * 17);
    }
}

/// Sequence i is T times the number i; counts how often each is read.
class NumberedSequences final : public SequenceSource {
public:
  explicit NumberedSequences(uint64_t count) : count(count) {}
  uint64_t sequences() const override { return count; }
  uint32_t blockSize() const override { return 3; }
  Status read(uint64_t index, std::span<int32_t> tokens,
              std::span<int32_t> targets) const override {
    if (index == bad)
      return dataCorrupt("sequence is bad");
    std::ranges::fill(tokens, static_cast<int32_t>(index));
    std::ranges::fill(targets, static_cast<int32_t>(index));
    return Status::ok();
  }
  uint64_t bad = ~uint64_t{0};

private:
  uint64_t count;
};

/// Epoch e has the sequences 10 * (e % 3) to 10 * (e % 3) + 4 + e % 3; the last one that was asked
/// for is known.
class PartedSequences final : public SequenceSource {
public:
  uint64_t sequences() const override { return 30; }
  uint32_t blockSize() const override { return 3; }
  Result<SequenceRange> epoch(uint64_t number, const std::stop_token &stop) const override {
    if (number >= available) {
      while (!stop.stop_requested())
        std::this_thread::yield();
      return Status::error(StatusCode::Unavailable, "given up");
    }
    asked = number;
    return SequenceRange{10 * (number % 3), 5 + number % 3};
  }
  Status read(uint64_t index, std::span<int32_t> tokens,
              std::span<int32_t> targets) const override {
    std::ranges::fill(tokens, static_cast<int32_t>(index));
    std::ranges::fill(targets, static_cast<int32_t>(index));
    return Status::ok();
  }
  uint64_t available = 100;
  mutable std::atomic<uint64_t> asked = 0;
};

/// The numbers of the next `count` sequences, and where the loader then stands.
std::vector<int32_t> take(BatchLoader &loader, uint32_t batch, size_t batches,
                          DataPosition &after) {
  std::vector<int32_t> numbers;
  for (size_t i = 0; i < batches; ++i) {
    auto next = loader.next();
    EXPECT_TRUE(succeeded(next));
    for (uint32_t b = 0; b < batch; ++b) {
      EXPECT_EQ((*next)->tokens[3 * b], (*next)->targets[3 * b + 2]);
      numbers.push_back((*next)->tokens[3 * b]);
    }
    after = (*next)->after;
  }
  return numbers;
}

TEST(TokenDataOrderTest, EveryEpochHasEverySequenceOnce) {
  NumberedSequences source(11);
  BatchLoader loader(source, 2, 5, {});
  DataPosition after;
  std::vector<int32_t> numbers = take(loader, 2, 22, after); // 44 sequences: 4 epochs
  EXPECT_EQ(after, (DataPosition{4, 0}));
  std::set<std::vector<int32_t>> orders;
  for (int epoch = 0; epoch < 4; ++epoch) {
    std::vector<int32_t> order(numbers.begin() + 11 * epoch, numbers.begin() + 11 * (epoch + 1));
    orders.insert(order);
    std::ranges::sort(order);
    for (int32_t i = 0; i < 11; ++i)
      EXPECT_EQ(order[static_cast<size_t>(i)], i) << "epoch " << epoch;
  }
  EXPECT_EQ(orders.size(), 4U) << "each epoch has an order of its own";
}

TEST(TokenDataOrderTest, OrderDoesNotDependOnBatchSize) {
  NumberedSequences source(7);
  DataPosition one, two, three;
  BatchLoader a(source, 1, 9, {}), b(source, 4, 9, {}), c(source, 14, 9, {}, 1);
  std::vector<int32_t> reference = take(a, 1, 28, one);
  EXPECT_EQ(reference, take(b, 4, 7, two));
  EXPECT_EQ(reference, take(c, 14, 2, three));
  EXPECT_EQ(one, two);
  EXPECT_EQ(one, three);
}

TEST(TokenDataOrderTest, ResumesExactlyAtEveryPosition) {
  NumberedSequences source(5);
  constexpr size_t total = 13; // across two epoch ends
  for (uint32_t batch = 1; batch <= 4; ++batch) {
    BatchLoader whole(source, batch, 3, {});
    DataPosition end;
    std::vector<int32_t> expected = take(whole, batch, total, end);
    for (size_t stop = 1; stop < total; ++stop) {
      DataPosition middle, last;
      BatchLoader first(source, batch, 3, {});
      std::vector<int32_t> got = take(first, batch, stop, middle);
      BatchLoader second(source, batch, 3, middle);
      std::vector<int32_t> rest = take(second, batch, total - stop, last);
      got.insert(got.end(), rest.begin(), rest.end());
      ASSERT_EQ(got, expected) << "batch " << batch << ", stopped after " << stop;
      ASSERT_EQ(last, end);
    }
  }
}

/// What `ranks` ranks see in order, micro step by micro step and rank by rank within each.
std::vector<int32_t> takeByRanks(const SequenceSource &source, uint32_t batch, unsigned ranks,
                                 size_t microSteps, DataPosition start, DataPosition &after) {
  std::vector<std::unique_ptr<BatchLoader>> loaders;
  for (unsigned rank = 0; rank < ranks; ++rank)
    loaders.push_back(std::make_unique<BatchLoader>(source, batch, 9, start, 2, microSteps,
                                                    RankShare{rank, ranks}));
  std::vector<int32_t> numbers;
  for (size_t i = 0; i < microSteps; ++i) {
    std::set<std::pair<uint64_t, uint64_t>> places;
    for (const auto &loader : loaders) {
      std::vector<int32_t> part = take(*loader, batch, 1, after);
      numbers.insert(numbers.end(), part.begin(), part.end());
      places.insert({after.epoch, after.index});
    }
    EXPECT_EQ(places.size(), 1U) << "all ranks stand at one place";
  }
  return numbers;
}

TEST(TokenDataOrderTest, OrderDoesNotDependOnRanks) {
  NumberedSequences source(11);
  PartedSequences parted;
  for (const SequenceSource *each : {static_cast<const SequenceSource *>(&source),
                                     static_cast<const SequenceSource *>(&parted)}) {
    DataPosition one, end;
    BatchLoader alone(*each, 2, 9, {});
    std::vector<int32_t> expected = take(alone, 2, 16, one); // across two epoch ends
    for (unsigned ranks : {1U, 2U, 4U}) {
      EXPECT_EQ(takeByRanks(*each, 2, ranks, 16 / ranks, {}, end), expected) << ranks << " ranks";
      EXPECT_EQ(end, one);
    }
  }
}

TEST(TokenDataOrderTest, ResumesOnAnotherNumberOfRanks) {
  NumberedSequences source(7);
  DataPosition end, middle, last;
  std::vector<int32_t> expected = takeByRanks(source, 3, 4, 6, {}, end);
  for (unsigned ranks : {1U, 2U, 8U}) {
    std::vector<int32_t> got = takeByRanks(source, 3, 4, 2, {}, middle);
    std::vector<int32_t> rest = takeByRanks(source, 3, ranks, 16 / ranks, middle, last);
    got.insert(got.end(), rest.begin(), rest.end());
    EXPECT_EQ(got, expected) << "on " << ranks;
    EXPECT_EQ(last, end);
  }
}

TEST(TokenDataOrderTest, SeedsDiffer) {
  NumberedSequences source(50);
  DataPosition after;
  BatchLoader a(source, 50, 1, {}), b(source, 50, 2, {});
  EXPECT_NE(take(a, 50, 1, after), take(b, 50, 1, after));
}

TEST(TokenDataOrderTest, OneSequence) {
  NumberedSequences source(1);
  DataPosition after;
  BatchLoader loader(source, 3, 1, {});
  EXPECT_EQ(take(loader, 3, 2, after), std::vector<int32_t>(6, 0));
  EXPECT_EQ(after, (DataPosition{6, 0}));
}

TEST(TokenDataOrderTest, ErrorsComeWhereTheDataIs) {
  NumberedSequences source(6);
  source.bad = 2;
  BatchLoader loader(source, 1, 4, {});
  int good = 0;
  while (loader.next().isOk())
    ++good;
  EXPECT_LT(good, 6);
  EXPECT_TRUE(failedWith(loader.next(), StatusCode::DataCorrupt, {"sequence is bad"}));
  EXPECT_TRUE(failedWith(loader.next(), StatusCode::DataCorrupt, {"sequence is bad"}));
}

TEST(TokenDataOrderTest, PartsComeOneAfterAnother) {
  PartedSequences source;
  DataPosition after;
  BatchLoader loader(source, 1, 5, {});
  std::vector<int32_t> numbers = take(loader, 1, 5 + 6 + 7 + 5, after);
  EXPECT_EQ(after, (DataPosition{4, 0}));
  size_t at = 0;
  for (uint64_t epoch = 0; epoch < 4; ++epoch) {
    size_t count = 5 + epoch % 3;
    std::vector<int32_t> part(numbers.begin() + static_cast<ptrdiff_t>(at),
                              numbers.begin() + static_cast<ptrdiff_t>(at + count));
    std::ranges::sort(part);
    for (size_t i = 0; i < count; ++i)
      EXPECT_EQ(part[i], static_cast<int32_t>(10 * (epoch % 3) + i)) << "epoch " << epoch;
    at += count;
  }
  // From the middle of a part on, without those before.
  BatchLoader resumed(source, 1, 5, {1, 2});
  std::vector<int32_t> rest = take(resumed, 1, 16, after);
  EXPECT_EQ(rest, std::vector<int32_t>(numbers.begin() + 7, numbers.end()));
  BatchLoader outside(source, 1, 5, {1, 6});
  EXPECT_TRUE(failedWith(outside.next(), StatusCode::FailedPrecondition,
                         {"sequence 6 of epoch 1", "which has 6"}));
}

TEST(TokenDataOrderTest, NothingBeyondTheLimitIsAskedFor) {
  PartedSequences source;
  source.available = 1;
  DataPosition after;
  BatchLoader loader(source, 5, 1, {}, /*ahead=*/4, /*limit=*/1);
  take(loader, 5, 1, after);
  EXPECT_EQ(after, (DataPosition{1, 0}));
  // Without a limit the loader waits for the second part, and can be destroyed while it does.
  BatchLoader waiting(source, 5, 1, {});
  take(waiting, 5, 1, after);
  EXPECT_EQ(source.asked, 0U);
}

TEST(TokenDataOrderTest, StopsWhileReadingAhead) {
  NumberedSequences source(1000);
  for (int i = 0; i < 50; ++i)
    BatchLoader loader(source, 8, 4, {}); // destroyed with full and with empty rings
}

} // namespace
} // namespace swamla
