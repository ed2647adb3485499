//===- Main.cpp - prepares text for training ------------------------------===//

#include "runtime/base/Log.h"
#include "tools/swamla-data/Commands.h"

#include <csignal>

namespace swamla::data {

static int exitCodeOf(StatusCode code) {
  switch (code) {
  case StatusCode::InvalidArgument:
  case StatusCode::NotFound:
  case StatusCode::DataCorrupt:
    return kBadInput;
  case StatusCode::Unavailable:
    return kInterrupted;
  default:
    return kFailure;
  }
}

} // namespace swamla::data

int main(int argc, char **argv) {
  using namespace swamla;
  std::signal(SIGPIPE, SIG_IGN); // a closed pipe is an error of write, not the end
  int exitCode = data::kSuccess;
  std::optional<data::Options> options = data::parseOptions(argc, argv, exitCode);
  if (!options)
    return exitCode;
  if (options->verbose)
    setLogLevel(LogLevel::Debug);
  Status status = options->tokenize  ? data::tokenize(*options->tokenize)
                  : options->inspect ? data::inspect(*options->inspect)
                                     : data::fetch(*options->fetch);
  if (status.isOk())
    return data::kSuccess;
  logStatus(status);
  return data::exitCodeOf(status.code());
}
