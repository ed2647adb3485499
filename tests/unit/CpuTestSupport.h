//===- CpuTestSupport.h - loading and reading programs in tests -----------===//
#pragma once

#include "runtime/base/Philox.h"
#include "runtime/device/Device.h"
#include "tests/unit/StepSample.h"

#include <gtest/gtest.h>

namespace swamla::test {

/// A device with the program it runs.
struct Loaded {
  std::unique_ptr<StepFile> file;
  std::unique_ptr<Device> device;
};

inline Result<Loaded> load(const schema::StepT &step, DeviceOptions options = {.threads = 2}) {
  Loaded loaded;
  SWAMLA_TRY(StepFile file, loadStep(step));
  loaded.file = std::make_unique<StepFile>(std::move(file));
  SWAMLA_TRY(loaded.device, Device::create(*loaded.file, options));
  return loaded;
}

inline std::string loadError(const schema::StepT &step, DeviceOptions options = {.threads = 2}) {
  auto loaded = load(step, options);
  return loaded.isOk() ? "no error" : loaded.status().message();
}

template <typename T>
std::vector<T> read(Device &device, unsigned buffer, uint64_t offset, size_t count) {
  std::vector<T> values(count);
  EXPECT_TRUE(device.download(buffer, offset, std::as_writable_bytes(std::span(values))).isOk());
  return values;
}
inline void write(Device &device, unsigned buffer, uint64_t offset,
                  const std::vector<float> &values) {
  EXPECT_TRUE(device.upload(buffer, offset, std::as_bytes(std::span(values))).isOk());
}

inline std::vector<float> randomValues(const char *name, size_t count) {
  std::vector<float> values(count);
  RandomStream(1, name).fillNormal(values, 0, 1);
  return values;
}

} // namespace swamla::test
