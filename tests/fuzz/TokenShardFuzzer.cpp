//===- TokenShardFuzzer.cpp - arbitrary bytes as a token shard ------------===//
//
// Opening must answer any bytes with a shard or an error, and reading any range
// of an accepted shard must give its tokens or name the first that is outside
// the vocabulary.
//
//===----------------------------------------------------------------------===//
#include "runtime/train/TokenFile.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

using namespace swamla;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto shard = TokenFile::shardFromBytes(std::as_bytes(std::span(data, size)), "fuzz.bin");
  if (!shard.isOk()) {
    if (shard.status().message().empty())
      std::abort();
    return 0;
  }
  // An accepted file is as long as its header says.
  if (kShardHeaderBytes + 2 * shard->size() != size)
    std::abort();
  for (uint32_t vocab : {1U, 256U, 50304U, 65536U}) {
    std::vector<int32_t> tokens(shard->size());
    Status read = shard->read(0, tokens, vocab);
    bool inside = std::ranges::all_of(
        tokens, [&](int32_t t) { return t >= 0 && static_cast<uint32_t>(t) < vocab; });
    if (read.isOk() != inside || shard->check(vocab).isOk() != inside)
      std::abort();
    // The second half alone.
    std::vector<int32_t> half(tokens.size() - tokens.size() / 2);
    if (shard->read(tokens.size() / 2, half, 65536).isOk() &&
        !std::equal(half.begin(), half.end(), tokens.end() - static_cast<ptrdiff_t>(half.size())))
      std::abort();
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  if (maxSize <= kShardHeaderBytes || (seed % 8 == 0 && size > 0))
    return LLVMFuzzerMutate(data, size, maxSize);
  // Tokens behind a header that is right but for its count, now and then.
  size_t tokens = size > kShardHeaderBytes ? size - kShardHeaderBytes : 0;
  tokens = LLVMFuzzerMutate(data + kShardHeaderBytes, tokens, maxSize - kShardHeaderBytes);
  if (seed % 4 != 1)
    tokens &= ~size_t{1};
  int32_t header[3] = {kShardMagic, kShardVersion, static_cast<int32_t>(tokens / 2)};
  std::memset(data, 0, kShardHeaderBytes);
  std::memcpy(data, header, sizeof(header));
  return kShardHeaderBytes + tokens;
}
