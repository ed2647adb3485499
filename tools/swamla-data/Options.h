//===- Options.h - the command line of swamla-data ------------------------===//
#pragma once

#include "runtime/fetch/DataSet.h"
#include "runtime/text/Tokenize.h"

#include <optional>
#include <string>
#include <vector>

namespace swamla::data {

/// Exit codes, as --help says.
enum ExitCode : int {
  kSuccess = 0,
  kFailure = 1,       ///< the disk, permissions, shards that are there already
  kBadInput = 2,      ///< wrong options, or a file that is not what it should be
  kInterrupted = 130, ///< by SIGINT or SIGTERM
};

struct TokenizerFlags {
  std::string path;
  std::string endOfText{kEndOfText};
};

struct TokenizeFlags {
  TokenizerFlags tokenizer;
  std::vector<std::string> inputs; ///< files and folders
  std::string output;              ///< prefix of the shards
  uint64_t shardTokens = 100'000'000;
  bool overwrite = false;
  TokenizeOptions text; ///< without its files
};

struct InspectFlags {
  TokenizerFlags tokenizer; ///< the path may be empty
  std::vector<std::string> shards;
  std::optional<uint64_t> from, count; ///< of the tokens to show
};

struct FetchFlags {
  const DataSet *set = nullptr;
  unsigned shards = 1; ///< for training, from the first on
  bool val = false;    ///< the validation shard too
  unsigned retries = 8;
  long timeout = 30; ///< seconds that a connection may stand still
};

struct Options {
  bool verbose = false;
  std::optional<TokenizeFlags> tokenize; ///< one of these three
  std::optional<InspectFlags> inspect;
  std::optional<FetchFlags> fetch;
};

/// Parses and checks the command line. When the program is to end (help, version, an error, which
/// is printed) returns no options and sets `exitCode`.
std::optional<Options> parseOptions(int argc, const char *const *argv, int &exitCode);

} // namespace swamla::data
