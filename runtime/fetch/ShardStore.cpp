//===- ShardStore.cpp - the shards of a set, fetched when missing ---------===//

#include "runtime/fetch/ShardStore.h"

#include "runtime/base/Format.h"
#include "runtime/base/Log.h"
#include "runtime/fetch/FetchProgress.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

namespace swamla {

namespace fs = std::filesystem;

/// How long a wait goes on before it looks whether it is still wanted.
static constexpr std::chrono::milliseconds kLook{100};

Result<std::unique_ptr<ShardStore>> ShardStore::create(Config config) {
  SWAMLA_TRY(Hub hub, Hub::fromEnvironment());
  SWAMLA_TRY(std::string directory, dataSetFolder(*config.set));
  return std::unique_ptr<ShardStore>(
      new ShardStore(std::move(config), std::move(hub), std::move(directory)));
}

ShardStore::~ShardStore() {
  {
    std::lock_guard lock(mutex);
    closing.request_stop();
  }
  changed.notify_all();
  if (thread.joinable())
    thread.join();
}

bool ShardStore::has(const std::string &file) const {
  std::error_code ignored;
  return fs::is_regular_file(pathOf(file), ignored);
}

Status ShardStore::missingOffline(const std::string &file) const {
  return notFound(fmt::format("{} is not in {}, and --offline forbids to fetch it: run without "
                              "--offline, or get it before with: swamla-data fetch {}",
                              file, swamla::quoted(directory), config.set->name));
}

void ShardStore::prefetch(const std::string &file) {
  if (config.offline || has(file))
    return;
  std::lock_guard lock(mutex);
  order(file, /*first=*/false);
}

/// Puts a file on the list, if it is not there, and sees that somebody works. With the lock held.
void ShardStore::order(const std::string &file, bool first) {
  auto at = std::ranges::find(ordered, file);
  if (at == ordered.end()) {
    // The one at the front is being fetched.
    ordered.insert(first && !ordered.empty() ? ordered.begin() + 1 : ordered.end(), file);
    changed.notify_all();
  }
  if (!thread.joinable())
    thread = std::thread([this] { work(); });
}

Result<std::string> ShardStore::get(const std::string &file, const std::stop_token &stop) {
  if (has(file))
    return pathOf(file);
  if (config.offline)
    return missingOffline(file);
  std::unique_lock lock(mutex);
  failed.erase(file);
  order(file, /*first=*/true);
  ++waiting[file];
  auto over = [&] {
    return stop.stop_requested() || config.interrupted() || failed.contains(file) ||
           std::ranges::find(ordered, file) == ordered.end();
  };
  while (!over())
    changed.wait_for(lock, kLook);
  --waiting[file];
  if (auto error = failed.find(file); error != failed.end()) {
    Status status = std::move(error->second);
    failed.erase(error);
    return status;
  }
  if (std::ranges::find(ordered, file) != ordered.end())
    return Status::error(StatusCode::Unavailable,
                         fmt::format("interrupted while waiting for {}", file));
  return pathOf(file);
}

void ShardStore::work() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [&] { return closing.stop_requested() || !ordered.empty(); });
    if (closing.stop_requested())
      return;
    std::string file = ordered.front();
    lock.unlock();
    Status status = fetch(file);
    lock.lock();
    std::erase(ordered, file);
    if (!status.isOk()) {
      bool told = waiting[file] > 0 || closing.stop_requested() || config.interrupted();
      if (!told)
        logWarning("{}; training goes on until it needs the shard", status.message());
      if (waiting[file] > 0)
        failed[file] = std::move(status);
    }
    changed.notify_all();
  }
}

Status ShardStore::fetch(const std::string &file) {
  if (has(file))
    return Status::ok();
  std::error_code error;
  fs::create_directories(directory, error);
  if (error)
    return failedPrecondition(
        fmt::format("cannot make the folder {} for {}: {}; set SWAMLA_DATA to "
                    "a folder that can be written",
                    swamla::quoted(directory), file, error.message()));
  if (!client) {
    SWAMLA_TRY(client, HttpClient::create(config.policy.timeouts));
  }
  auto watched = [&] {
    std::lock_guard lock(mutex);
    return waiting[file] > 0;
  };
  auto interrupted = [&] { return closing.stop_requested() || config.interrupted(); };
  FetchProgress progress(file, {config.terminal, config.secondsBetweenLines, watched, interrupted});
  if (watched())
    progress.note(fmt::format("fetching it from {}", hub.endpoint));
  DownloadRequest request{hub.urlOf(*config.set, file), hub.token, pathOf(file), kGpt2Vocabulary};
  Status status = downloadShard(*client, request, config.policy, progress);
  if (status.isOk())
    progress.done();
  return status;
}

} // namespace swamla
