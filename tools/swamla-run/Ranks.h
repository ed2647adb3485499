//===- Ranks.h - this process among the ranks of a run --------------------===//
#pragma once

#include "runtime/comm/Communicator.h"
#include "runtime/comm/RankEnvironment.h"
#include "runtime/program/StepFile.h"
#include "runtime/train/RankAgreement.h"
#include "runtime/train/TokenData.h"
#include "tools/swamla-run/Options.h"

#include <memory>
#include <optional>

namespace swamla::run {

/// What a process that is to train with a program does.
struct RankRole {
  unsigned launch = 0;            ///< not 0: starts so many ranks, and is none
  std::optional<RankPlace> place; ///< of a rank; without it, it is alone
};

/// Fails where there are not as many ranks as the program was compiled for.
Result<RankRole> findRole(const StepFile &file, const Options &options);

/// The options of this rank: its part of the machine's cores, or its GPU.
Options optionsOfRank(const StepFile &file, const RankPlace &place, Options options);

/// Connects this rank to the others. From here on ranks other than 0 print warnings and errors
/// only, and a lost rank ends the process (endAsLost).
Result<std::unique_ptr<Communicator>> joinRanks(const RankPlace &place, const Options &options);
/// That all ranks run one program.
Status requireSameProgram(Communicator &ranks, const StepFile &file, const Options &options);

/// Ends the process with kRankLost and a message, from any thread, once.
[[noreturn]] void endAsLost(const std::string &why);

/// What identifies data, with a sample of its tokens.
Result<std::string> describeData(const TokenData &data);

} // namespace swamla::run
