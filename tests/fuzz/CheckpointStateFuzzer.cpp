//===- CheckpointStateFuzzer.cpp - arbitrary text as a state.json ---------===//
//
// Reading must answer any text with a state or an error; an accepted state,
// written again, must read back as the same.
//
//===----------------------------------------------------------------------===//
#include "runtime/base/Hash.h"
#include "runtime/train/CheckpointState.h"
#include "runtime/train/Json.h"

#include <cstdlib>
#include <cstring>

using namespace swamla;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

static Result<CheckpointState> parse(std::string_view text) {
  return parseCheckpointState(text, "state.json");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto state = parse({reinterpret_cast<const char *>(data), size});
  if (!state.isOk()) {
    if (state.status().message().empty())
      std::abort();
    return 0;
  }
  std::string text = formatCheckpointState(*state, {});
  auto again = parse(text);
  if (!again.isOk() || formatCheckpointState(*again, {}) != text)
    std::abort();
  return 0;
}

static size_t copyText(const std::string &text, uint8_t *data, size_t size, size_t maxSize) {
  if (text.size() > maxSize)
    return size;
  std::memcpy(data, text.data(), text.size());
  return text.size();
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  if (size < 2)
    return copyText(formatCheckpointState({}, {{"lr", "0.1"}}), data, size, maxSize);
  size = LLVMFuzzerMutate(data, size, maxSize);
  auto json = parseJson({reinterpret_cast<const char *>(data), size}, "mutated");
  if (seed % 8 == 0 || !json.isOk() || !json->is_object())
    return size;
  // What is still JSON gets a right checksum, or nothing would get past that.
  json->erase("checksum");
  (*json)["checksum"] = fmt::format("{:016x}", hash64(dumpJson(*json)));
  return copyText(dumpJson(*json), data, size, maxSize);
}
