//===- TokenData.h - sequences of tokens to train on ----------------------===//
//
// Training data is a numbered set of sequences: sequence i is T tokens and the
// T tokens that follow each of them. Nothing here depends on batch size, number
// of ranks or order; BatchLoader gives those.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Philox.h"
#include "runtime/base/Status.h"
#include "runtime/train/TokenFile.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace swamla {

/// Sequences first .. first + count - 1 of a source.
struct SequenceRange {
  uint64_t first, count;
};

class SequenceSource {
public:
  virtual ~SequenceSource() = default;
  virtual uint64_t sequences() const = 0;
  virtual uint32_t blockSize() const = 0; ///< T
  /// Sequence `index` < sequences(): tokens [T] and targets [T]. Called from any thread.
  virtual Status read(uint64_t index, std::span<int32_t> tokens,
                      std::span<int32_t> targets) const = 0;
  /// What epoch `number` (from 0) goes through, in an order of its own: all sequences, or, where
  /// data comes while it is trained on, the part that is next. May wait for that part, until `stop`
  /// is requested. Called from any thread.
  virtual Result<SequenceRange> epoch(uint64_t number, const std::stop_token &stop) const {
    return SequenceRange{0, sequences()};
  }
};

/// Tokens in a row, which may lie in several files: tokens [begin, end) of each.
struct TokenStream {
  struct Piece {
    std::shared_ptr<const TokenFile> file;
    uint64_t begin, end;
  };
  std::vector<Piece> pieces;
  uint64_t size() const;
};

/// The sequences of some streams: each stream is cut into windows of T tokens that do not overlap
/// (a sequence's last target is the next one's first token). What is left at a stream's end, at
/// most T tokens, is not used.
class StreamSequences final : public SequenceSource {
public:
  StreamSequences(std::vector<TokenStream> streams, uint32_t blockSize, uint32_t vocabSize);

  uint64_t sequences() const override { return total; }
  uint32_t blockSize() const override { return length; }
  Status read(uint64_t index, std::span<int32_t> tokens, std::span<int32_t> targets) const override;

private:
  struct Entry {
    TokenStream stream;
    std::vector<uint64_t> pieceStarts; ///< of each piece, in tokens of the stream
    uint64_t firstSequence;
  };
  Status readTokens(const Entry &entry, uint64_t begin, std::span<int32_t> out) const;

  std::vector<Entry> entries; ///< only streams with a sequence
  uint32_t length, vocabSize;
  uint64_t total = 0;
};

/// Uniformly random tokens, the same ones for the same seed: nothing can be learned from them, but
/// they cost what real ones do.
class RandomSequences final : public SequenceSource {
public:
  RandomSequences(uint64_t seed, uint32_t blockSize, uint32_t vocabSize)
      : random(seed, "data.random"), length(blockSize), vocabSize(vocabSize) {}

  uint64_t sequences() const override { return uint64_t{1} << 40; }
  uint32_t blockSize() const override { return length; }
  Status read(uint64_t index, std::span<int32_t> tokens, std::span<int32_t> targets) const override;

private:
  RandomStream random;
  uint32_t length, vocabSize;
};

struct TokenDataOptions {
  uint32_t blockSize = 0;
  uint32_t vocabSize = 0;
  uint64_t seed = 0;                 ///< of random tokens
  std::optional<double> valFraction; ///< share of text for validation; 0.1 when not given
};

/// Data as found and checked.
struct TokenData {
  std::unique_ptr<SequenceSource> train;
  std::unique_ptr<SequenceSource> validation; ///< null when there is none; `notes` say why
  std::string description;                    ///< "3 shards, 30.0M tokens"
  std::vector<std::string> notes;             ///< what the person should know

  /// Identifies the order of the training sequences, for resuming: kind, T, number of sequences.
  std::string identity;
};

/// Opens data: "random", a file, a folder (searched recursively) or a glob pattern. Files named
/// *.bin (or that start with the magic) are token shards, and those with "val" in their name are
/// for validation; other files are text, in the order of their names, and its last part is for
/// validation. Checks every header and size, and the tokens of up to 256 MiB of files; the rest are
/// checked as they are read.
Result<TokenData> openTokenData(const std::string &spec, const TokenDataOptions &options);

} // namespace swamla
