//===- Frames.h - messages on a stream of bytes ---------------------------===//
//
// What ranks say to rank 0's hub and back: a length, a kind, a body. Everything
// that comes over a network is checked here before anyone looks at it.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace swamla {

enum class FrameKind : uint8_t {
  Hello = 1, ///< rank to hub, first: helloBody
  Welcome,   ///< hub to rank, once all are there: the rank's own address, as the others reach it
  Set,       ///< rank to hub: key and value
  Get,       ///< rank to hub: key
  Value,     ///< hub to rank, as soon as it was set: key and value
  Beat,      ///< both ways: alive
  Abort,     ///< rank to hub: why it cannot go on
  Lost,      ///< hub to ranks: why the run ends
  Bye        ///< rank to hub: done; hub to ranks: all are done
};

struct Frame {
  FrameKind kind = FrameKind::Beat;
  std::string body;
};

/// Bytes of a body at most.
inline constexpr uint32_t kMaxFrameBody = 8u << 20;

/// As it goes over the wire: 4 bytes of length (of what follows), little-endian, the kind, the
/// body.
std::string encodeFrame(FrameKind kind, std::string_view body);

/// Takes bytes as they come and gives frames.
class FrameReader {
public:
  void feed(std::string_view bytes) { buffer.append(bytes); }
  /// The next whole frame, or none yet. DataCorrupt for what is no frame: then the stream is lost.
  Result<std::optional<Frame>> next();

private:
  std::string buffer;
};

/// The body of Hello.
std::string helloBody(unsigned rank, unsigned ranks);
/// Rank and number of ranks of a Hello.
Result<std::pair<unsigned, unsigned>> parseHello(std::string_view body);

/// The body of Set and Value: the key, a zero byte, the value.
std::string keyValueBody(std::string_view key, std::string_view value);
std::pair<std::string, std::string> splitKeyValue(std::string_view body);

} // namespace swamla
