//===- NoParquet.cpp - what is said where Arrow was not there -------------===//

#include "runtime/text/Documents.h"

namespace swamla {

Result<std::unique_ptr<TextReader>> readParquet(const std::string &path, const ParquetOptions &) {
  return failedPrecondition(
      fmt::format("{}: this swamla-data was built without Parquet: install Arrow's libraries "
                  "(libarrow-dev, libparquet-dev) and build again, or convert to JSON Lines",
                  path));
}

} // namespace swamla
