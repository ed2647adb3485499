//===- HttpClient.h - one GET request at a time ---------------------------===//
//
// Over libcurl where swamla was built with it. Redirects are not followed: who
// asks decides what goes to which server.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/fetch/HttpAnswer.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace swamla {

struct HttpTimeouts {
  long connectSeconds = 20; ///< until a connection stands
  long stallSeconds = 30;   ///< with fewer than 1000 bytes a second
};

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers; ///< "Name: value"
};

/// What happens while a request runs; all on the thread that asked.
struct HttpHandler {
  /// Before the first byte of a body, of which there may be none. False: the body is not wanted.
  std::function<bool(const HttpAnswer &)> onAnswer;
  /// False: no more of it.
  std::function<bool(std::span<const std::byte>)> onBody;
  /// Now and then, at least once a second. False: give up.
  std::function<bool()> onTick;
};

struct HttpResult {
  enum End {
    Complete, ///< the body ended where the server said
    Declined, ///< a handler said false
    Broken    ///< `problem` says how
  };
  End end = Broken;
  HttpAnswer answer;
  std::string redirect;               ///< where a redirect points, in full
  std::optional<uint64_t> retryAfter; ///< seconds, as the server asks
  std::string problem;
  bool retry = false; ///< of Broken: it may go better next time
};

class HttpClient {
public:
  virtual ~HttpClient() = default;
  /// Fails with FailedPrecondition where there is no libcurl.
  static Result<std::unique_ptr<HttpClient>> create(const HttpTimeouts &timeouts);
  virtual HttpResult get(const HttpRequest &request, const HttpHandler &handler) = 0;
};

/// "https://host:443" of a URL: what must be the same for a token to go there. nullopt: it is none
/// of http or https.
std::optional<std::string> originOf(const std::string &url);

} // namespace swamla
