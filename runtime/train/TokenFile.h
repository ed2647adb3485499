//===- TokenFile.h - one file of tokens -----------------------------------===//
//
// Two kinds: a token shard as llm.c writes it (256 int32 words of header:
// 20240520, version 1, number of tokens, zeros; then uint16 tokens), and any
// other file, of which each byte is a token.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/File.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace swamla {

inline constexpr int32_t kShardMagic = 20240520;
inline constexpr int32_t kShardVersion = 1;
inline constexpr size_t kShardHeaderBytes = 256 * sizeof(int32_t);

/// The size in bytes of the shard that begins with `head`, as its header says; `name` stands for
/// the path in errors.
Result<uint64_t> shardFileBytes(std::span<const std::byte> head, const std::string &name);

class TokenFile {
public:
  /// Maps a file and checks its header and size. A name that ends in .bin, or the shard magic at
  /// the start, makes it a shard.
  static Result<TokenFile> open(const std::string &path);
  /// A shard from bytes in memory, which must outlive the result; `name` stands for the path.
  static Result<TokenFile> shardFromBytes(std::span<const std::byte> bytes,
                                          const std::string &name);

  const std::string &path() const { return name; }
  bool isShard() const { return tokenBytes == 2; }
  uint64_t size() const { return content.size() / tokenBytes; } ///< tokens
  uint64_t bytes() const { return content.size(); }

  /// Copies tokens [begin, begin + out.size()), which must be in range. Fails with DataCorrupt,
  /// naming file and position, at a token that is not below `vocabSize`.
  Status read(uint64_t begin, std::span<int32_t> out, uint32_t vocabSize) const;
  /// The same check, of all tokens.
  Status check(uint32_t vocabSize) const;

private:
  template <typename Token>
  Status checkRange(uint64_t begin, uint64_t count, uint32_t vocabSize) const;
  Status badToken(uint64_t position, uint32_t token, uint32_t vocabSize) const;

  std::string name;
  std::shared_ptr<const MappedFile> mapping;
  std::span<const std::byte> content; ///< the tokens
  unsigned tokenBytes = 1;
};

} // namespace swamla
