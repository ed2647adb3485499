//===- Tokenize.h - files of text to token shards -------------------------===//
#pragma once

#include "runtime/text/Shards.h"
#include "runtime/text/Tokenizer.h"

#include <functional>
#include <string>
#include <vector>

namespace swamla {

enum class TextFormat { Auto, Text, JsonLines, Parquet };

struct TokenizeOptions {
  std::vector<std::string> files;
  TextFormat format = TextFormat::Auto; ///< Auto: by the name; see formatOf
  std::string separator;                ///< of documents in text; empty: a file is one
  std::string field = "text";           ///< of JSON Lines and Parquet
  bool skipBad = false;
  unsigned threads = 1;
  /// Of the documents, in the order of the files: the first ones are for validation,
  uint64_t valDocuments = 0;
  /// or this share of them, evenly spread.
  double valFraction = 0;
};

struct TokenizeCounts {
  uint64_t documents = 0, valDocuments = 0;
  uint64_t badDocuments = 0; ///< left out
  uint64_t textBytes = 0;    ///< as UTF-8, uncompressed
  uint64_t inputBytes = 0;   ///< of the files
  uint64_t tokens = 0, valTokens = 0;
};

/// What a file holds, by its name: .jsonl, .ndjson and .json (with .gz or .zst behind), .parquet,
/// and text. Fails with InvalidArgument for token shards (.bin).
Result<TextFormat> formatOf(const std::string &path, TextFormat asked);

/// Encodes all documents, in their order, with the end-of-text token in front of each. Shards are
/// the same for every number of threads. `progress` is called now and then by this thread; when it
/// returns false the work is given up: Unavailable. On an error call nothing more of `shards`.
Result<TokenizeCounts> tokenizeFiles(const Tokenizer &tokenizer, const TokenizeOptions &options,
                                     ShardWriter &shards,
                                     const std::function<bool(const TokenizeCounts &)> &progress);

} // namespace swamla
