//===- Utf8.cpp - text as bytes and code points ---------------------------===//

#include "runtime/text/Utf8.h"

#include <cstring>

namespace swamla {
namespace {

constexpr uint8_t kContinuationMask = 0xC0, kContinuation = 0x80;

/// What the first byte of a sequence says: its length, and the range of its second byte, which
/// excludes overlong forms, surrogates and what is above U+10FFFF (Unicode, table 3-7).
struct Lead {
  uint8_t bytes, low, high;
};

Lead leadOf(uint8_t byte) {
  if (byte >= 0xC2 && byte <= 0xDF)
    return {2, 0x80, 0xBF};
  if (byte >= 0xE0 && byte <= 0xEF)
    return {3, uint8_t(byte == 0xE0 ? 0xA0 : 0x80), uint8_t(byte == 0xED ? 0x9F : 0xBF)};
  if (byte >= 0xF0 && byte <= 0xF4)
    return {4, uint8_t(byte == 0xF0 ? 0x90 : 0x80), uint8_t(byte == 0xF4 ? 0x8F : 0xBF)};
  return {0, 0, 0};
}

} // namespace

Utf8Char decodeUtf8(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  if (byte(0) < 0x80)
    return {byte(0), 1, true, false};
  Lead lead = leadOf(byte(0));
  if (lead.bytes == 0)
    return {};
  uint32_t code = byte(0) & (0x7FU >> lead.bytes);
  for (uint8_t i = 1; i < lead.bytes; ++i) {
    if (i == text.size())
      return {kReplacementCharacter, i, false, true};
    bool fits = i == 1 ? byte(i) >= lead.low && byte(i) <= lead.high
                       : (byte(i) & kContinuationMask) == kContinuation;
    if (!fits)
      return {kReplacementCharacter, i, false, false};
    code = code << 6 | (byte(i) & 0x3FU);
  }
  return {code, lead.bytes, true, false};
}

size_t validUtf8Prefix(std::string_view text) {
  constexpr uint64_t kHighBits = 0x8080808080808080;
  size_t at = 0;
  while (at < text.size()) {
    uint64_t word = 0;
    if (at + sizeof(word) <= text.size()) {
      std::memcpy(&word, text.data() + at, sizeof(word));
      if (!(word & kHighBits)) {
        at += sizeof(word);
        continue;
      }
    }
    Utf8Char c = decodeUtf8(text.substr(at));
    if (!c.valid)
      return at;
    at += c.bytes;
  }
  return at;
}

void appendUtf8(std::string &text, uint32_t codePoint) {
  auto put = [&](uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  auto tail = [&](unsigned shift) { put(kContinuation | (codePoint >> shift & 0x3F)); };
  if (codePoint < 0x80) {
    put(codePoint);
  } else if (codePoint < 0x800) {
    put(0xC0 | codePoint >> 6);
    tail(0);
  } else if (codePoint < 0x10000) {
    put(0xE0 | codePoint >> 12);
    tail(6);
    tail(0);
  } else {
    put(0xF0 | codePoint >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

void appendReplacingInvalid(std::string &out, std::string_view text) {
  while (!text.empty()) {
    size_t valid = validUtf8Prefix(text);
    out.append(text.substr(0, valid));
    text.remove_prefix(valid);
    if (text.empty())
      return;
    appendUtf8(out, kReplacementCharacter);
    text.remove_prefix(decodeUtf8(text).bytes);
  }
}

} // namespace swamla
