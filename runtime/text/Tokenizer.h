//===- Tokenizer.h - text to tokens ---------------------------------------===//
//
// GPT-2's byte-level BPE: text is cut into pieces (Pieces.h), the bytes of each
// are merged (Bpe.h). Text never makes a special token: "<|endoftext|>" in it is
// encoded as any other text. Invalid UTF-8 is replaced first (Utf8.h).
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/text/Bpe.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace swamla {

/// What documents are separated by in GPT-2's vocabulary.
inline constexpr std::string_view kEndOfText = "<|endoftext|>";

/// A vocabulary, ready to use; does not change, so threads may share it.
class Tokenizer {
public:
  /// Vocabulary::load, and `endOfText` must be one of its tokens.
  static Result<Tokenizer> load(const std::string &path, std::string_view endOfText = kEndOfText);
  static Result<Tokenizer> create(Vocabulary vocabulary, std::string_view endOfText = kEndOfText);

  const Vocabulary &vocabulary() const { return *words; }
  TokenId endOfText() const { return end; }

private:
  friend class TextEncoder;
  Tokenizer(std::shared_ptr<const Vocabulary> words, TokenId end)
      : words(std::move(words)), table(std::make_shared<MergeTable>(this->words->merges())),
        end(end) {}

  std::shared_ptr<const Vocabulary> words;
  std::shared_ptr<const MergeTable> table;
  TokenId end;
};

/// Encodes with a tokenizer; keeps a cache of short pieces. One a thread.
class TextEncoder {
public:
  explicit TextEncoder(const Tokenizer &tokenizer);

  /// Appends the tokens of a text of less than 2^31 bytes.
  void encode(std::string_view text, std::vector<TokenId> &out);

private:
  static constexpr size_t kCachedBytes = 15, kCachedTokens = 7;
  /// A piece of up to 15 bytes, and what it makes if that is up to 7 tokens; 32 bytes.
  struct CacheEntry {
    uint64_t low = 0, high = 0; ///< the bytes, with zeros behind; the topmost is their number
    TokenId tokens[kCachedTokens] = {};
    uint16_t count = 0;
  };

  void encodeValid(std::string_view text, std::vector<TokenId> &out);
  size_t encodeCached(std::string_view text, size_t bytes, TokenId *out);

  Tokenizer tokenizer;
  Bpe bpe;
  std::vector<CacheEntry> cache;
  std::string repaired;
};

} // namespace swamla
