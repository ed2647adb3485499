//===- Frames.cpp - messages on a stream of bytes -------------------------===//

#include "runtime/comm/Frames.h"

#include <charconv>

namespace swamla {

static constexpr size_t kLengthBytes = 4;
/// Says that the other side is swamla, and in which version of these messages.
static constexpr std::string_view kGreeting = "swamla-ranks 1 ";

std::string encodeFrame(FrameKind kind, std::string_view body) {
  std::string frame;
  frame.reserve(kLengthBytes + 1 + body.size());
  auto length = static_cast<uint32_t>(body.size() + 1);
  for (unsigned i = 0; i < kLengthBytes; ++i)
    frame.push_back(static_cast<char>(length >> (8 * i) & 0xFF));
  frame.push_back(static_cast<char>(kind));
  frame.append(body);
  return frame;
}

Result<std::optional<Frame>> FrameReader::next() {
  if (buffer.size() < kLengthBytes)
    return std::optional<Frame>();
  uint32_t length = 0;
  for (unsigned i = 0; i < kLengthBytes; ++i)
    length |= static_cast<uint32_t>(static_cast<unsigned char>(buffer[i])) << (8 * i);
  if (length == 0 || length > kMaxFrameBody + 1)
    return dataCorrupt(
        fmt::format("a message of {} bytes; expected 1 to {}", length, kMaxFrameBody + 1));
  if (buffer.size() < kLengthBytes + length)
    return std::optional<Frame>();
  auto kind = static_cast<uint8_t>(buffer[kLengthBytes]);
  if (kind < static_cast<uint8_t>(FrameKind::Hello) || kind > static_cast<uint8_t>(FrameKind::Bye))
    return dataCorrupt(fmt::format("a message of the unknown kind {}", kind));
  Frame frame{static_cast<FrameKind>(kind), buffer.substr(kLengthBytes + 1, length - 1)};
  buffer.erase(0, kLengthBytes + length);
  return std::optional(std::move(frame));
}

std::string helloBody(unsigned rank, unsigned ranks) {
  return fmt::format("{}{} {}", kGreeting, rank, ranks);
}

Result<std::pair<unsigned, unsigned>> parseHello(std::string_view body) {
  std::pair<unsigned, unsigned> place;
  bool known = body.starts_with(kGreeting);
  if (known) {
    const char *first = body.data() + kGreeting.size(), *last = body.data() + body.size();
    auto [middle, error] = std::from_chars(first, last, place.first);
    known = error == std::errc() && middle != last && *middle == ' ';
    if (known) {
      auto [end, error2] = std::from_chars(middle + 1, last, place.second);
      known = error2 == std::errc() && end == last && place.first < place.second;
    }
  }
  if (!known)
    return dataCorrupt("the other side does not greet as a rank of this version of swamla-run");
  return place;
}

std::string keyValueBody(std::string_view key, std::string_view value) {
  std::string body(key);
  body.push_back('\0');
  body.append(value);
  return body;
}

std::pair<std::string, std::string> splitKeyValue(std::string_view body) {
  size_t zero = body.find('\0');
  if (zero == std::string_view::npos)
    return {std::string(body), ""};
  return {std::string(body.substr(0, zero)), std::string(body.substr(zero + 1))};
}

} // namespace swamla
