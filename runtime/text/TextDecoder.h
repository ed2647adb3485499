//===- TextDecoder.h - tokens to text -------------------------------------===//
#pragma once

#include "runtime/text/Vocabulary.h"

#include <string>
#include <string_view>

namespace swamla {

/// Turns tokens into text as they come. A token may end within a character, so what could still
/// become one is held back; what cannot is U+FFFD.
class TextDecoder {
public:
  /// The vocabulary must outlive the decoder.
  explicit TextDecoder(const Vocabulary &vocabulary) : vocabulary(vocabulary) {}

  /// Appends the text that is complete with this token. Fails with InvalidArgument where no token
  /// has this id.
  Status decode(uint32_t token, std::string &out);
  /// Appends what was held back, which no token completed.
  void finish(std::string &out);

private:
  const Vocabulary &vocabulary;
  std::string held; ///< the first bytes of a character
};

} // namespace swamla
