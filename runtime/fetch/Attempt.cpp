//===- Attempt.cpp - one attempt at a file, through its redirects ---------===//

#include "runtime/fetch/Attempt.h"

#include "runtime/base/Format.h"
#include "runtime/train/TokenFile.h"

#include <algorithm>
#include <filesystem>

namespace swamla {

static constexpr int kMaxRedirects = 10;

/// A problem for good, of the kind that `code` is.
static AttemptEnd forGood(StatusCode code, std::string problem) {
  return {std::move(problem), false, code, {}};
}

static AttemptEnd again(std::string problem) {
  return {std::move(problem), true, StatusCode::Unavailable, {}};
}

bool Attempt::fail(AttemptEnd end) {
  failure = std::move(end);
  return false;
}

bool Attempt::fail(Status status) { return fail(forGood(status.code(), status.message())); }

/// The request for what is missing.
HttpRequest Attempt::ask(const std::string &url) {
  HttpRequest http{url, {"Accept: */*", "Accept-Encoding: identity"}};
  if (!request.token.empty() && originOf(url) == originOf(request.url))
    http.headers.push_back("Authorization: Bearer " + request.token);
  // Content that the hub has named is the same wherever it comes from.
  bool same = !linked.etag.empty();
  asked = {part.size(), part.version(), linked};
  if (part.size() > 0) {
    http.headers.push_back(fmt::format("Range: bytes={}-", part.size()));
    if (!same)
      http.headers.push_back("If-Range: " + part.version().etag);
  }
  return http;
}

AttemptEnd Attempt::run() {
  std::string url = request.url;
  HttpHandler handler{[this](const HttpAnswer &answer) { return takeAnswer(answer); },
                      [this](std::span<const std::byte> bytes) { return takeBody(bytes); },
                      [this] { return !watcher.interrupted(); }};
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    // Bytes of which it cannot be asked whether they are still right are dropped.
    bool canAsk = !linked.etag.empty() || isStrongEtag(part.version().etag);
    if (part.size() > 0 && !canAsk)
      if (Status cleared = part.clear(); !cleared.isOk())
        return forGood(cleared.code(), cleared.message());
    HttpResult result = client.get(ask(url), handler);
    if (failure) {
      if (failure->retry)
        failure->wait = result.retryAfter;
      return *failure;
    }
    if (result.end == HttpResult::Complete && result.answer.isRedirect()) {
      if (std::optional<AttemptEnd> end = redirected(result, url))
        return *end;
      continue;
    }
    return conclude(result);
  }
  return forGood(StatusCode::FailedPrecondition,
                 fmt::format("more than {} redirects", kMaxRedirects));
}

/// Takes up what a redirect says of the file, and where it is.
std::optional<AttemptEnd> Attempt::redirected(const HttpResult &result, std::string &url) {
  std::optional<std::string> from = originOf(url), to = originOf(result.redirect);
  if (!to)
    return forGood(StatusCode::FailedPrecondition,
                   fmt::format("a redirect ({}) to {}; expected an address of http or https",
                               result.answer.status, swamla::quoted(result.redirect)));
  if (from->starts_with("https:") && !to->starts_with("https:"))
    return forGood(StatusCode::FailedPrecondition,
                   fmt::format("a redirect from https to {}, which is not encrypted", *to));
  url = result.redirect;
  if (result.answer.linkedEtag.empty())
    return std::nullopt;
  linked = {result.answer.linkedEtag, result.answer.linkedSize};
  bool sameFile = part.version().etag == linked.etag &&
                  (!linked.bytes || !part.version().bytes || linked.bytes == part.version().bytes);
  if (part.size() == 0 || sameFile)
    return std::nullopt;
  watcher.note("the file has changed at the server: from the start");
  Status cleared = part.clear();
  if (!cleared.isOk())
    return forGood(cleared.code(), cleared.message());
  return std::nullopt;
}

bool Attempt::takeAnswer(const HttpAnswer &answer) {
  BodyUse use = judgeAnswer(answer, asked);
  if (use.kind == BodyUse::Refuse || use.kind == BodyUse::Drop) {
    if (use.kind == BodyUse::Drop)
      if (Status cleared = part.clear(); !cleared.isOk())
        return fail(std::move(cleared));
    constexpr int kNotFound = 404;
    StatusCode code =
        answer.status == kNotFound ? StatusCode::NotFound : StatusCode::FailedPrecondition;
    // The seconds to wait are known when the answer has ended.
    if (use.retry)
      return fail(again(std::move(use.problem)));
    return fail(forGood(code, std::move(use.problem)));
  }
  if (use.kind == BodyUse::StartOver) {
    if (part.size() > 0)
      watcher.note("the server sends the file from the start");
    if (Status cleared = part.clear(); !cleared.isOk())
      return fail(std::move(cleared));
  }
  if (Status known = part.setVersion(use.whole); !known.isOk())
    return fail(std::move(known));
  if (use.whole.bytes) {
    std::error_code error;
    std::filesystem::path folder = std::filesystem::path(request.target).parent_path();
    std::filesystem::space_info disk = std::filesystem::space(folder, error);
    uint64_t missing = *use.whole.bytes - std::min(*use.whole.bytes, part.size());
    if (!error && disk.available < missing)
      return fail(forGood(StatusCode::ResourceExhausted,
                          fmt::format("{} are missing, and the disk of {} has {} left: make room, "
                                      "or set SWAMLA_DATA to a folder elsewhere",
                                      formatBytes(missing), swamla::quoted(folder.string()),
                                      formatBytes(disk.available))));
  }
  watcher.progress(part.size(), use.whole.bytes);
  return checkHead();
}

/// As soon as the shard's header is there: that it is one, and as long as the server says.
bool Attempt::checkHead() {
  if (expected || part.size() < kShardHeaderBytes)
    return true;
  Result<std::vector<std::byte>> head = part.head(kShardHeaderBytes);
  if (!head.isOk())
    return fail(std::move(head).takeStatus());
  Result<uint64_t> bytes = shardFileBytes(*head, "the file at the server");
  if (!bytes.isOk())
    return fail(std::move(bytes).takeStatus());
  expected = *bytes;
  if (part.version().bytes && *part.version().bytes != *expected)
    return fail(
        forGood(StatusCode::DataCorrupt,
                fmt::format("the server says that the file has {} bytes, and its header that "
                            "it has {}",
                            *part.version().bytes, *expected)));
  return true;
}

bool Attempt::takeBody(std::span<const std::byte> bytes) {
  if (Status added = part.append(bytes); !added.isOk()) {
    bool full = added.code() == StatusCode::ResourceExhausted;
    return fail(
        forGood(added.code(),
                fmt::format("{}{}", added.message(),
                            full ? ": make room, and start again: it goes on from there" : "")));
  }
  if (!checkHead())
    return false;
  if (expected && part.size() > *expected)
    return fail(
        forGood(StatusCode::DataCorrupt,
                fmt::format("the server sends more than the {} bytes that the file's header "
                            "says",
                            *expected)));
  watcher.progress(part.size(), part.version().bytes ? part.version().bytes : expected);
  return true;
}

AttemptEnd Attempt::conclude(const HttpResult &result) {
  if (watcher.interrupted())
    return forGood(StatusCode::Unavailable, "interrupted");
  if (result.end == HttpResult::Broken)
    return {result.problem, result.retry, StatusCode::FailedPrecondition, {}};
  if (!expected && part.version().bytes == part.size())
    return forGood(StatusCode::DataCorrupt,
                   fmt::format("the file has {} bytes; a token shard has a header of {}",
                               part.size(), kShardHeaderBytes));
  if (!expected || part.size() < *expected)
    return again(expected ? fmt::format("it ended after {} of {} bytes", part.size(), *expected)
                          : fmt::format("it ended after {} bytes", part.size()));
  return {};
}

} // namespace swamla
