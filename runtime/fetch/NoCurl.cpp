//===- NoCurl.cpp - where swamla is built without libcurl -----------------===//

#include "runtime/fetch/HttpClient.h"

namespace swamla {

Result<std::unique_ptr<HttpClient>> HttpClient::create(const HttpTimeouts &) {
  return failedPrecondition(
      "swamla was built without libcurl, so it cannot fetch: install it (Debian: "
      "libcurl4-openssl-dev) and build again, or put the shards there by other means");
}

std::optional<std::string> originOf(const std::string &) { return std::nullopt; }

} // namespace swamla
