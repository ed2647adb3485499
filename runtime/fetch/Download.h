//===- Download.h - a token shard from a server ---------------------------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/fetch/HttpClient.h"
#include "runtime/fetch/PartFile.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace swamla {

struct DownloadPolicy {
  unsigned retries = 8;       ///< in a row that bring no byte more than there was
  double firstDelay = 0.5;    ///< seconds before the first; doubled for each next one
  double longestDelay = 60;   ///< seconds
  uint64_t longestWait = 900; ///< seconds that a server may ask for
  HttpTimeouts timeouts;
};

/// What is to be told while a file comes, and asked. Called from the thread that downloads.
class DownloadWatcher {
public:
  virtual ~DownloadWatcher() = default;
  /// So many bytes are there; the whole file's are not known before its server says so.
  virtual void progress(uint64_t bytes, std::optional<uint64_t> whole) = 0;
  /// Something that the person may want to know: a retry, another process.
  virtual void note(std::string_view message) = 0;
  /// Whether to give up. What is there stays, for the next time.
  virtual bool interrupted() = 0;
};

struct DownloadRequest {
  std::string url;
  std::string token;       ///< sent to the URL's own server, and to no other; empty: none
  std::string target;      ///< path; its folder is there
  uint32_t vocabulary = 0; ///< tokens are below it
};

/// Gets a token shard whole, checked and durable under its name, or not at all. Goes on where an
/// earlier attempt ended, of this process or another one, if the server still has the same file.
/// Where another process fetches the same file, waits for it.
///
/// Errors: Unavailable (`interrupted`, or the server's fault after all retries), NotFound,
/// FailedPrecondition (refused by the server, a folder that cannot be written), ResourceExhausted
/// (the disk is full), DataCorrupt (the server has something else under this name).
Status downloadShard(HttpClient &client, const DownloadRequest &request,
                     const DownloadPolicy &policy, DownloadWatcher &watcher);

/// Seconds before retry number `n` (from 0): doubled each time up to the longest, of which
/// `random`, from 0 to 1, takes off up to a half, so that those who failed together do not come
/// back together.
double retryDelay(const DownloadPolicy &policy, unsigned n, double random);

} // namespace swamla
