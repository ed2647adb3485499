//===- Vocabulary.h - the tokens of a byte-level BPE ----------------------===//
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace swamla {

/// A token's number. Shards have 16 bits for it.
using TokenId = uint16_t;
inline constexpr size_t kMaxVocabulary = 65536;

/// Two adjacent tokens that become one; earlier merges come first.
struct Merge {
  TokenId left, right, result;
};

/// What a tokenizer's files say, checked.
class Vocabulary {
public:
  /// Reads `path`: a tokenizer.json of Hugging Face, GPT-2's vocab.bpe or encoder.json (the other
  /// one lies beside it; merges.txt and vocab.json are the same), or a folder with one of these.
  /// Fails with NotFound, with DataCorrupt where a file is not what it should be, and with
  /// InvalidArgument, naming the member, where a tokenizer.json asks for something that would
  /// change the tokens and is not supported.
  static Result<Vocabulary> load(const std::string &path);
  /// From the text of a tokenizer.json; `name` stands for the path.
  static Result<Vocabulary> fromTokenizerJson(std::string_view text, const std::string &name);
  /// From the texts of vocab.bpe and encoder.json.
  static Result<Vocabulary> fromGpt2Files(std::string_view merges, const std::string &mergesName,
                                          std::string_view ids, const std::string &idsName);

  /// One more than the largest id.
  size_t size() const { return tokens.size(); }
  /// The bytes that a token stands for; empty where no token has this id.
  const std::string &bytes(TokenId id) const { return tokens[id]; }
  TokenId ofByte(uint8_t byte) const { return byteTokens[byte]; }
  const std::vector<Merge> &merges() const { return mergeList; }
  /// The token whose bytes these are.
  std::optional<TokenId> find(std::string_view bytes) const;

private:
  friend class VocabularyBuilder;

  std::vector<std::string> tokens;
  std::vector<TokenId> byteTokens;
  std::vector<Merge> mergeList;
  std::unordered_map<std::string, TokenId> byBytes;
};

} // namespace swamla
