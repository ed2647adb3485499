//===- RankEnvironment.cpp - which rank this process is -------------------===//

#include "runtime/comm/RankEnvironment.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace swamla {

namespace {

/// Where torchrun and others listen when nobody says where.
constexpr uint16_t kDefaultPort = 29500;
/// Jobs of one machine get ports of their own, out of this many from the first.
constexpr unsigned kJobPorts = 20000, kFirstJobPort = 20000;

class Reader {
public:
  explicit Reader(const Environment &environment) : environment(environment) {}

  bool has(const char *name) const { return environment(name) != nullptr; }
  std::string text(const char *name) const {
    const char *value = environment(name);
    return value ? value : "";
  }
  Result<unsigned> number(const char *name, unsigned low, unsigned high,
                          std::optional<unsigned> otherwise = {}) const {
    const char *value = environment(name);
    if (!value && otherwise)
      return *otherwise;
    std::string_view digits = value ? value : "";
    unsigned parsed = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), parsed);
    if (error != std::errc() || end != digits.data() + digits.size() || parsed < low ||
        parsed > high)
      return invalidArgument(
          fmt::format("the environment variable {} is {}; expected a number from {} to {}", name,
                      value ? fmt::format("'{}'", value) : "not set", low, high));
    return parsed;
  }

private:
  const Environment &environment;
};

constexpr unsigned kMostRanks = 1u << 16;

/// Names of the variables of a kind of launcher.
struct Names {
  const char *rank, *ranks, *localRank;
  const char *localRanks = nullptr; ///< null: there is none
};

Result<RankPlace> readPlace(const Reader &reader, const Names &names, const char *startedBy) {
  RankPlace place;
  place.startedBy = startedBy;
  SWAMLA_TRY(place.ranks, reader.number(names.ranks, 1, kMostRanks));
  SWAMLA_TRY(place.rank, reader.number(names.rank, 0, place.ranks - 1));
  SWAMLA_TRY(place.localRank, reader.number(names.localRank, 0, place.ranks - 1));
  place.localRanks = place.localRank + 1;
  if (names.localRanks) {
    SWAMLA_TRY(place.localRanks, reader.number(names.localRanks, 1, place.ranks, place.localRanks));
  }
  return place;
}

Result<uint16_t> readPort(const Reader &reader, unsigned otherwise) {
  SWAMLA_TRY(unsigned port,
             reader.number("MASTER_PORT", 1, std::numeric_limits<uint16_t>::max(), otherwise));
  // torchrun itself listens there when it shares its store with the ranks.
  if (reader.text("TORCHELASTIC_USE_AGENT_STORE") == "True")
    ++port;
  return static_cast<uint16_t>(port);
}

Result<RankPlace> readTorchrun(const Reader &reader) {
  SWAMLA_TRY(
      RankPlace place,
      readPlace(reader, {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"}, "torchrun"));
  place.address = reader.text("MASTER_ADDR");
  if (place.address.empty())
    return invalidArgument(
        "RANK and WORLD_SIZE are set, but MASTER_ADDR is not: set it to the address of rank 0");
  SWAMLA_TRY(place.port, readPort(reader, kDefaultPort));
  return place;
}

Result<RankPlace> readSlurm(const Reader &reader) {
  const char *ranks = reader.has("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS";
  SWAMLA_TRY(RankPlace place, readPlace(reader, {"SLURM_PROCID", ranks, "SLURM_LOCALID"}, "Slurm"));
  // "4" or "4(x2),3": of this node where all are alike, and else at least not too few.
  std::string tasks = reader.text("SLURM_STEP_TASKS_PER_NODE");
  unsigned local = 0;
  std::from_chars(tasks.data(), tasks.data() + tasks.size(), local);
  place.localRanks = std::max(place.localRanks, local);
  place.address = reader.text("MASTER_ADDR");
  for (const char *list : {"SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"})
    if (place.address.empty())
      place.address = firstHost(reader.text(list));
  if (place.address.empty())
    place.address = reader.text("SLURM_LAUNCH_NODE_IPADDR");
  if (place.address.empty())
    return invalidArgument("Slurm's environment names no node of the job: set MASTER_ADDR to the "
                           "address of rank 0's");
  SWAMLA_TRY(unsigned job,
             reader.number("SLURM_JOB_ID", 0, std::numeric_limits<unsigned>::max(), 0u));
  SWAMLA_TRY(place.port, readPort(reader, kFirstJobPort + job % kJobPorts));
  return place;
}

Result<RankPlace> readOpenMpi(const Reader &reader) {
  SWAMLA_TRY(RankPlace place,
             readPlace(reader,
                       {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                        "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"},
                       "Open MPI"));
  if (reader.has("MASTER_ADDR"))
    place.address = reader.text("MASTER_ADDR");
  else if (place.localRanks != place.ranks)
    return invalidArgument("mpirun has started ranks on several machines, and none knows where "
                           "rank 0 is: mpirun -x MASTER_ADDR=<its address> -x MASTER_PORT=29500");
  SWAMLA_TRY(place.port, readPort(reader, kDefaultPort));
  return place;
}

} // namespace

std::string firstHost(std::string_view list) {
  std::string_view first = list.substr(0, list.find_first_of(",["));
  if (first.size() == list.size() || list[first.size()] == ',')
    return std::string(first);
  std::string_view numbers = list.substr(first.size() + 1);
  return std::string(first) + std::string(numbers.substr(0, numbers.find_first_of("-,]")));
}

Result<std::optional<RankPlace>> findRank(const Environment &environment) {
  Reader reader(environment);
  std::optional<RankPlace> place;
  if (reader.has("RANK") && reader.has("WORLD_SIZE")) {
    SWAMLA_TRY(place, readTorchrun(reader));
  } else if (reader.has("OMPI_COMM_WORLD_RANK")) {
    SWAMLA_TRY(place, readOpenMpi(reader));
  } else if (reader.has("SLURM_PROCID") && reader.has("SLURM_STEP_ID")) {
    // Without a step this is the batch script itself, or a shell: one process, whatever the job is.
    SWAMLA_TRY(place, readSlurm(reader));
  }
  if (place && place->ranks == 1)
    place.reset();
  return place;
}

} // namespace swamla
