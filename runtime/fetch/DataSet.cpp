//===- DataSet.cpp - token shards that can be fetched, and where they lie -===//

#include "runtime/fetch/DataSet.h"

#include "runtime/base/Format.h"

#include <algorithm>
#include <cstdlib>

namespace swamla {
namespace {

/// The numbers of shards are those of the repositories; the last one of a set is a short one.
constexpr DataSet kSets[] = {
    {"fineweb", "kjj0/fineweb10B-gpt2", "fineweb", 103},
    {"fineweb-edu", "kjj0/finewebedu10B-gpt2", "finewebedu", 99},
};

constexpr std::string_view kHub = "https://huggingface.co";

/// The variable's value; empty when it is not set.
std::string variable(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

bool isPrintable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

} // namespace

std::string DataSet::trainFile(unsigned number) const {
  return fmt::format("{}_train_{:06}.bin", prefix, number);
}

std::string DataSet::valFile() const { return fmt::format("{}_val_000000.bin", prefix); }

const DataSet *findDataSet(std::string_view name) {
  const DataSet *found = std::ranges::find(kSets, name, &DataSet::name);
  return found == std::end(kSets) ? nullptr : found;
}

std::string dataSetNames() {
  std::string names;
  for (const DataSet &set : kSets)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", set.name);
  return names;
}

Result<std::string> dataSetFolder(const DataSet &set) {
  if (std::string folder = variable("SWAMLA_DATA"); !folder.empty())
    return fmt::format("{}/{}", folder, set.name);
  if (std::string cache = variable("XDG_CACHE_HOME"); !cache.empty())
    return fmt::format("{}/swamla/data/{}", cache, set.name);
  if (std::string home = variable("HOME"); !home.empty())
    return fmt::format("{}/.cache/swamla/data/{}", home, set.name);
  return failedPrecondition(
      fmt::format("no folder for the shards of {}: none of SWAMLA_DATA, XDG_CACHE_HOME and HOME is "
                  "set; set SWAMLA_DATA to a folder",
                  set.name));
}

Result<Hub> Hub::fromEnvironment() {
  Hub hub{variable("HF_ENDPOINT"), variable("HF_TOKEN")};
  if (hub.endpoint.empty())
    hub.endpoint = kHub;
  while (hub.endpoint.ends_with('/'))
    hub.endpoint.pop_back();
  bool web = hub.endpoint.starts_with("https://") || hub.endpoint.starts_with("http://");
  if (!web || !isPrintable(hub.endpoint))
    return invalidArgument(fmt::format("HF_ENDPOINT is {}; expected the address of a hub, such as "
                                       "{}",
                                       swamla::quoted(hub.endpoint), kHub));
  // The value itself is a secret.
  if (!isPrintable(hub.token))
    return invalidArgument("HF_TOKEN has a space, a line end or another character that no token "
                           "has; set it again, or unset it: public data needs none");
  return hub;
}

std::string Hub::urlOf(const DataSet &set, std::string_view file) const {
  return fmt::format("{}/datasets/{}/resolve/main/{}", endpoint, set.repository, file);
}

} // namespace swamla
