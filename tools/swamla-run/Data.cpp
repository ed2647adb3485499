//===- Data.cpp - the data that --data names ------------------------------===//

#include "runtime/base/Log.h"
#include "runtime/fetch/FetchedData.h"
#include "tools/swamla-run/Commands.h"

#include <cstdio>
#include <unistd.h>

namespace swamla::run {
namespace {

/// Log lines come from the thread that fetches, while the run draws its progress over one line of
/// the terminal: they take that line.
void logOverProgress() {
  setLogSink([](LogLevel level, std::string_view message) {
    const char *prefix = level == LogLevel::Error     ? "error: "
                         : level == LogLevel::Warning ? "warning: "
                         : level == LogLevel::Debug   ? "debug: "
                                                      : "";
    fmt::print(stderr, "\r\x1b[K{}{}\n", prefix, message);
  });
}

} // namespace

std::string knownIdentity(const Device &device, const Options &options) {
  const DataSet *set = findDataSet(options.data);
  return set ? fetchedIdentity(*set, device.file().step().model()->block_size()) : std::string();
}

Result<TokenData> openData(const Device &device, const Options &options, const DataUse &use) {
  const schema::Model *model = device.file().step().model();
  const DataSet *set = findDataSet(options.data);
  if (!set)
    return openTokenData(
        options.data.empty() ? "random" : options.data,
        {model->block_size(), model->vocab_size(), use.seed, options.train.valFraction});
  if (options.train.valFraction)
    return invalidArgument(
        fmt::format("--val-fraction is for text; {} has a shard for validation", options.data));
  FetchedDataOptions fetched;
  fetched.sequences = {set, model->block_size(), model->vocab_size(), use.start,
                       static_cast<uint64_t>(use.steps * options.accumulation) * model->batch()};
  fetched.validation = use.validation;
  fetched.store.set = set;
  fetched.store.offline = options.offline;
  fetched.store.terminal = ::isatty(STDERR_FILENO) == 1;
  fetched.store.interrupted = use.interrupted;
  if (fetched.store.terminal && ::isatty(STDOUT_FILENO) == 1)
    logOverProgress();
  return openFetchedData(std::move(fetched));
}

} // namespace swamla::run
