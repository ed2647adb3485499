//===- HttpAnswer.h - what a server says in front of a file's bytes -------===//
//
// The part of a download that needs no network: header lines to an HttpAnswer,
// and an HttpAnswer to what its body is good for. Whatever a server sends ends
// in a use of the body that keeps the file right, or in a problem in words.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace swamla {

/// "bytes FIRST-LAST/TOTAL", of a 206 answer.
struct ContentRange {
  uint64_t first, last;
  std::optional<uint64_t> total; ///< not known: "*"
};

struct HttpAnswer {
  int status = 0;                     ///< 0: none came
  std::optional<uint64_t> length;     ///< Content-Length
  std::optional<ContentRange> range;  ///< Content-Range
  std::string etag;                   ///< with its quotes; empty: none, or not a valid one
  std::string linkedEtag;             ///< X-Linked-Etag, the hub's name for a file's content
  std::optional<uint64_t> linkedSize; ///< X-Linked-Size, its bytes

  bool isRedirect() const;
};

/// Reads header lines as they come. Each status line begins a new answer: a proxy's and interim
/// ones come before the one that counts.
class HttpAnswerParser {
public:
  /// A line, with or without its line end. What is not understood is left out.
  void line(std::string_view text);
  const HttpAnswer &answer() const { return parsed; }

private:
  HttpAnswer parsed;
};

/// What is known of a file of which a part is there.
struct FileIdentity {
  std::string etag;              ///< linked or plain; empty: not known
  std::optional<uint64_t> bytes; ///< of the whole file
};

/// What a request was, for judging its answer.
struct Asked {
  uint64_t from = 0;   ///< bytes that are there: the rest was asked for
  FileIdentity whole;  ///< of which they are
  FileIdentity linked; ///< what a redirect said of the file; empty: nothing
};

/// What to do with an answer's body.
struct BodyUse {
  enum Kind {
    Append,    ///< it follows the bytes that are there
    StartOver, ///< it is the whole file: they are dropped
    Drop,      ///< nothing; `problem` says why, and the bytes that are there are dropped as well
    Refuse     ///< nothing; `problem` says why
  };
  Kind kind = Refuse;
  FileIdentity whole;  ///< of Append and StartOver
  std::string problem; ///< of Drop and Refuse: "503 (...)", "says 5 bytes, ..."
  bool retry = false;  ///< of Drop and Refuse: it may go better next time
};

BodyUse judgeAnswer(const HttpAnswer &answer, const Asked &asked);

/// Whether it may stand in If-Range: given, and not weak.
bool isStrongEtag(std::string_view etag);

} // namespace swamla
