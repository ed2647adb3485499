//===- Shards.h - writing token shards ------------------------------------===//
#pragma once

#include "runtime/base/File.h"
#include "runtime/text/Vocabulary.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace swamla {

/// Two series of shards, PREFIX_train_000001.bin, ... and PREFIX_val_000000.bin, ..., in the format
/// of runtime/train/TokenFile.h. All are written aside, as hidden files, and get their names in
/// finish(): until then, and for ever if that is never called, there are none.
class ShardWriter {
public:
  enum class Series { Train, Validation };
  struct Shard {
    std::string path;
    uint64_t tokens;
  };

  /// Fails with FailedPrecondition where shards with this prefix exist, unless they are to be
  /// overwritten: then finish() removes them. The folder is made if it is missing. Each shard but a
  /// series' last has `shardTokens` tokens (from 1 to 2^31 - 1).
  static Result<std::unique_ptr<ShardWriter>> create(const std::string &prefix,
                                                     uint64_t shardTokens, bool overwrite);
  ShardWriter(const ShardWriter &) = delete;
  ShardWriter &operator=(const ShardWriter &) = delete;
  ~ShardWriter();

  Status append(Series series, std::span<const TokenId> tokens);
  /// Makes all of it durable and visible; returns the shards, those for training first.
  Result<std::vector<Shard>> finish();

private:
  struct Open {
    FileWriter file;
    uint64_t tokens = 0;
  };
  struct State {
    const char *name;
    unsigned first; ///< number of the first shard, as in the hub's ready-made sets
    std::vector<Shard> done;
    std::optional<Open> open;
  };

  ShardWriter(std::string prefix, uint64_t shardTokens)
      : prefix(std::move(prefix)), shardTokens(shardTokens) {}
  std::string pathOf(const State &state, size_t index) const;
  Status close(State &state);

  std::string prefix;
  uint64_t shardTokens;
  State states[2] = {{"train", 1, {}, {}}, {"val", 0, {}, {}}};
};

} // namespace swamla
