//===- GoldenSample.h - golden cases made up for tests --------------------===//
#pragma once

#include "runtime/train/Json.h"
#include "tools/swamla-golden/GoldenCase.h"

#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace swamla::test {

/// A tensor of a file under construction.
struct SampleTensor {
  std::string type; ///< "F32", ...
  std::vector<uint64_t> shape;
  std::string bytes;
};

/// The contents of a case file, to be changed in one place and written.
struct GoldenSample {
  Json config, train;
  std::map<std::string, SampleTensor> tensors;

  /// A case of one SWA block and two steps. Values are made up, but fit together.
  static GoldenSample make();

  /// The file's bytes.
  std::string file() const;
  Result<GoldenCase> read() const;

  template <typename T> T &at(const std::string &name, size_t element) {
    return reinterpret_cast<T *>(tensors.at(name).bytes.data())[element];
  }
};

template <typename T> std::string bytesOf(const std::vector<T> &values) {
  return {reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T)};
}

} // namespace swamla::test
