//===- HttpAnswerFuzzer.cpp - arbitrary bytes as a server's answer --------===//
//
// Whatever header lines come, each use of the body keeps the file right: bytes
// are appended only where they follow, sizes never contradict what is known, and
// nothing that goes back to the server or into a file has a line end in it.
//
//===----------------------------------------------------------------------===//
#include "runtime/fetch/HttpAnswer.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

using namespace swamla;

static void require(bool condition) {
  if (!condition)
    std::abort();
}

static void check(const HttpAnswer &answer, const Asked &asked) {
  BodyUse use = judgeAnswer(answer, asked);
  auto plain = [](char c) { return c > ' ' && c < '\x7f'; };
  require(std::ranges::all_of(use.whole.etag, plain));
  switch (use.kind) {
  case BodyUse::Append:
    require(asked.from > 0 && answer.status == 206 && answer.range &&
            answer.range->first == asked.from);
    require(!asked.whole.bytes || use.whole.bytes == asked.whole.bytes);
    require(use.whole.etag == asked.whole.etag);
    break;
  case BodyUse::StartOver:
    require(answer.status == 200);
    require(!asked.linked.bytes || use.whole.bytes == asked.linked.bytes);
    break;
  case BodyUse::Drop:
  case BodyUse::Refuse:
    require(!use.problem.empty());
    break;
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  HttpAnswerParser parser;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size() - 1);
    parser.line(text.substr(0, end + 1));
    text.remove_prefix(end + 1);
  }
  const HttpAnswer &answer = parser.answer();
  check(answer, {});
  check(answer, {100, {"\"a\"", 150}, {}});
  check(answer, {100, {"\"a\"", std::nullopt}, {"\"a\"", 150}});
  check(answer, {uint64_t{1} << 63, {"\"a\"", std::nullopt}, {}});
  return 0;
}
