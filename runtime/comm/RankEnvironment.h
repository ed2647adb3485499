//===- RankEnvironment.h - which rank this process is ---------------------===//
//
// Whoever starts the processes of a run says in each one's environment which
// rank it is: torchrun, Slurm's srun, Open MPI's mpirun, or swamla-run --nproc,
// which sets what torchrun does.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace swamla {

struct RankPlace {
  unsigned rank = 0, ranks = 1;
  unsigned localRank = 0, localRanks = 1; ///< among the ranks of this machine
  std::string address = "127.0.0.1";      ///< of rank 0
  uint16_t port = 0;                      ///< where rank 0 listens
  std::string startedBy;                  ///< "torchrun", "Slurm", "Open MPI"
};

/// The value of an environment variable, or null.
using Environment = std::function<const char *(const char *)>;

/// What the environment says; nullopt where this process is alone. Fails with InvalidArgument,
/// naming the variable, where it says half of it or nonsense.
Result<std::optional<RankPlace>> findRank(const Environment &environment);

/// The first host of Slurm's lists: "node[003-006,8],login" is "node003".
std::string firstHost(std::string_view list);

} // namespace swamla
