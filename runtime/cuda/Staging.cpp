//===- Staging.cpp - data on its way to and from the GPU ------------------===//
#include "runtime/cuda/Staging.h"

#include <algorithm>
#include <cstring>

namespace swamla {

static constexpr const char *kUpload = "cannot copy to the GPU";
static constexpr const char *kDownload = "cannot copy from the GPU";

Result<std::unique_ptr<Staging>> Staging::create(CUstream compute) {
  std::unique_ptr<Staging> staging(new Staging(compute));
  SWAMLA_TRY(staging->copy, createStream());
  SWAMLA_TRY(staging->host, PinnedMemory::allocate(kSlots * kSlotBytes));
  SWAMLA_TRY(staging->device, DeviceMemory::allocate(deviceBytes(), "data on its way", compute));
  size_t index = 0;
  for (Slot &slot : staging->slots) {
    slot.host = staging->host.data() + index * kSlotBytes;
    slot.device = staging->device.address() + index * kSlotBytes;
    ++index;
    SWAMLA_TRY(slot.arrived, createEvent(/*timing=*/false));
    SWAMLA_TRY(slot.free, createEvent(/*timing=*/false));
    // The clearing of the area comes before any use of it.
    SWAMLA_RETURN_IF_ERROR(toStatus(cuEventRecord(slot.free.get(), compute), kUpload));
  }
  return staging;
}

Status Staging::uploadPiece(CUdeviceptr to, std::span<const std::byte> piece) {
  Slot &slot = nextSlot();
  SWAMLA_RETURN_IF_ERROR(toStatus(cuEventSynchronize(slot.free.get()), kUpload));
  std::memcpy(slot.host, piece.data(), piece.size());
  SWAMLA_RETURN_IF_ERROR(
      toStatus(cuMemcpyHtoDAsync(slot.device, slot.host, piece.size(), copy.get()), kUpload));
  SWAMLA_RETURN_IF_ERROR(toStatus(cuEventRecord(slot.arrived.get(), copy.get()), kUpload));
  SWAMLA_RETURN_IF_ERROR(toStatus(cuStreamWaitEvent(compute, slot.arrived.get(), 0), kUpload));
  SWAMLA_RETURN_IF_ERROR(
      toStatus(cuMemcpyDtoDAsync(to, slot.device, piece.size(), compute), kUpload));
  return toStatus(cuEventRecord(slot.free.get(), compute), kUpload);
}

Status Staging::upload(CUdeviceptr to, std::span<const std::byte> data) {
  // A number travels within the command itself.
  if (data.size() == sizeof(uint32_t) && to % sizeof(uint32_t) == 0) {
    uint32_t word = 0;
    std::memcpy(&word, data.data(), sizeof(word));
    return toStatus(cuMemsetD32Async(to, word, 1, compute), kUpload);
  }
  for (size_t at = 0; at < data.size(); at += kSlotBytes)
    SWAMLA_RETURN_IF_ERROR(
        uploadPiece(to + at, data.subspan(at, std::min(kSlotBytes, data.size() - at))));
  return Status::ok();
}

Status Staging::download(std::span<std::byte> data, CUdeviceptr from) {
  size_t pieces = (data.size() + kSlotBytes - 1) / kSlotBytes;
  auto piece = [&](size_t i) {
    return data.subspan(i * kSlotBytes, std::min(kSlotBytes, data.size() - i * kSlotBytes));
  };
  std::array<Slot *, 2> used = {}; // of the last piece asked for and the one before
  for (size_t i = 0; i <= pieces; ++i) {
    if (i < pieces) {
      Slot &slot = *(used[i % 2] = &nextSlot());
      SWAMLA_RETURN_IF_ERROR(toStatus(cuEventSynchronize(slot.free.get()), kDownload));
      SWAMLA_RETURN_IF_ERROR(
          toStatus(cuMemcpyDtoHAsync(slot.host, from + i * kSlotBytes, piece(i).size(), compute),
                   kDownload));
      SWAMLA_RETURN_IF_ERROR(toStatus(cuEventRecord(slot.free.get(), compute), kDownload));
    }
    if (i > 0) { // while the next one is under way
      const Slot &slot = *used[(i - 1) % 2];
      SWAMLA_RETURN_IF_ERROR(toStatus(cuEventSynchronize(slot.free.get()), kDownload));
      std::memcpy(piece(i - 1).data(), slot.host, piece(i - 1).size());
    }
  }
  return Status::ok();
}

} // namespace swamla
