//===- VocabularyBuilder.h - checks what tokenizer files say --------------===//
#pragma once

#include "runtime/text/Vocabulary.h"

namespace swamla {

/// Takes tokens and merges as the files write them: each byte as a printable character (GPT-2's
/// bytes_to_unicode). Errors are without the name of the file.
class VocabularyBuilder {
public:
  /// A token in the alphabet of bytes.
  Status addToken(std::string_view written, uint64_t id);
  /// A token whose text is meant literally, such as <|endoftext|>.
  Status addSpecial(std::string_view text, uint64_t id);
  /// The next merge, after all tokens.
  Status addMerge(std::string_view left, std::string_view right);
  /// Checks that every byte has a token.
  Result<Vocabulary> finish() &&;

private:
  Status add(std::string bytes, std::string_view shown, uint64_t id);
  Result<TokenId> tokenOf(std::string_view written) const;

  Vocabulary made;
};

} // namespace swamla
