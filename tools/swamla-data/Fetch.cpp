//===- Fetch.cpp - swamla-data fetch --------------------------------------===//

#include "runtime/fetch/ShardStore.h"
#include "tools/swamla-data/Commands.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <string>
#include <unistd.h>
#include <vector>

namespace swamla::data {

/// Set by a signal, read by the thread that fetches.
static std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free, "what a signal handler may write");
/// What has come is kept; a second signal ends the program at once.
static void onSignal(int signal) {
  interrupted = true;
  std::signal(signal, SIG_DFL);
}

static Status fetchAll(ShardStore &store, const FetchFlags &flags) {
  std::vector<std::string> files;
  if (flags.val)
    files.push_back(flags.set->valFile());
  for (unsigned number = 1; number <= flags.shards; ++number)
    files.push_back(flags.set->trainFile(number));
  for (const std::string &file : files) {
    SWAMLA_TRY(std::string path, store.get(file));
    fmt::print("{}\n", path);
    std::fflush(stdout);
  }
  return Status::ok();
}

Status fetch(const FetchFlags &flags) {
  ShardStore::Config config;
  config.set = flags.set;
  config.terminal = ::isatty(STDERR_FILENO) == 1;
  config.policy.retries = flags.retries;
  config.policy.timeouts.stallSeconds = flags.timeout;
  config.policy.timeouts.connectSeconds =
      std::min(config.policy.timeouts.connectSeconds, flags.timeout);
  config.interrupted = [] { return interrupted.load(); };
  SWAMLA_TRY(std::unique_ptr<ShardStore> store, ShardStore::create(std::move(config)));
  std::signal(SIGINT, onSignal);
  std::signal(SIGTERM, onSignal);
  Status status = fetchAll(*store, flags);
  // A server that does not answer is no interruption.
  if (status.code() == StatusCode::Unavailable && !interrupted)
    return failedPrecondition(status.message());
  return status;
}

} // namespace swamla::data
