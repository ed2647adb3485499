//===- TokenData.cpp - sequences of tokens to train on --------------------===//

#include "runtime/train/TokenData.h"

#include <algorithm>
#include <cassert>

namespace swamla {

uint64_t TokenStream::size() const {
  uint64_t sum = 0;
  for (const Piece &piece : pieces)
    sum += piece.end - piece.begin;
  return sum;
}

StreamSequences::StreamSequences(std::vector<TokenStream> streams, uint32_t blockSize,
                                 uint32_t vocabSize)
    : length(blockSize), vocabSize(vocabSize) {
  for (TokenStream &stream : streams) {
    // T tokens and one more: the last target.
    uint64_t size = stream.size();
    uint64_t count = size == 0 ? 0 : (size - 1) / length;
    if (count == 0)
      continue;
    Entry entry{std::move(stream), {}, total};
    uint64_t start = 0;
    for (const TokenStream::Piece &piece : entry.stream.pieces) {
      entry.pieceStarts.push_back(start);
      start += piece.end - piece.begin;
    }
    entries.push_back(std::move(entry));
    total += count;
  }
}

Status StreamSequences::readTokens(const Entry &entry, uint64_t begin,
                                   std::span<int32_t> out) const {
  const auto &starts = entry.pieceStarts;
  size_t i = static_cast<size_t>(std::ranges::upper_bound(starts, begin) - starts.begin()) - 1;
  while (!out.empty()) {
    const TokenStream::Piece &piece = entry.stream.pieces[i];
    uint64_t at = piece.begin + (begin - starts[i]);
    size_t n = static_cast<size_t>(std::min<uint64_t>(out.size(), piece.end - at));
    SWAMLA_RETURN_IF_ERROR(piece.file->read(at, out.first(n), vocabSize));
    out = out.subspan(n);
    begin += n;
    ++i;
  }
  return Status::ok();
}

Status StreamSequences::read(uint64_t index, std::span<int32_t> tokens,
                             std::span<int32_t> targets) const {
  assert(index < total && tokens.size() == length && targets.size() == length);
  auto after = std::ranges::upper_bound(entries, index, {}, &Entry::firstSequence);
  const Entry &entry = *(after - 1);
  uint64_t begin = (index - entry.firstSequence) * length;
  SWAMLA_RETURN_IF_ERROR(readTokens(entry, begin, tokens));
  std::ranges::copy(tokens.subspan(1), targets.begin());
  return readTokens(entry, begin + length, targets.last(1));
}

Status RandomSequences::read(uint64_t index, std::span<int32_t> tokens,
                             std::span<int32_t> targets) const {
  // T + 1 numbers a sequence.
  uint64_t first = index * (uint64_t{length} + 1);
  for (size_t i = 0; i <= length; ++i) {
    auto token = static_cast<int32_t>(random.below(first + i, vocabSize));
    if (i < length)
      tokens[i] = token;
    if (i > 0)
      targets[i - 1] = token;
  }
  return Status::ok();
}

} // namespace swamla
