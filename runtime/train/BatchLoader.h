//===- BatchLoader.h - batches in shuffled order, read ahead --------------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/train/Permutation.h"
#include "runtime/train/TokenData.h"

#include <condition_variable>
#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

namespace swamla {

/// How far into the data a run is: the next sequence is number `index` of epoch `epoch`. The order
/// of an epoch is a permutation of its sequences (SequenceSource::epoch) that depends on (seed,
/// epoch) alone, so these two numbers resume a run exactly, whatever the batch size or the number
/// of ranks.
struct DataPosition {
  uint64_t epoch = 0;
  uint64_t index = 0;
  bool operator==(const DataPosition &) const = default;
};

/// The order of the sequences: where the position stands, and which sequence comes next.
class SequenceOrder {
public:
  /// `source` must outlive the order.
  SequenceOrder(uint64_t seed, const SequenceSource &source, DataPosition position)
      : source(source), seed(seed), where(position) {}
  DataPosition position() const { return where; }
  /// The sequence to read now; moves on by one, into the next epoch where this one ends. The first
  /// call in an epoch asks the source for it, and may wait with it.
  Result<uint64_t> next(const std::stop_token &stop = {});

private:
  struct Epoch {
    uint64_t first;
    Permutation order;
  };
  const SequenceSource &source;
  uint64_t seed;
  DataPosition where;
  std::optional<Epoch> current;
};

/// Which batches of the order a rank reads: batch j of a step's is rank j % ranks'. So the order is
/// one for any number of ranks, and 4 of them see in a step what 2 see with twice the batches.
struct RankShare {
  unsigned rank = 0, ranks = 1;
};
class Communicator;
/// That of a rank; null: there is one.
RankShare shareOf(const Communicator *ranks);

struct Batch {
  std::vector<int32_t> tokens;  ///< [B, T]
  std::vector<int32_t> targets; ///< [B, T]
  DataPosition after;           ///< where the data stands behind this batch, and all ranks'
};

/// Reads batches on a thread of its own, a few ahead. Nothing is allocated after the constructor
/// (but an error's message).
class BatchLoader {
public:
  static constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

  /// `source` must outlive the loader. `batch` is B, `ahead` >= 1 the number of batches to hold,
  /// `limit` that of the batches in all: nothing beyond them is read, nor waited for. Both count
  /// the batches of this rank.
  BatchLoader(const SequenceSource &source, uint32_t batch, uint64_t seed, DataPosition start,
              unsigned ahead = 4, uint64_t limit = kNoLimit, RankShare share = {});
  BatchLoader(const BatchLoader &) = delete;
  BatchLoader &operator=(const BatchLoader &) = delete;
  ~BatchLoader();

  /// The next batch (of at most `limit`), valid until the next call. After an error every call
  /// returns it.
  Result<const Batch *> next();

private:
  struct Slot {
    Batch batch;
    Status status;
  };
  void produce();
  Status fill(Batch &batch);
  /// Leaves out batches of other ranks.
  Status pass(uint64_t batches);

  const SequenceSource &source;
  uint32_t batchSize;
  uint64_t limit;
  RankShare share;
  SequenceOrder order; ///< of the producer
  std::vector<Slot> ring;
  // Batches produced and consumed so far; slot n % ring.size() holds batch n. The consumer holds on
  // to batch consumed - 1.
  std::mutex mutex;
  std::condition_variable changed;
  uint64_t produced = 0, consumed = 0;
  std::stop_source stop;
  std::thread thread;
};

/// Reads the sequences with these numbers into a batch, sized to hold them.
Status readBatch(const SequenceSource &source, std::span<const uint64_t> chosen, Batch &batch);

} // namespace swamla
