//===- RaceDetector.cpp - what orders accesses to shared memory -----------===//
#include "compiler/Emulator/Machine/RaceDetector.h"

#include <algorithm>

namespace swamla::emulator {

RaceDetector::RaceDetector(uint32_t sharedBytes, unsigned warps, unsigned unit)
    : warps(warps), unit(unit), clocks(warps, Clock(size_t(2) * warps, 0)), asyncEvents(warps, 0),
      writes((sharedBytes + unit - 1) / unit), reads(writes.size() * 2 * warps, 0) {
  for (unsigned warp = 0; warp < warps; ++warp)
    clocks[warp][warp] = 1; // event 0 is before everything
}

static void join(Clock &into, const Clock &from) {
  into.resize(from.size(), 0);
  for (size_t i = 0; i < from.size(); ++i)
    into[i] = std::max(into[i], from[i]);
}

void RaceDetector::release(unsigned warp, Clock &into) {
  join(into, clocks[warp]);
  ++clocks[warp][warp];
}

void RaceDetector::acquire(unsigned warp, const Clock &from) {
  if (!from.empty())
    join(clocks[warp], from);
}

void RaceDetector::acquireAsync(unsigned warp) { clocks[warp][warps + warp] = asyncEvents[warp]; }

void RaceDetector::releaseAsync(unsigned warp, const Clock &issued, Clock &into) {
  join(into, issued);
  into[warps + warp] = std::max(into[warps + warp], asyncEvents[warp]);
}

std::string RaceDetector::readAsync(uint64_t offset, uint64_t bytes, unsigned warp,
                                    const Clock &issued) {
  ++asyncEvents[warp];
  return access(offset, bytes, warps + warp, false, issued);
}

std::string RaceDetector::writeAsync(uint64_t offset, uint64_t bytes, unsigned warp,
                                     const Clock &issued) {
  ++asyncEvents[warp];
  return access(offset, bytes, warps + warp, true, issued);
}

std::string RaceDetector::conflict(unsigned agent, bool isWrite) const {
  std::string who = agent < warps ? "warp " + std::to_string(agent)
                                  : "asynchronous work of warp " + std::to_string(agent - warps);
  return "races with a " + std::string(isWrite ? "write" : "read") + " by " + who +
         ": nothing orders them";
}

std::string RaceDetector::access(uint64_t offset, uint64_t bytes, unsigned agent, bool isWrite,
                                 const Clock &known) {
  uint32_t event = agent < warps ? clocks[agent][agent] : asyncEvents[agent - warps];
  size_t agents = size_t(2) * warps;
  for (uint64_t i = offset / unit; i * unit < offset + bytes; ++i) {
    Write &last = writes[i];
    if (last.event > known[last.agent])
      return conflict(last.agent, true);
    uint32_t *own = &reads[i * agents];
    if (!isWrite) {
      own[agent] = event;
      continue;
    }
    unsigned late = 0;
    for (unsigned other = 0; other < agents; ++other)
      late |= unsigned(own[other] > known[other]);
    if (late)
      for (unsigned other = 0; other < agents; ++other)
        if (own[other] > known[other])
          return conflict(other, false);
    last = {agent, event};
  }
  return "";
}

} // namespace swamla::emulator
