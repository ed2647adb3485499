//===- CpuInfo.cpp - the machine this process runs on ---------------------===//
#include "runtime/base/CpuInfo.h"

#include "runtime/base/Format.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <thread>

namespace swamla {

namespace {
unsigned detectLevel() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4"))
    return 4;
  if (__builtin_cpu_supports("x86-64-v3"))
    return 3;
  if (__builtin_cpu_supports("x86-64-v2"))
    return 2;
  return 1;
#else
  return 0;
#endif
}

std::string detectModel() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    size_t colon = line.find(':');
    if (line.starts_with("model name") && colon != std::string::npos && colon + 2 <= line.size())
      return line.substr(colon + 2);
  }
  return "unknown CPU";
}

/// The first word of a file, as /sys/fs/cgroup has them; empty if there is none.
std::string readWord(const char *path, std::string *second = nullptr) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  if (second)
    file >> *second;
  return word;
}

unsigned detectCores() {
  unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  cpu_set_t mask;
  CPU_ZERO(&mask);
  // Fails with more CPUs than a cpu_set_t holds; hardware_concurrency is right there.
  if (::sched_getaffinity(0, sizeof(mask), &mask) == 0)
    cores = unsigned(std::max(1, CPU_COUNT(&mask)));
  // cgroup v2: "max 100000" or "150000 100000" (quota and period in microseconds).
  std::string period;
  std::string quota = readWord("/sys/fs/cgroup/cpu.max", &period);
  // "max" reads as 0.
  double share =
      std::strtod(quota.c_str(), nullptr) / std::max(1.0, std::strtod(period.c_str(), nullptr));
  if (share > 0)
    cores = std::clamp(unsigned(std::ceil(share)), 1u, cores);
  return cores;
}

void detectMemory(CpuInfo &info) {
  uint64_t total = 0, available = 0, swapTotal = 0;
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    uint64_t kib = 0;
    words >> name >> kib;
    if (name == "MemTotal:")
      total = kib * 1024;
    else if (name == "MemAvailable:")
      available = kib * 1024;
    else if (name == "SwapTotal:")
      swapTotal = kib * 1024;
  }
  info.memoryLimit = total ? total + swapTotal : UINT64_MAX;
  info.memoryFree = available;
  uint64_t cgroup = std::strtoull(readWord("/sys/fs/cgroup/memory.max").c_str(), nullptr, 10);
  if (cgroup) // "max" reads as 0
    info.memoryLimit = std::min(info.memoryLimit, cgroup);
}
} // namespace

CpuInfo readCpuInfo() {
  CpuInfo info;
  info.model = detectModel();
  info.level = detectLevel();
  info.usableCores = detectCores();
  detectMemory(info);
  return info;
}

unsigned cpuLevelFromName(std::string_view name) {
  if (name == "x86-64")
    return 1;
  if (name == "x86-64-v2")
    return 2;
  if (name == "x86-64-v3")
    return 3;
  if (name == "x86-64-v4")
    return 4;
  return 0;
}

std::string cpuLevelName(unsigned level) {
  if (level == 0)
    return "no x86-64";
  return level == 1 ? "x86-64" : fmt::format("x86-64-v{}", level);
}

Status requireCpuLevel(const CpuInfo &cpu, std::string_view wanted) {
  unsigned level = cpuLevelFromName(wanted);
  if (level == 0)
    return failedPrecondition(
        fmt::format("compiled for the CPU {}, which this program does not know; recompile with "
                    "--mcpu=x86-64-v2, x86-64-v3 or x86-64-v4",
                    quoted(wanted)));
  if (cpu.level == 0)
    return failedPrecondition(
        fmt::format("compiled for {}, but this machine is not an x86-64", wanted));
  if (cpu.level < level)
    return failedPrecondition(
        fmt::format("compiled for {}, this CPU ({}) supports {}; {}", wanted, cpu.model,
                    cpuLevelName(cpu.level),
                    cpu.level < 2 ? "x86-64-v2 is the least that swamlac compiles for"
                                  : "recompile with --mcpu=" + cpuLevelName(cpu.level)));
  return Status::ok();
}

} // namespace swamla
