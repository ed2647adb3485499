//===- FramesFuzzer.cpp - arbitrary bytes from another rank ---------------===//
//
// Bytes become frames or an error, the same whatever pieces they come in, and
// what was read is what would be written.
//
//===----------------------------------------------------------------------===//
#include "runtime/comm/Frames.h"

#include <cstdlib>
#include <string>

using namespace swamla;

/// All frames of a stream, written again; "error" where it is none.
static std::string readAll(std::string_view bytes, size_t piece) {
  FrameReader reader;
  std::string frames;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    reader.feed(bytes.substr(at, piece));
    while (true) {
      Result<std::optional<Frame>> frame = reader.next();
      if (!frame.isOk())
        return frames + "error";
      if (!*frame)
        break;
      frames += encodeFrame((*frame)->kind, (*frame)->body);
      (void)parseHello((*frame)->body).isOk();
      (void)splitKeyValue((*frame)->body);
    }
  }
  return frames;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char *>(data), size);
  std::string whole = readAll(bytes, size + 1), pieces = readAll(bytes, 3);
  bool isPrefix = whole.ends_with("error") || bytes.starts_with(whole);
  if (whole != pieces || !isPrefix)
    std::abort();
  return 0;
}
