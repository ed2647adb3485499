//===- Attempt.h - one attempt at a file, through its redirects -----------===//
#pragma once

#include "runtime/fetch/Download.h"

namespace swamla {

/// How an attempt ended. `problem` is empty where the file is whole.
struct AttemptEnd {
  std::string problem;
  bool retry = false;
  StatusCode code = StatusCode::Unavailable; ///< of an end without retry
  std::optional<uint64_t> wait;              ///< seconds, as the server asks
};

/// Asks for what is missing of a file, and adds what comes to the part.
class Attempt {
public:
  Attempt(HttpClient &client, const DownloadRequest &request, PartFile &part,
          DownloadWatcher &watcher)
      : client(client), request(request), part(part), watcher(watcher) {}
  AttemptEnd run();
  /// By which the hub names the content: "SHA-256 in hexadecimal", if anything.
  const std::string &linkedEtag() const { return linked.etag; }

private:
  HttpRequest ask(const std::string &url);
  std::optional<AttemptEnd> redirected(const HttpResult &result, std::string &url);
  bool takeAnswer(const HttpAnswer &answer);
  bool takeBody(std::span<const std::byte> bytes);
  bool checkHead();
  AttemptEnd conclude(const HttpResult &result);
  bool fail(AttemptEnd end);
  bool fail(Status status);

  HttpClient &client;
  const DownloadRequest &request;
  PartFile &part;
  DownloadWatcher &watcher;
  FileIdentity linked; ///< what a redirect said of the file
  Asked asked;
  std::optional<uint64_t> expected;  ///< bytes, as the shard's own header says
  std::optional<AttemptEnd> failure; ///< why a handler declined
};

} // namespace swamla
