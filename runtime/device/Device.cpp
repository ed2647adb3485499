//===- Device.cpp - slots over upload and download ------------------------===//
#include "runtime/device/Device.h"

#include "runtime/base/Format.h"

namespace swamla {

namespace {
using schema::DType;

/// The slot of a name, checked against the caller's idea of it. Both come from code, not from the
/// user: StepFile has verified the slots that the runtime relies on.
Result<const schema::Slot *> expectSlot(const StepFile &file, std::string_view name, DType dtype,
                                        uint64_t bytes) {
  const schema::Slot *slot = file.findSlot(name);
  if (!slot)
    return internalError(fmt::format("{} has no slot {}", file.name(), quoted(name)));
  if (slot->dtype() != dtype || slot->view()->bytes() != bytes)
    return internalError(fmt::format("slot {} of {} has {} bytes of {}, expected {} of {}",
                                     quoted(name), file.name(), slot->view()->bytes(),
                                     schema::EnumNameDType(slot->dtype()), bytes,
                                     schema::EnumNameDType(dtype)));
  return slot;
}
} // namespace

Status Device::writeSlot(std::string_view name, std::span<const float> values) {
  SWAMLA_TRY(const schema::Slot *slot, expectSlot(file(), name, DType::F32, values.size_bytes()));
  return upload(slot->view()->buffer(), slot->view()->offset(), std::as_bytes(values));
}

Status Device::writeSlot(std::string_view name, std::span<const int32_t> values) {
  SWAMLA_TRY(const schema::Slot *slot, expectSlot(file(), name, DType::I32, values.size_bytes()));
  return upload(slot->view()->buffer(), slot->view()->offset(), std::as_bytes(values));
}

Status Device::readSlot(std::string_view name, std::span<float> values) {
  SWAMLA_TRY(const schema::Slot *slot, expectSlot(file(), name, DType::F32, values.size_bytes()));
  return download(slot->view()->buffer(), slot->view()->offset(), std::as_writable_bytes(values));
}

} // namespace swamla
