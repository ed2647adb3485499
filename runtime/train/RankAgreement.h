//===- RankAgreement.h - that the ranks of a run do the same --------------===//
#pragma once

#include "runtime/comm/Communicator.h"
#include "runtime/device/Device.h"

#include <map>
#include <string>

namespace swamla {

/// What all ranks must have alike, by name: "--lr", "step.bin".
using RankFacts = std::map<std::string, std::string>;

/// Fails with InvalidArgument on every rank if one has another fact than rank 0, naming rank, fact
/// and both values.
Status requireSameFacts(Communicator &ranks, const RankFacts &facts);

/// Rank 0's text, on every rank, once all have come here without an error. If one has come with
/// one, all fail: that rank with its own, the others with RankLost, which says whose it is.
Result<std::string> agree(Communicator &ranks, Result<std::string> mine);

/// Fails on every rank if the parameters of one are not, bit for bit, those of rank 0. `when` says
/// when that is: "before step 1".
Status requireSameParameters(Communicator &ranks, Device &device, const std::string &when);

} // namespace swamla
