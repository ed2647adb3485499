//===- TokenFile.cpp - one file of tokens ---------------------------------===//

#include "runtime/train/TokenFile.h"

#include <algorithm>
#include <cstring>

namespace swamla {

static bool startsWithMagic(std::span<const std::byte> bytes) {
  int32_t magic = 0;
  if (bytes.size() < sizeof(magic))
    return false;
  std::memcpy(&magic, bytes.data(), sizeof(magic));
  return magic == kShardMagic;
}

Result<TokenFile> TokenFile::open(const std::string &path) {
  SWAMLA_TRY(MappedFile mapped, MappedFile::open(path));
  auto mapping = std::make_shared<const MappedFile>(std::move(mapped));
  TokenFile file;
  if (path.ends_with(".bin") || startsWithMagic(mapping->bytes())) {
    SWAMLA_TRY(file, shardFromBytes(mapping->bytes(), path));
  } else {
    file.name = path;
    file.content = mapping->bytes();
  }
  file.mapping = std::move(mapping);
  return file;
}

/// The number of tokens that a header says.
static Result<uint64_t> shardTokens(std::span<const std::byte> bytes, const std::string &name) {
  int32_t header[3];
  if (bytes.size() < kShardHeaderBytes)
    return dataCorrupt(fmt::format("{}: {} bytes; a token shard has a header of {} bytes", name,
                                   bytes.size(), kShardHeaderBytes));
  std::memcpy(header, bytes.data(), sizeof(header));
  if (header[0] != kShardMagic)
    return dataCorrupt(fmt::format("{}: starts with {}; expected {}, the magic number of a token "
                                   "shard (text files must not be named *.bin)",
                                   name, header[0], kShardMagic));
  if (header[1] != kShardVersion)
    return dataCorrupt(fmt::format("{}: shard version {}; expected {} (16-bit tokens)", name,
                                   header[1], kShardVersion));
  if (header[2] < 0)
    return dataCorrupt(fmt::format("{}: the header says {} tokens", name, header[2]));
  return static_cast<uint64_t>(header[2]);
}

Result<uint64_t> shardFileBytes(std::span<const std::byte> head, const std::string &name) {
  SWAMLA_TRY(uint64_t tokens, shardTokens(head, name));
  return kShardHeaderBytes + 2 * tokens;
}

Result<TokenFile> TokenFile::shardFromBytes(std::span<const std::byte> bytes,
                                            const std::string &name) {
  SWAMLA_TRY(uint64_t tokens, shardTokens(bytes, name));
  uint64_t expected = kShardHeaderBytes + 2 * tokens;
  if (bytes.size() != expected)
    return dataCorrupt(
        fmt::format("{}: the header says {} tokens, which make {} bytes; the file has "
                    "{} bytes, {} tokens ({})",
                    name, tokens, expected, bytes.size(), (bytes.size() - kShardHeaderBytes) / 2,
                    bytes.size() < expected ? "it is cut off" : "too many"));
  TokenFile file;
  file.name = name;
  file.content = bytes.subspan(kShardHeaderBytes);
  file.tokenBytes = 2;
  return file;
}

Status TokenFile::badToken(uint64_t position, uint32_t token, uint32_t vocabSize) const {
  return dataCorrupt(fmt::format(
      "{}: token {} is {}; the model's vocabulary has {} tokens (0 to {}): compile the model with "
      "a larger vocabulary, or use data made for this one",
      name, position, token, vocabSize, vocabSize - 1));
}

/// Finds the first token that is too large, if any. The maximum of a block vectorises; only a block
/// with a bad token is searched.
template <typename Token>
Status TokenFile::checkRange(uint64_t begin, uint64_t count, uint32_t vocabSize) const {
  constexpr uint64_t block = 4096;
  Token buffer[block];
  for (uint64_t at = begin, end = begin + count; at < end; at += block) {
    uint64_t n = std::min(block, end - at);
    std::memcpy(buffer, content.data() + at * sizeof(Token), n * sizeof(Token));
    Token largest = 0;
    for (uint64_t i = 0; i < n; ++i)
      largest = std::max(largest, buffer[i]);
    if (largest < vocabSize)
      continue;
    const Token *bad = std::find_if(buffer, buffer + n, [&](Token t) { return t >= vocabSize; });
    return badToken(at + static_cast<uint64_t>(bad - buffer), *bad, vocabSize);
  }
  return Status::ok();
}

Status TokenFile::check(uint32_t vocabSize) const {
  return isShard() ? checkRange<uint16_t>(0, size(), vocabSize)
                   : checkRange<uint8_t>(0, size(), vocabSize);
}

Status TokenFile::read(uint64_t begin, std::span<int32_t> out, uint32_t vocabSize) const {
  const std::byte *from = content.data() + begin * tokenBytes;
  uint32_t largest = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    uint16_t token = static_cast<uint8_t>(from[i * tokenBytes]);
    if (tokenBytes == 2)
      std::memcpy(&token, from + i * 2, sizeof(token));
    largest = std::max<uint32_t>(largest, token);
    out[i] = token;
  }
  if (largest < vocabSize || out.empty())
    return Status::ok();
  return isShard() ? checkRange<uint16_t>(begin, out.size(), vocabSize)
                   : checkRange<uint8_t>(begin, out.size(), vocabSize);
}

} // namespace swamla
