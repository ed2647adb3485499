//===- Commands.h - what swamla-data can do -------------------------------===//
#pragma once

#include "tools/swamla-data/Options.h"

namespace swamla::data {

/// Text to shards; prints what was made.
Status tokenize(const TokenizeFlags &flags);
/// Prints what shards hold.
Status inspect(const InspectFlags &flags);

/// Shards of a ready-made set into the data folder; prints where they are.
Status fetch(const FetchFlags &flags);

/// "1,234,567".
std::string withCommas(uint64_t number);

} // namespace swamla::data
