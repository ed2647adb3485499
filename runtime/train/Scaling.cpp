//===- Scaling.cpp - the scales of fp8 programs ---------------------------===//

#include "runtime/train/Scaling.h"

#include "runtime/schema/Scaling.h"

#include <vector>

namespace swamla {

namespace {
struct ScalingBuffer {
  unsigned index;
  std::string name;
  uint64_t elements;
};
} // namespace

static std::vector<ScalingBuffer> scalingBuffers(const StepFile &file) {
  std::vector<ScalingBuffer> found;
  const auto &buffers = *file.step().buffers();
  for (unsigned i = 0; i < buffers.size(); ++i)
    if (buffers.Get(i)->kind() == schema::BufferKind::Scaling)
      found.push_back({i, buffers.Get(i)->name()->str(), buffers.Get(i)->bytes() / sizeof(float)});
  return found;
}

bool hasScaling(const StepFile &file) { return !scalingBuffers(file).empty(); }

Result<bool> wantsCalibration(Device &device) {
  if (!device.file().findProgram("calibrate"))
    return false;
  // Sites of gradients come last, and an entry of the history has all sites.
  const ScalingBuffer *scale = nullptr, *history = nullptr;
  std::vector<ScalingBuffer> buffers = scalingBuffers(device.file());
  for (const ScalingBuffer &buffer : buffers) {
    if (buffer.name == "scale")
      scale = &buffer;
    if (buffer.name == "amax_history")
      history = &buffer;
  }
  if (!scale || !history || scale->elements == 0 ||
      history->elements <= (scale->elements - 1) / kScaleStride)
    return dataCorrupt(fmt::format("{}: has a program 'calibrate', but no history of amaxes",
                                   device.file().name()));
  float last = 0;
  uint64_t lastSite = (scale->elements - 1) / kScaleStride;
  SWAMLA_RETURN_IF_ERROR(device.download(history->index, lastSite * sizeof(float),
                                         std::as_writable_bytes(std::span(&last, 1))));
  return last == 0;
}

Status calibrateScales(Device &device) {
  std::optional<unsigned> microStep = device.file().findProgram("micro_step");
  std::optional<unsigned> calibrate = device.file().findProgram("calibrate");
  if (!microStep || !calibrate)
    return internalError("calibrateScales: the program has nothing to calibrate");
  for (int round = 0; round < 2; ++round) {
    SWAMLA_RETURN_IF_ERROR(device.run(*microStep));
    SWAMLA_RETURN_IF_ERROR(device.run(*calibrate));
  }
  return Status::ok();
}

Result<FileDigest> saveScaling(Device &device, const std::string &path) {
  std::vector<ScalingBuffer> buffers = scalingBuffers(device.file());
  std::vector<TensorInfo> infos;
  for (const ScalingBuffer &buffer : buffers) {
    TensorInfo info;
    info.name = buffer.name;
    info.shape = {buffer.elements};
    infos.push_back(info);
  }
  SWAMLA_TRY(SafetensorsWriter writer, SafetensorsWriter::create(path, infos, {}));
  std::vector<std::byte> bytes;
  for (const ScalingBuffer &buffer : buffers) {
    bytes.resize(buffer.elements * sizeof(float));
    SWAMLA_RETURN_IF_ERROR(device.download(buffer.index, 0, bytes));
    SWAMLA_RETURN_IF_ERROR(writer.append(bytes));
  }
  return writer.finish();
}

Result<bool> loadScaling(Device &device, const SafetensorsFile &file) {
  std::vector<ScalingBuffer> buffers = scalingBuffers(device.file());
  bool same = buffers.size() == file.tensors().size();
  for (const ScalingBuffer &buffer : buffers) {
    const TensorInfo *info = file.find(buffer.name);
    same &= info && info->type == TensorType::F32 && info->elements == buffer.elements;
  }
  if (!same)
    return false;
  for (const ScalingBuffer &buffer : buffers)
    SWAMLA_RETURN_IF_ERROR(device.upload(buffer.index, 0, file.data(*file.find(buffer.name))));
  std::optional<unsigned> recast = device.file().findProgram("recast");
  if (recast)
    SWAMLA_RETURN_IF_ERROR(device.run(*recast));
  return true;
}

} // namespace swamla
