//===- TrainTestSupport.h - what the training tests share -----------------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/device/Device.h"
#include "runtime/train/ParamTable.h"
#include "tests/unit/StepSample.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <unistd.h>
#include <vector>

namespace swamla::test {

/// `status.isOk()`, with the message when it is not.
inline testing::AssertionResult succeeded(const Status &status) {
  return status.isOk() ? testing::AssertionSuccess()
                       : testing::AssertionFailure() << status.message();
}
template <typename T> testing::AssertionResult succeeded(const Result<T> &result) {
  return succeeded(result.status());
}
/// A failure of this kind whose message has all of these parts.
inline testing::AssertionResult failedWith(const Status &status, StatusCode code,
                                           std::initializer_list<std::string_view> parts) {
  if (status.isOk())
    return testing::AssertionFailure() << "succeeded";
  if (status.code() != code)
    return testing::AssertionFailure()
           << "code " << static_cast<int>(status.code()) << ": " << status.message();
  for (std::string_view part : parts)
    if (status.message().find(part) == std::string::npos)
      return testing::AssertionFailure() << "no \"" << part << "\" in: " << status.message();
  return testing::AssertionSuccess();
}
template <typename T>
testing::AssertionResult failedWith(const Result<T> &result, StatusCode code,
                                    std::initializer_list<std::string_view> parts) {
  return failedWith(result.status(), code, parts);
}

/// A folder of its own for each test, removed afterwards.
class FolderTest : public testing::Test {
protected:
  void SetUp() override {
    const auto *info = testing::UnitTest::GetInstance()->current_test_info();
    folder = std::filesystem::temp_directory_path() /
             fmt::format("swamla-{}-{}-{}", info->test_suite_name(), info->name(), ::getpid());
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::string path(const std::string &name) const { return (folder / name).string(); }
  std::string write(const std::string &name, std::string_view content) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
  }
  static std::string read(const std::string &file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::filesystem::path folder;
};

/// A token shard. `count` < 0: as many as there are tokens.
std::string shardBytes(const std::vector<uint16_t> &tokens, int32_t magic = 20240520,
                       int32_t version = 1, int32_t count = -1);

/// A program for BigramDevice: vocabulary 16, T = 4, B = 2, parameters wte.weight [16, 16] and
/// gain [] (a scalar, as the oracle's DyT alpha), AdamW.
schema::StepT bigramStep();

/// A device that trains a model by hand: the logits of the token after t are gain * wte.weight[t].
/// Its programs do what compiled ones would, in double loops over the same buffers and slots.
class BigramDevice final : public Device {
public:
  explicit BigramDevice(const StepFile &file);

  Status upload(unsigned buffer, uint64_t offset, std::span<const std::byte> data) override;
  Status download(unsigned buffer, uint64_t offset, std::span<std::byte> data) override;
  Status run(unsigned program) override;
  /// Its programs have no ops.
  Status runOp(unsigned program, unsigned op) override {
    return internalError(fmt::format("there is no op {} of program {}", op, program));
  }
  Status wait() override { return Status::ok(); }
  std::string hardware() const override { return "bigram"; }
  std::string describe() const override { return "bigram by hand"; }
  uint64_t allocatedBytes() const override;
  Result<double> measureCopy() override { return 1e10; }
  std::vector<OpProfile> profile() const override { return {}; }

  std::vector<float> params() const;
  std::span<float> floats(unsigned buffer);
  float scalar(std::string_view slot) const;
  /// Called before each program; for tests that look or interfere.
  std::function<void(std::string_view program)> beforeRun;

private:
  template <typename T> std::span<T> slot(std::string_view name);
  double forward(std::span<const int32_t> tokens, std::span<const int32_t> targets, bool backward);
  void apply();

  std::vector<std::vector<std::byte>> memory;
};

/// A test with a BigramDevice and its tables.
class BigramTest : public FolderTest {
protected:
  void SetUp() override {
    FolderTest::SetUp();
    auto loaded = loadStep(bigramStep());
    ASSERT_TRUE(succeeded(loaded));
    file = std::make_unique<StepFile>(*std::move(loaded));
    auto created = ParamTable::create(*file);
    ASSERT_TRUE(succeeded(created));
    table = std::make_unique<ParamTable>(*std::move(created));
    newDevice();
  }
  /// A device whose buffers are zero.
  void newDevice() { device = std::make_unique<BigramDevice>(*file); }
  /// Gives every parameter and state value a number of its own.
  static void fill(BigramDevice &device, float base) {
    for (unsigned buffer : {unsigned{kParams}, unsigned{kState}, kResults + 1U}) {
      float value = base + 1000.0F * static_cast<float>(buffer);
      for (float &x : device.floats(buffer).first(257))
        x = value++;
    }
  }

  std::unique_ptr<StepFile> file;
  std::unique_ptr<ParamTable> table;
  std::unique_ptr<BigramDevice> device;
};

} // namespace swamla::test
