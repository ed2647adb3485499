//===- Memory.h - the memories that an emulated kernel sees ---------------===//
//
// Addresses are made up. Every view of a launch lies alone in a range of 2^44
// bytes, so that an access outside of it is an error and not another view's.
// Shared memory begins at kSharedBase in its own address space, and at
// kSharedWindow in the generic one.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Emulator/Machine/Program.h"

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace swamla::emulator {

constexpr uint64_t kViewShift = 44;
constexpr uint64_t kViewMiddle = uint64_t(1) << 43;
constexpr uint64_t kSharedBase = 1024; ///< where the hardware puts dynamic shared memory
constexpr uint64_t kSharedWindow = uint64_t(1) << 60;
constexpr uint64_t kTensorMapWindow = uint64_t(1) << 61;

/// Device memory that a launch may touch.
struct MemoryView {
  std::span<std::byte> bytes;
  unsigned misalignment = 0; ///< the address modulo 256
};

class GlobalMemory {
public:
  explicit GlobalMemory(std::vector<MemoryView> views) : views(std::move(views)) {}

  uint64_t address(unsigned view) const {
    return (uint64_t(view + 1) << kViewShift) + kViewMiddle + views[view].misalignment;
  }
  /// Where `size` bytes at `address` lie; null if they are not all in one view.
  std::byte *find(uint64_t address, uint64_t size) const {
    uint64_t view = (address >> kViewShift) - 1;
    if (view >= views.size())
      return nullptr;
    uint64_t offset = address - this->address(unsigned(view));
    const std::span<std::byte> &bytes = views[view].bytes;
    if (offset > bytes.size() || size > bytes.size() - offset)
      return nullptr;
    return bytes.data() + offset;
  }
  /// "byte 12 of view 3 (of 64 bytes)"
  std::string describe(uint64_t address) const;

private:
  std::vector<MemoryView> views;
};

/// Shared memory of one block. Remembers which words ordinary stores have written, and whether the
/// thread has passed a proxy fence since: the asynchronous units (TMA, wgmma) may not see the
/// others.
class SharedMemory {
public:
  SharedMemory(uint32_t bytes, unsigned threads)
      : data((bytes + 15) / 16 * 16, std::byte(0xFF)), size(bytes), writers(data.size() / 4, 0),
        fences(threads, 0) {}

  std::byte *find(uint64_t address, uint64_t bytes) {
    uint64_t offset = address - kSharedBase;
    return offset <= size && bytes <= size - offset ? data.data() + offset : nullptr;
  }
  std::string describe(uint64_t address) const;

  void written(uint64_t address, uint64_t bytes, unsigned thread) {
    uint32_t mark = (thread + 1) << 16 | fences[thread];
    for (uint64_t word = (address - kSharedBase) / 4; word * 4 < address - kSharedBase + bytes;
         ++word)
      writers[word] = mark;
  }
  void writtenByAsync(uint64_t address, uint64_t bytes) {
    std::memset(&writers[(address - kSharedBase) / 4], 0, (bytes + 3) / 4 * 4);
  }
  void proxyFence(unsigned thread) { ++fences[thread]; }
  /// The thread that has written one of 16 bytes and passed no proxy fence since, or -1.
  int unfencedWriter(uint64_t address) const {
    const uint32_t *w = &writers[(address - kSharedBase) / 4];
    if ((w[0] | w[1] | w[2] | w[3]) == 0)
      return -1;
    for (unsigned i = 0; i < 4; ++i)
      if (w[i] && fences[(w[i] >> 16) - 1] == (w[i] & 0xFFFF))
        return int(w[i] >> 16) - 1;
    return -1;
  }

private:
  std::vector<std::byte> data; ///< NaN at first
  uint32_t size;
  std::vector<uint32_t> writers; ///< for each word: thread + 1, and its fences until then
  std::vector<uint16_t> fences;
};

} // namespace swamla::emulator
