//===- Inspect.cpp - swamla-data inspect ----------------------------------===//

#include "runtime/base/Format.h"
#include "runtime/text/TextDecoder.h"
#include "runtime/train/TokenFile.h"
#include "tools/swamla-data/Commands.h"

#include <algorithm>

namespace swamla::data {
namespace {

constexpr uint64_t kShown = 64;
/// What separates documents where no tokenizer says so: GPT-2's.
constexpr TokenId kGpt2EndOfText = 50256;

/// Calls `use` with all tokens from `begin` to `end`, some at a time.
template <typename Use>
Status forTokens(const TokenFile &shard, uint64_t begin, uint64_t end, Use use) {
  constexpr uint64_t kAtOnce = 65536;
  std::vector<int32_t> tokens;
  for (uint64_t at = begin; at < end; at += tokens.size()) {
    tokens.resize(std::min(kAtOnce, end - at));
    SWAMLA_RETURN_IF_ERROR(shard.read(at, tokens, kMaxVocabulary));
    for (int32_t token : tokens)
      SWAMLA_RETURN_IF_ERROR(use(static_cast<uint32_t>(token)));
  }
  return Status::ok();
}

Status printCounts(const TokenFile &shard, TokenId endOfText) {
  uint64_t documents = 0;
  uint32_t largest = 0;
  SWAMLA_RETURN_IF_ERROR(forTokens(shard, 0, shard.size(), [&](uint32_t token) {
    documents += token == endOfText;
    largest = std::max(largest, token);
    return Status::ok();
  }));
  fmt::print("{}: version {}, {} tokens, the largest {}; {} documents start (token {})\n",
             shard.path(), kShardVersion, withCommas(shard.size()), largest, withCommas(documents),
             endOfText);
  return Status::ok();
}

Status printTokens(const TokenFile &shard, uint64_t begin, uint64_t end,
                   const Tokenizer *tokenizer) {
  std::string text;
  if (!tokenizer) {
    SWAMLA_RETURN_IF_ERROR(forTokens(shard, begin, end, [&](uint32_t token) {
      text += fmt::format("{}{}", text.empty() ? "" : " ", token);
      return Status::ok();
    }));
  } else {
    TextDecoder decoder(tokenizer->vocabulary());
    SWAMLA_RETURN_IF_ERROR(forTokens(shard, begin, end, [&](uint32_t token) {
      Status decoded = decoder.decode(token, text);
      return decoded.isOk() ? std::move(decoded) : std::move(decoded).withContext(shard.path());
    }));
    decoder.finish(text);
  }
  fmt::print("{}\n", text);
  return Status::ok();
}

Status inspectShard(const std::string &path, const InspectFlags &flags,
                    const Tokenizer *tokenizer) {
  SWAMLA_TRY(TokenFile shard, TokenFile::open(path));
  if (!shard.isShard())
    return dataCorrupt(fmt::format("{} is not a token shard: it does not start with the magic "
                                   "number {}",
                                   path, kShardMagic));
  SWAMLA_RETURN_IF_ERROR(printCounts(shard, tokenizer ? tokenizer->endOfText() : kGpt2EndOfText));
  uint64_t from = flags.from.value_or(0);
  if (from > shard.size())
    return invalidArgument(fmt::format("--from {}: {} has {} tokens", from, path, shard.size()));
  uint64_t count = std::min(flags.count.value_or(kShown), shard.size() - from);
  return count == 0 ? Status::ok() : printTokens(shard, from, from + count, tokenizer);
}

} // namespace

Status inspect(const InspectFlags &flags) {
  std::optional<Tokenizer> tokenizer;
  if (!flags.tokenizer.path.empty()) {
    SWAMLA_TRY(tokenizer, Tokenizer::load(flags.tokenizer.path, flags.tokenizer.endOfText));
  }
  for (const std::string &path : flags.shards)
    SWAMLA_RETURN_IF_ERROR(inspectShard(path, flags, tokenizer ? &*tokenizer : nullptr));
  return Status::ok();
}

} // namespace swamla::data
