//===- CpuInfo.h - the machine this process runs on -----------------------===//
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace swamla {

struct CpuInfo {
  std::string model;        ///< "AMD EPYC 9654", as the kernel names it
  unsigned level = 0;       ///< x86-64 micro-architecture level, 1 to 4 (psABI); 0: not x86-64
  unsigned usableCores = 1; ///< by affinity mask and cgroup quota
  uint64_t memoryLimit = 0; ///< bytes this process could have at most: RAM + swap, cgroup limit
  uint64_t memoryFree = 0;  ///< bytes that could be had now without swapping; 0: unknown
};

/// Looks at the machine anew; takes about a millisecond.
CpuInfo readCpuInfo();

/// 1 to 4 for "x86-64" (1), "x86-64-v2", ...; 0 for other names.
unsigned cpuLevelFromName(std::string_view name);
/// "x86-64-v3" for 3, "x86-64" for 1, "no x86-64" for 0.
std::string cpuLevelName(unsigned level);
/// Whether code compiled for `wanted` ("x86-64-v4") runs on `cpu`; else FailedPrecondition.
Status requireCpuLevel(const CpuInfo &cpu, std::string_view wanted);

} // namespace swamla
