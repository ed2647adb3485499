//===- Download.cpp - a token shard from a server -------------------------===//

#include "runtime/fetch/Download.h"

#include "runtime/base/Format.h"
#include "runtime/fetch/Attempt.h"
#include "runtime/fetch/Sha256.h"
#include "runtime/train/TokenFile.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <random>
#include <thread>
#include <utility>

namespace swamla {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kLook{100};

Status interruptedError() {
  return Status::error(StatusCode::Unavailable, "interrupted; what has come is kept, and the next "
                                                "time goes on from there");
}

/// False: interrupted.
bool waitSeconds(double seconds, DownloadWatcher &watcher) {
  auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < end) {
    if (watcher.interrupted())
      return false;
    std::this_thread::sleep_for(kLook);
  }
  return !watcher.interrupted();
}

/// The lock on the file's part; null: another process has fetched the file meanwhile.
Result<std::unique_ptr<PartFile>> lockPart(const std::string &target, DownloadWatcher &watcher) {
  bool told = false;
  while (true) {
    Result<std::unique_ptr<PartFile>> locked = PartFile::lock(target);
    if (locked.status().code() == StatusCode::FailedPrecondition)
      return failedPrecondition(locked.status().message() +
                                "; set SWAMLA_DATA to a folder that can be written");
    SWAMLA_TRY(std::unique_ptr<PartFile> part, std::move(locked));
    std::error_code ignored;
    if (fs::exists(target, ignored)) {
      if (part)
        SWAMLA_RETURN_IF_ERROR(part->remove());
      return std::unique_ptr<PartFile>();
    }
    if (part)
      return part;
    if (!std::exchange(told, true))
      watcher.note("another process is fetching it: waiting");
    uint64_t bytes = fs::file_size(PartFile::pathOf(target), ignored);
    if (!ignored)
      watcher.progress(bytes, std::nullopt);
    if (!waitSeconds(2 * std::chrono::duration<double>(kLook).count(), watcher))
      return interruptedError();
  }
}

/// The error of a download that is given up.
Status givenUp(const DownloadRequest &request, const AttemptEnd &end, const PartFile &part,
               unsigned failures) {
  std::string name = fs::path(request.target).filename().string();
  std::string text = fmt::format("cannot fetch {} from {}: {}", name, request.url, end.problem);
  if (!end.retry)
    return Status::error(end.code, std::move(text));
  return Status::error(
      StatusCode::Unavailable,
      fmt::format("{}; given up after {} attempt{} in a row that brought nothing. {} of it are "
                  "kept: start again to go on, or use what is there with --offline",
                  text, failures, failures == 1 ? "" : "s", formatBytes(part.size())));
}

/// Attempts until the part is whole. Returns the hub's name of its content, which may be empty.
Result<std::string> fill(HttpClient &client, const DownloadRequest &request,
                         const DownloadPolicy &policy, PartFile &part, DownloadWatcher &watcher) {
  if (part.size() > 0 && part.version().bytes == part.size())
    return std::string(); // an earlier process ended in front of the last step
  std::minstd_rand random(std::random_device{}());
  uint64_t most = part.size();
  unsigned failures = 0;
  while (true) {
    Attempt attempt(client, request, part, watcher);
    AttemptEnd end = attempt.run();
    if (end.problem.empty())
      return attempt.linkedEtag();
    if (watcher.interrupted())
      return interruptedError();
    failures = part.size() > most ? 0 : failures + 1;
    most = std::max(most, part.size());
    if (!end.retry || failures > policy.retries)
      return givenUp(request, end, part, failures);
    double delay = retryDelay(policy, failures == 0 ? 0 : failures - 1,
                              std::uniform_real_distribution<double>()(random));
    if (end.wait && *end.wait > policy.longestWait)
      return Status::error(StatusCode::Unavailable,
                           fmt::format("{} answered {} and asks to wait {} s: try again then",
                                       request.url, end.problem, *end.wait));
    delay = std::max(delay, static_cast<double>(end.wait.value_or(0)));
    watcher.note(fmt::format("{}; again in {:.1f} s{}", end.problem, delay,
                             end.wait ? ", as the server asks" : ""));
    if (!waitSeconds(delay, watcher))
      return interruptedError();
  }
}

/// That the part has the content that the hub's name for it says, where that is a SHA-256.
Status checkHash(const PartFile &part, std::string_view etag) {
  constexpr size_t kQuoted = 66;
  auto isHex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (etag.size() != kQuoted || !std::ranges::all_of(etag.substr(1, kQuoted - 2), isHex))
    return Status::ok();
  SWAMLA_TRY(MappedFile file, MappedFile::open(part.path()));
  Sha256 hash;
  hash.add(file.bytes());
  std::string found = hash.finish();
  if (found == etag.substr(1, kQuoted - 2))
    return Status::ok();
  return dataCorrupt(fmt::format(
      "its SHA-256 is {}, and the hub says {}; start again to fetch it anew", found, etag));
}

/// That it is what it should be: a shard whose tokens are in the vocabulary, and what the hub says.
Status check(const PartFile &part, const DownloadRequest &request, std::string_view etag) {
  SWAMLA_TRY(TokenFile shard, TokenFile::open(part.path()));
  SWAMLA_RETURN_IF_ERROR(checkHash(part, etag));
  return shard.check(request.vocabulary);
}

} // namespace

double retryDelay(const DownloadPolicy &policy, unsigned n, double random) {
  double delay = std::min(policy.longestDelay, policy.firstDelay * std::pow(2.0, n));
  return delay * (1 - random / 2);
}

Status downloadShard(HttpClient &client, const DownloadRequest &request,
                     const DownloadPolicy &policy, DownloadWatcher &watcher) {
  if (!originOf(request.url))
    return invalidArgument(fmt::format("{} is not an address of http or https; check HF_ENDPOINT",
                                       swamla::quoted(request.url)));
  SWAMLA_TRY(std::unique_ptr<PartFile> part, lockPart(request.target, watcher));
  if (!part)
    return Status::ok();
  Result<std::string> etag = fill(client, request, policy, *part, watcher);
  Status filled;
  if (!etag.isOk()) {
    filled = std::move(etag).takeStatus();
  } else {
    filled = check(*part, request, *etag);
    if (!filled.isOk())
      filled = dataCorrupt(fmt::format("cannot use {} of {}: {}",
                                       fs::path(request.target).filename().string(), request.url,
                                       filled.message()));
  }
  // Bytes that are not the file's would be in the way of the next attempt.
  if (filled.code() == StatusCode::DataCorrupt)
    SWAMLA_RETURN_IF_ERROR(part->remove());
  SWAMLA_RETURN_IF_ERROR(std::move(filled));
  return part->finish();
}

} // namespace swamla
