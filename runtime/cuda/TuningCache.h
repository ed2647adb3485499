//===- TuningCache.h - the algorithms that were found fastest -------------===//
//
// A text file for each GPU model and cuBLASLt version, in $XDG_CACHE_HOME/swamla
// (or ~/.cache/swamla): a line for each problem, a checksum at the end. What is
// in it is used from then on, because another algorithm means other bits; remove
// the file to tune again. It is free of CUDA: an algorithm is eight words.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace swamla {

/// cuBLASLt's description of an algorithm, valid for one version of it.
using MatmulAlgorithm = std::array<uint64_t, 8>;

class TuningCache {
public:
  /// What the algorithms are valid for.
  struct Environment {
    std::string gpu;             ///< "NVIDIA H200 9.0, 132 multiprocessors"
    uint64_t libraryVersion = 0; ///< cuBLASLt's
  };

  /// Where the file of an environment lies; nullopt where there is neither XDG_CACHE_HOME nor HOME.
  static std::optional<std::string> defaultPath(const Environment &environment);

  /// Reads `path`. A file that does not exist, or is of another environment, is an empty cache; one
  /// that cannot be read or is damaged too, after a warning.
  static TuningCache load(std::string path, Environment environment);
  /// A cache that is not kept.
  static TuningCache inMemory(Environment environment) {
    return {std::string(), std::move(environment)};
  }

  const MatmulAlgorithm *find(const std::string &key) const;
  void insert(const std::string &key, const MatmulAlgorithm &algorithm);
  /// Writes the file anew if there is something new: aside, then renamed. Entries that another
  /// process has written meanwhile are kept.
  Status save();
  const std::string &path() const { return file; }

private:
  TuningCache(std::string path, Environment environment)
      : file(std::move(path)), environment(std::move(environment)) {}
  std::string header() const;
  /// Adds the entries of a file's text that are not there yet.
  Status parse(std::string_view text);
  std::string format() const;

  std::string file;
  Environment environment;
  std::map<std::string, MatmulAlgorithm> entries;
  bool changed = false;
};

} // namespace swamla
