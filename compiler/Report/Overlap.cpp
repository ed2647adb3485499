//===- Overlap.cpp - what ranks do together, and what of it shows ---------===//
#include "compiler/Report/Overlap.h"

#include "compiler/Report/CostModel.h"

#include <algorithm>
#include <vector>

using namespace mlir;

namespace swamla {

double allReduceSeconds(uint64_t bytes, int64_t ranks, const Machine &machine) {
  auto way = [&](int64_t among) {
    return 2.0 * static_cast<double>(among - 1) / static_cast<double>(among) *
           static_cast<double>(bytes);
  };
  int64_t local = std::min(ranks, machine.node), nodes = (ranks + local - 1) / local;
  double inNode = way(local) / machine.link.value;
  double between = way(nodes) / static_cast<double>(local) / machine.network.value;
  return std::max(inNode, between);
}

std::optional<OverlapReport> overlapOf(step::ProgramOp program, const Machine &machine) {
  OverlapReport report;
  double now = 0, alone = 0, linkIsFree = 0;
  std::vector<double> ends;
  for (Operation &op : program.getBody().front()) {
    if (auto collective = dyn_cast<step::CollectiveOp>(op)) {
      uint64_t bytes = collective.getTo().getBytes();
      double seconds =
          allReduceSeconds(bytes, static_cast<int64_t>(collective.getRanks()), machine);
      linkIsFree = std::max(now, linkIsFree) + seconds;
      ends.push_back(linkIsFree);
      ++report.collectives;
      report.bytes += bytes;
      report.seconds += seconds;
    } else if (auto wait = dyn_cast<step::CollectiveWaitOp>(op)) {
      now = std::max(now, ends[wait.getCollective()]);
    } else if (std::optional<KernelCost> cost = costOf(program, op)) {
      std::optional<double> seconds = predictedSeconds(*cost, machine);
      if (!seconds)
        return std::nullopt;
      now += *seconds;
      alone += *seconds;
    }
  }
  report.exposed = now - alone;
  return report;
}

} // namespace swamla
