//===- Describe.h - what a model costs, in numbers ------------------------===//
#pragma once

#include "compiler/Frontend/Config.h"

#include <string>

namespace swamla {

/// "262.6M", "1,940.9M", "51.2K".
std::string formatCount(int64_t count);

/// Parameters in all and by part, FLOPs per token, bytes of masters, gradients and optimizer state;
/// a line each.
std::string describe(const Config &config, const std::string &name);

} // namespace swamla
