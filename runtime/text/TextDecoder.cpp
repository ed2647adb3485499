//===- TextDecoder.cpp - tokens to text -----------------------------------===//

#include "runtime/text/TextDecoder.h"

#include "runtime/text/Utf8.h"

namespace swamla {

Status TextDecoder::decode(uint32_t token, std::string &out) {
  if (token >= vocabulary.size() || vocabulary.bytes(static_cast<TokenId>(token)).empty())
    return invalidArgument(fmt::format("no token has the id {}; the vocabulary's are below {}",
                                       token, vocabulary.size()));
  held += vocabulary.bytes(static_cast<TokenId>(token));
  // The last character starts within the last 4 bytes; only it can be incomplete.
  constexpr size_t kLongest = 4;
  size_t complete = held.size();
  for (size_t back = 1; back <= kLongest && back <= held.size(); ++back) {
    Utf8Char c = decodeUtf8(std::string_view(held).substr(held.size() - back));
    if (c.cutOff && c.bytes == back)
      complete = held.size() - back;
  }
  appendReplacingInvalid(out, std::string_view(held).substr(0, complete));
  held.erase(0, complete);
  return Status::ok();
}

void TextDecoder::finish(std::string &out) {
  appendReplacingInvalid(out, held);
  held.clear();
}

} // namespace swamla
