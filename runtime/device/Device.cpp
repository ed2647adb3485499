//===- Device.cpp - slots over upload and download ------------------------===//
#include "runtime/device/Device.h"

#include "runtime/base/Format.h"
#include "runtime/schema/DTypes.h"

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
std::string describeMatmul(const schema::Matmul &matmul) {
  std::string text = fmt::format("matmul {}{} {}x{}x{} {}", matmul.transpose_a() ? 't' : 'n',
                                 matmul.transpose_b() ? 't' : 'n', matmul.m(), matmul.n(),
                                 matmul.k(), matmul.tf32() ? "tf32" : dtypeName(matmul.a_type()));
  if (matmul.b_type() != matmul.a_type())
    text += fmt::format("*{}", dtypeName(matmul.b_type()));
  if (matmul.c_type() != matmul.a_type())
    text += fmt::format("->{}", dtypeName(matmul.c_type()));
  return text + (matmul.accumulate() ? " +" : "");
}
} // namespace

OpProfile profileOf(const schema::Step &step, const schema::Program &program,
                    const schema::Op &op) {
  OpProfile profile;
  profile.program = program.name()->str();
  profile.label = op.label()->str();
  profile.flops = op.flops();
  profile.bytes = op.bytes();
  if (const schema::Launch *launch = op.kind_as_Launch())
    profile.kernel = step.kernels()->Get(launch->kernel())->name()->str();
  else if (const schema::Matmul *matmul = op.kind_as_Matmul())
    profile.kernel = describeMatmul(*matmul);
  else if (const schema::Collective *collective = op.kind_as_Collective())
    profile.kernel = schema::EnumNameCollectiveKind(collective->kind());
  else
    profile.kernel = op.kind_as_CollectiveWait() ? "wait" : "fill";
  profile.isMatmul = op.kind_as_Matmul() != nullptr;
  return profile;
}

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
