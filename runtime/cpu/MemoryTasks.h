//===- MemoryTasks.h - fills and copies as a team's work ------------------===//
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace swamla {

/// Words [0, count) at `words` to `value`. It is called like a kernel: its only view is itself.
struct FillTask {
  static constexpr uint64_t kUnitWords = 1 << 14;

  uint32_t *words;
  uint64_t count;
  uint32_t value;

  int64_t units() const { return int64_t((count + kUnitWords - 1) / kUnitWords); }
  static void run(void *const *views, int64_t begin, int64_t end, void * /*scratch*/) {
    const FillTask &task = *static_cast<const FillTask *>(views[0]);
    uint64_t last = std::min(uint64_t(end) * kUnitWords, task.count);
    std::fill(task.words + uint64_t(begin) * kUnitWords, task.words + last, task.value);
  }
};

/// A copy of whole units, called like a kernel: its views are destination and source.
struct CopyTask {
  static constexpr uint64_t kUnitBytes = 1 << 18, kUnits = 1 << 10;

  static void run(void *const *views, int64_t begin, int64_t end, void * /*scratch*/) {
    std::memcpy(static_cast<std::byte *>(views[0]) + uint64_t(begin) * kUnitBytes,
                static_cast<const std::byte *>(views[1]) + uint64_t(begin) * kUnitBytes,
                uint64_t(end - begin) * kUnitBytes);
  }
};

} // namespace swamla
