//===- Bpe.h - byte pair encoding of one piece ----------------------------===//
#pragma once

#include "runtime/text/MergeTable.h"

#include <string_view>
#include <vector>

namespace swamla {

/// Merges the bytes of a piece: of all adjacent pairs the one whose merge has the lowest rank, of
/// equal ones the leftmost, until no pair has a merge. Keeps its working memory; one a thread.
class Bpe {
public:
  Bpe(const Vocabulary &vocabulary, const MergeTable &table)
      : vocabulary(vocabulary), table(table) {}

  /// Writes the tokens to `out`, which has room for as many as the piece has bytes (at least 1,
  /// less than 2^31); returns how many they are. Takes n log n time for n bytes.
  size_t encode(std::string_view piece, TokenId *out);

private:
  size_t encodeShort(std::string_view piece, TokenId *out);
  size_t encodeLong(std::string_view piece, TokenId *out);

  /// A token of a long piece, in a list; positions are those of the first bytes.
  struct Node {
    int32_t previous, next; ///< -1: none
    TokenId token;
    bool alive;
  };
  void push(int32_t left);

  const Vocabulary &vocabulary;
  const MergeTable &table;
  std::vector<Node> nodes;
  std::vector<uint64_t> heap; ///< rank and position, the least in front
};

} // namespace swamla
