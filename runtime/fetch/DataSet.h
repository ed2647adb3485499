//===- DataSet.h - token shards that can be fetched, and where they lie ---===//
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace swamla {

/// A set of shards of GPT-2 tokens on the Hugging Face hub.
struct DataSet {
  std::string_view name;       ///< what --data calls it
  std::string_view repository; ///< OWNER/NAME, of the kind "datasets"
  std::string_view prefix;     ///< of its files' names
  unsigned trainShards;        ///< numbered from 1

  std::string trainFile(unsigned number) const; ///< "fineweb_train_000001.bin"
  std::string valFile() const;                  ///< "fineweb_val_000000.bin"
};

/// GPT-2's tokens, of which all sets are made: 0 to 50256.
inline constexpr uint32_t kGpt2Vocabulary = 50257;

/// The set of that name; nullptr: there is none.
const DataSet *findDataSet(std::string_view name);
/// "fineweb, fineweb-edu".
std::string dataSetNames();

/// Where the shards of a set are kept: a folder of its name in $SWAMLA_DATA, else in
/// $XDG_CACHE_HOME/swamla/data, else in ~/.cache/swamla/data. Fails when none of these variables
/// is set.
Result<std::string> dataSetFolder(const DataSet &set);

/// Where the hub is, and who asks.
struct Hub {
  std::string endpoint; ///< without a slash at its end
  std::string token;    ///< empty: none

  /// From $HF_ENDPOINT (https://huggingface.co when it is not set) and $HF_TOKEN, both checked.
  static Result<Hub> fromEnvironment();
  /// "ENDPOINT/datasets/OWNER/NAME/resolve/main/FILE".
  std::string urlOf(const DataSet &set, std::string_view file) const;
};

} // namespace swamla
