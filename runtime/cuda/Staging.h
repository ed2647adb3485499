//===- Staging.h - data on its way to and from the GPU --------------------===//
//
// What the caller hands over is copied into pinned memory and is free again at
// once. From there it goes to the device on a stream of its own, beside the
// program that runs, into a second staging area; only the last copy, within the
// device, is in the order of the programs. So the tokens of the next batch
// arrive while the step before them runs.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/cuda/CudaHandles.h"

#include <array>
#include <memory>

namespace swamla {

class Staging {
public:
  /// `compute`: the stream that programs run on.
  static Result<std::unique_ptr<Staging>> create(CUstream compute);

  /// Bytes of device memory that it takes.
  static constexpr uint64_t deviceBytes() { return kSlots * kSlotBytes; }
  /// In the order of the compute stream; `data` may be reused when it returns.
  Status upload(CUdeviceptr to, std::span<const std::byte> data);
  /// Waits for what was enqueued before.
  Status download(std::span<std::byte> data, CUdeviceptr from);

private:
  static constexpr size_t kSlots = 4; ///< two for the tokens and targets that are on their way
  static constexpr size_t kSlotBytes = size_t(1) << 20;
  struct Slot {
    std::byte *host = nullptr;
    CUdeviceptr device = 0;
    EventHandle arrived; ///< on the copy stream
    EventHandle free;    ///< on the compute stream: the last copy out of the slot
  };

  explicit Staging(CUstream compute) : compute(compute) {}
  Status uploadPiece(CUdeviceptr to, std::span<const std::byte> piece);
  Slot &nextSlot() { return slots[next++ % kSlots]; }

  CUstream compute;
  StreamHandle copy;
  PinnedMemory host;
  DeviceMemory device;
  std::array<Slot, kSlots> slots;
  size_t next = 0;
};

} // namespace swamla
