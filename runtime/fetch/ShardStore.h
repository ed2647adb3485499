//===- ShardStore.h - the shards of a set, fetched when they are missing --===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/fetch/DataSet.h"
#include "runtime/fetch/Download.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace swamla {

/// Gives the paths of a set's files, and fetches those that are missing, one at a time, on a thread
/// of its own. Any thread may ask.
class ShardStore {
public:
  struct Config {
    const DataSet *set = nullptr;
    bool offline = false;            ///< what is missing is an error
    bool terminal = false;           ///< standard error is one: draw progress
    double secondsBetweenLines = 10; ///< of progress, where it is none
    DownloadPolicy policy;
    std::function<bool()> interrupted = [] { return false; }; ///< called from any thread
  };

  /// Reads the environment. Touches neither disk nor network.
  static Result<std::unique_ptr<ShardStore>> create(Config config);
  ShardStore(const ShardStore &) = delete;
  ShardStore &operator=(const ShardStore &) = delete;
  /// Gives up what is being fetched; what has come of it is kept.
  ~ShardStore();

  const std::string &folder() const { return directory; }
  bool has(const std::string &file) const;
  /// Begins to fetch a file, if it is missing, and returns. What goes wrong is a warning: get()
  /// tries again.
  void prefetch(const std::string &file);
  /// The path of a file; waits until it is there. Unavailable when `stop` or an interruption ends
  /// the wait; other errors as downloadShard's; NotFound when it is missing and the store offline.
  Result<std::string> get(const std::string &file, const std::stop_token &stop = {});

private:
  ShardStore(Config config, Hub hub, std::string directory)
      : config(std::move(config)), hub(std::move(hub)), directory(std::move(directory)) {}
  std::string pathOf(const std::string &file) const { return directory + "/" + file; }
  Status missingOffline(const std::string &file) const;
  void order(const std::string &file, bool first);
  void work();
  Status fetch(const std::string &file);

  Config config;
  Hub hub;
  std::string directory;
  std::unique_ptr<HttpClient> client; ///< the thread's

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> ordered;         ///< the first one is being fetched
  std::map<std::string, unsigned> waiting; ///< how many wait for a file
  std::map<std::string, Status> failed;    ///< until somebody has taken it up
  std::stop_source closing;
  std::thread thread; ///< from the first order on
};

} // namespace swamla
