//===- Launcher.h - one process for each rank of this machine -------------===//
#pragma once

#include "runtime/base/Status.h"

namespace swamla::run {

/// Set in the environment of the processes that the launcher starts.
inline constexpr char kLaunchedVariable[] = "SWAMLA_LAUNCHED";
/// And in that of rank 0: the descriptor that listens for the others.
inline constexpr char kListenVariable[] = "SWAMLA_LISTEN_FD";

/// Runs this program with these arguments `count` times, once for each rank, with torchrun's
/// variables, and waits for all. Rank 0's output is this process's own; that of the others is
/// prefixed with "[rank k]". Hands SIGINT and SIGTERM on. When this process dies, so do the ranks.
/// Returns the exit code of the first that failed, rather that of one that had a reason of its own
/// than kRankLost; of a rank that a signal has ended 128 and its number.
/// Call it before the process has threads.
Result<int> launchRanks(unsigned count, char *const *arguments);

} // namespace swamla::run
