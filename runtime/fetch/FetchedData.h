//===- FetchedData.h - training on shards that are fetched meanwhile ------===//
#pragma once

#include "runtime/fetch/ShardStore.h"
#include "runtime/train/BatchLoader.h"
#include "runtime/train/TokenData.h"

#include <cstdint>
#include <memory>
#include <mutex>

namespace swamla {

/// The sequences of a set's training shards. An epoch is one shard: epoch e goes through shard
/// e % shards + 1, in an order of its own. So a run needs no shard but the one it is in, wherever
/// it resumes; and which shards were there when it began changes nothing.
class FetchedSequences final : public SequenceSource {
public:
  struct Config {
    const DataSet *set = nullptr;
    uint32_t blockSize = 0, vocabSize = 0;
    DataPosition start;  ///< where the run stands
    uint64_t needed = 0; ///< sequences that it goes through from there
  };
  /// Waits for the shard of the epoch that the run begins in. The store fetches what `config` says.
  static Result<std::unique_ptr<FetchedSequences>> open(std::unique_ptr<ShardStore> store,
                                                        const Config &config);

  /// Those of the epoch that the run begins in, which are the first ones: how many there are in all
  /// is not known before all shards are there.
  uint64_t sequences() const override { return atStart; }
  uint32_t blockSize() const override { return config.blockSize; }
  Status read(uint64_t index, std::span<int32_t> tokens, std::span<int32_t> targets) const override;
  /// Waits for the epoch's shard, and begins to fetch the next one if the run will come to it.
  Result<SequenceRange> epoch(uint64_t number, const std::stop_token &stop) const override;

private:
  using Shard = std::shared_ptr<const StreamSequences>;
  FetchedSequences(std::unique_ptr<ShardStore> store, const Config &config)
      : store(std::move(store)), config(config), next(config.start.epoch) {}
  /// The shard that an epoch goes through.
  std::string fileOf(uint64_t epoch) const;
  Result<Shard> openShard(uint64_t number, const std::stop_token &stop) const;

  std::unique_ptr<ShardStore> store;
  Config config;
  uint64_t atStart = 0;
  mutable std::mutex mutex;
  mutable std::map<uint64_t, Shard> shards; ///< by epoch: the last ones that were read
  mutable uint64_t next;                    ///< the first epoch that was not begun yet
  mutable uint64_t seen = 0;                ///< sequences of the run in those before
};

struct FetchedDataOptions {
  FetchedSequences::Config sequences;
  ShardStore::Config store; ///< its set is that of `sequences`
  bool validation = true;   ///< the validation shard is wanted
};

/// What a run's position in the data of a set is a position in (TokenData::identity).
std::string fetchedIdentity(const DataSet &set, uint32_t blockSize);

/// Gets the validation shard and the one that the run begins in, so that what cannot work fails
/// here, and opens the set.
Result<TokenData> openFetchedData(FetchedDataOptions options);

} // namespace swamla
