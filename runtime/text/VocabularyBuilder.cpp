//===- VocabularyBuilder.cpp - checks what tokenizer files say ------------===//

#include "runtime/text/VocabularyBuilder.h"

#include "runtime/base/Format.h"
#include "runtime/text/Utf8.h"

#include <array>

namespace swamla {
namespace {

constexpr unsigned kBytes = 256;

/// GPT-2's alphabet: printable Latin-1 characters stand for themselves, and the other bytes, in
/// their order, are the characters from U+0100 on.
class ByteAlphabet {
public:
  static const ByteAlphabet &get() {
    static const ByteAlphabet alphabet;
    return alphabet;
  }

  /// -1: the character stands for no byte.
  int byteOf(uint32_t codePoint) const { return codePoint < bytes.size() ? bytes[codePoint] : -1; }

private:
  ByteAlphabet() {
    bytes.fill(-1);
    unsigned next = kBytes;
    for (unsigned byte = 0; byte < kBytes; ++byte) {
      bool itself = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
      bytes[itself ? byte : next++] = static_cast<int16_t>(byte);
    }
  }

  std::array<int16_t, 2 * kBytes> bytes;
};

/// The bytes that a token's written form stands for.
Result<std::string> decodeWritten(std::string_view written) {
  std::string bytes;
  for (std::string_view rest = written; !rest.empty();) {
    Utf8Char c = decodeUtf8(rest);
    int byte = c.valid ? ByteAlphabet::get().byteOf(c.codePoint) : -1;
    if (byte < 0)
      return dataCorrupt(
          fmt::format("token {} has the character U+{:04X}, which stands for no byte; "
                      "expected a byte-level vocabulary such as GPT-2's",
                      swamla::quoted(written), c.codePoint));
    bytes.push_back(static_cast<char>(byte));
    rest.remove_prefix(c.bytes);
  }
  return bytes;
}

} // namespace

Status VocabularyBuilder::add(std::string bytes, std::string_view shown, uint64_t id) {
  if (bytes.empty())
    return dataCorrupt(fmt::format("token {} is empty", id));
  if (id >= kMaxVocabulary)
    return invalidArgument(
        fmt::format("token {} has the id {}; token shards have 16 bits for an id, "
                    "so at most {} tokens are possible",
                    swamla::quoted(shown), id, kMaxVocabulary));
  if (made.tokens.size() <= id)
    made.tokens.resize(id + 1);
  if (!made.tokens[id].empty())
    return dataCorrupt(fmt::format("tokens {} and {} have the same id, {}",
                                   swamla::quoted(made.tokens[id]), swamla::quoted(shown), id));
  auto [place, isNew] = made.byBytes.emplace(bytes, static_cast<TokenId>(id));
  if (!isNew)
    return dataCorrupt(
        fmt::format("token {} has two ids, {} and {}", swamla::quoted(shown), place->second, id));
  made.tokens[id] = std::move(bytes);
  return Status::ok();
}

Status VocabularyBuilder::addToken(std::string_view written, uint64_t id) {
  SWAMLA_TRY(std::string bytes, decodeWritten(written));
  return add(std::move(bytes), written, id);
}

Status VocabularyBuilder::addSpecial(std::string_view text, uint64_t id) {
  return add(std::string(text), text, id);
}

Result<TokenId> VocabularyBuilder::tokenOf(std::string_view written) const {
  SWAMLA_TRY(std::string bytes, decodeWritten(written));
  if (auto id = made.find(bytes))
    return *id;
  return dataCorrupt(fmt::format("{} is not in the vocabulary", swamla::quoted(written)));
}

Status VocabularyBuilder::addMerge(std::string_view left, std::string_view right) {
  size_t number = made.mergeList.size();
  auto context = [&] {
    return fmt::format("merge {} ({} and {})", number, swamla::quoted(left), swamla::quoted(right));
  };
  if (number == kMaxVocabulary)
    return invalidArgument(fmt::format("more than {} merges", kMaxVocabulary));
  if (left.empty() || right.empty())
    return dataCorrupt(context() + ": expected two tokens");
  auto find = [&]() -> Result<Merge> {
    SWAMLA_TRY(TokenId leftId, tokenOf(left));
    SWAMLA_TRY(TokenId rightId, tokenOf(right));
    SWAMLA_TRY(TokenId result, tokenOf(std::string(left) + std::string(right)));
    return Merge{leftId, rightId, result};
  };
  Result<Merge> merge = find();
  if (!merge.isOk())
    return std::move(merge).takeStatus().withContext(context());
  made.mergeList.push_back(*merge);
  return Status::ok();
}

Result<Vocabulary> VocabularyBuilder::finish() && {
  for (unsigned byte = 0; byte < kBytes; ++byte) {
    char one = static_cast<char>(byte);
    auto id = made.find({&one, 1});
    if (!id)
      return dataCorrupt(
          fmt::format("byte 0x{:02x} has no token; expected a byte-level vocabulary, "
                      "which has all 256",
                      byte));
    made.byteTokens.push_back(*id);
  }
  return std::move(made);
}

} // namespace swamla
