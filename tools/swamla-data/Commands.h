//===- Commands.h - what swamla-data can do -------------------------------===//
#pragma once

#include "tools/swamla-data/Options.h"

namespace swamla::data {

/// Text to shards; prints what was made.
Status tokenize(const TokenizeFlags &flags);
/// Prints what shards hold.
Status inspect(const InspectFlags &flags);

/// "1,234,567".
std::string withCommas(uint64_t number);

} // namespace swamla::data
