//===- Tokenizer.cpp - text to tokens -------------------------------------===//

#include "runtime/text/Tokenizer.h"

#include "runtime/base/Format.h"
#include "runtime/text/Pieces.h"
#include "runtime/text/Utf8.h"

#include <algorithm>
#include <cstring>

namespace swamla {

/// 2^15 entries of 32 bytes: 1 MiB, the nearer caches of one core.
static constexpr unsigned kCacheBits = 15;

Result<Tokenizer> Tokenizer::create(Vocabulary vocabulary, std::string_view endOfText) {
  auto end = vocabulary.find(endOfText);
  if (!end)
    return invalidArgument(fmt::format("the vocabulary of {} tokens has no {}; name the token that "
                                       "separates documents with --end-of-text",
                                       vocabulary.size(), swamla::quoted(endOfText)));
  return Tokenizer(std::make_shared<Vocabulary>(std::move(vocabulary)), *end);
}

Result<Tokenizer> Tokenizer::load(const std::string &path, std::string_view endOfText) {
  SWAMLA_TRY(Vocabulary vocabulary, Vocabulary::load(path));
  Result<Tokenizer> made = create(std::move(vocabulary), endOfText);
  if (!made.isOk())
    return std::move(made).takeStatus().withContext(path);
  return made;
}

TextEncoder::TextEncoder(const Tokenizer &tokenizer)
    : tokenizer(tokenizer), bpe(*tokenizer.words, *tokenizer.table),
      cache(size_t{1} << kCacheBits) {}

void TextEncoder::encode(std::string_view text, std::vector<TokenId> &out) {
  size_t valid = validUtf8Prefix(text);
  if (valid == text.size())
    return encodeValid(text, out);
  repaired.assign(text.substr(0, valid));
  appendReplacingInvalid(repaired, text.substr(valid));
  encodeValid(repaired, out);
}

void TextEncoder::encodeValid(std::string_view text, std::vector<TokenId> &out) {
  // Room for a token a byte, and for what encodeCached writes beyond.
  size_t before = out.size();
  out.resize(before + text.size() + kCachedTokens);
  TokenId *to = out.data() + before;
  while (!text.empty()) {
    size_t bytes = firstPiece(text);
    to += bytes <= kCachedBytes ? encodeCached(text, bytes, to)
                                : bpe.encode(text.substr(0, bytes), to);
    text.remove_prefix(bytes);
  }
  out.resize(static_cast<size_t>(to - out.data()));
}

/// Encodes the first `bytes`, up to 15, of a text. Writes 7 tokens, of which the first ones, as
/// many as it returns, count.
size_t TextEncoder::encodeCached(std::string_view text, size_t bytes, TokenId *out) {
  constexpr size_t kHalf = sizeof(uint64_t);
  uint64_t low = 0, high = 0;
  const char *piece = text.data();
  if (text.size() >= 2 * kHalf) {
    std::memcpy(&low, piece, kHalf);
    std::memcpy(&high, piece + kHalf, kHalf);
    uint64_t mask = bytes % kHalf == 0 ? 0 : ~uint64_t{0} >> (64 - 8 * (bytes % kHalf));
    high = bytes < kHalf ? 0 : high & mask;
    low = bytes < kHalf ? low & mask : low;
  } else {
    std::memcpy(&low, piece, bytes < kHalf ? bytes : kHalf);
    if (bytes > kHalf)
      std::memcpy(&high, piece + kHalf, bytes - kHalf);
  }
  high |= uint64_t{bytes} << 56;
  constexpr uint64_t kGolden = 0x9E3779B97F4A7C15, kOther = 0xD6E8FEB86659FD93;
  uint64_t hash = low * kGolden ^ high * kOther;
  CacheEntry &entry = cache[(hash ^ hash >> 32) * kGolden >> (64 - kCacheBits)];
  if (entry.low == low && entry.high == high) {
    std::memcpy(out, entry.tokens, sizeof(entry.tokens));
    return entry.count;
  }
  size_t count = bpe.encode(text.substr(0, bytes), out);
  if (count <= kCachedTokens) {
    entry.low = low;
    entry.high = high;
    entry.count = static_cast<uint16_t>(count);
    std::copy_n(out, count, entry.tokens);
  }
  return count;
}

} // namespace swamla
