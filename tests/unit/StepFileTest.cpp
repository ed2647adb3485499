//===- StepFileTest.cpp - loading and verifying step.bin ------------------===//
#include "runtime/base/File.h"
#include "runtime/schema/StepHeader.h"
#include "tests/unit/StepSample.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <unistd.h>

namespace swamla {
namespace {

using namespace test;
using schema::BufferKind;
using schema::View;

std::string errorOf(std::vector<std::byte> bytes) {
  auto file = StepFile::fromBytes(std::move(bytes), "step.bin");
  return file.isOk() ? "no error" : file.status().message();
}

//===----------------------------------------------------------------------===//
// Good files
//===----------------------------------------------------------------------===//

TEST(StepFile, LoadsTheSample) {
  auto file = loadStep(sampleStep());
  ASSERT_TRUE(file.isOk()) << file.status().message();
  EXPECT_EQ(file->name(), "step.bin");
  EXPECT_EQ(file->findProgram("apply"), 1U);
  EXPECT_EQ(file->findProgram("setup"), std::nullopt);
  EXPECT_EQ(file->findBuffer("grads"), 2U);
  EXPECT_EQ(file->findBuffer("momentum"), std::nullopt);
  EXPECT_EQ(file->findBuffer(BufferKind::State), 3U);
  EXPECT_EQ(file->findBuffer(BufferKind::Constants), std::nullopt);
  ASSERT_NE(file->findSlot("lr"), nullptr);
  EXPECT_EQ(file->findSlot("lr")->view()->buffer(), 5U);
  EXPECT_EQ(file->findSlot("beta"), nullptr);
}

TEST(StepFile, SurvivesAMove) {
  auto file = loadStep(sampleStep());
  ASSERT_TRUE(file.isOk());
  StepFile moved = *std::move(file);
  EXPECT_EQ(moved.step().model()->name()->str(), "sample");
}

TEST(StepFile, ChecksumIdentifiesTheContent) {
  schema::StepT other = sampleStep();
  other.producer = "another";
  auto a = loadStep(sampleStep()), b = loadStep(sampleStep()), c = loadStep(other);
  ASSERT_TRUE(a.isOk() && b.isOk() && c.isOk());
  EXPECT_EQ(a->checksum(), b->checksum());
  EXPECT_NE(a->checksum(), c->checksum());
}

TEST(StepFile, LoadsFromDisk) {
  std::string path =
      (std::filesystem::temp_directory_path() / fmt::format("swamla-step-{}.bin", ::getpid()))
          .string();
  ASSERT_TRUE(writeFileAtomically(path, fileOf(sampleStep())).isOk());
  auto file = StepFile::load(path);
  EXPECT_TRUE(file.isOk());
  std::filesystem::remove(path);
  auto missing = StepFile::load(path);
  ASSERT_FALSE(missing.isOk());
  EXPECT_EQ(missing.status().code(), StatusCode::NotFound);
  EXPECT_NE(missing.status().message().find(path), std::string::npos);
}

TEST(StepFile, ColumnRangesOfOneMatrixMayBeMatmulOperands) {
  schema::StepT step = emptyStep();
  // [8, 24] floats at 0: a is columns 0..7, c columns 8..15.
  auto op =
      makeMatmul(View(kArena, 0, 8 * 96), View(kParams, 0, 256), View(kArena, 32, 8 * 96), 8, 8, 8);
  op->kind.AsMatmul()->lda = 24;
  op->kind.AsMatmul()->ldc = 24;
  opsOf(step, "micro_step").push_back(std::move(op));
  auto file = loadStep(step);
  EXPECT_TRUE(file.isOk()) << file.status().message();
}

//===----------------------------------------------------------------------===//
// Damaged files
//===----------------------------------------------------------------------===//

struct HeaderCase {
  const char *name;
  std::function<void(std::vector<std::byte> &)> damage;
  const char *message;
};

/// Changes a field of the header in place.
template <typename T> auto setField(size_t offset, T value) {
  return
      [=](std::vector<std::byte> &bytes) { std::memcpy(bytes.data() + offset, &value, sizeof(T)); };
}
auto setStart(std::string_view text) {
  return
      [=](std::vector<std::byte> &bytes) { std::memcpy(bytes.data(), text.data(), text.size()); };
}

const std::vector<HeaderCase> &headerCases() {
  static const std::vector<HeaderCase> all = {
      {"Empty", [](auto &b) { b.clear(); }, "it ends after 0 bytes, inside the header of 64 bytes"},
      {"InsideMagic", [](auto &b) { b.resize(5); }, "it ends after 5 bytes, inside the header"},
      {"InsideHeader", [](auto &b) { b.resize(63); }, "it ends after 63 bytes, inside the header"},
      {"NoContent", [](auto &b) { b.resize(64); }, "it is truncated: the header announces"},
      {"OtherFormat",
       setStart("\x7f"
                "ELF\x02\x01\x01\n"),
       "not a step.bin: it begins with '\\x7fELF\\x02\\x01\\x01\\x0a', expected "
       "'SWAMLA\\x0d\\x0a'"},
      {"LineFeeds", setStart("SWAMLA\n\x01"), "its line endings were changed"},
      {"DoubledReturns", setStart("SWAMLA\r\r"), "its line endings were changed"},
      {"Version", setField<uint32_t>(8, 7),
       "its format is version 7, this program reads version 4"},
      {"HeaderSize", setField<uint32_t>(12, 128), "headerBytes is 128, expected 64"},
      {"Reserved", setField<uint8_t>(63, 1), "the reserved bytes 32 to 63 are not zero"},
      {"Truncated", [](auto &b) { b.pop_back(); }, "it is truncated: the header announces"},
      {"Appended", [](auto &b) { b.push_back(std::byte(0)); },
       "it is too long: the header announces"},
      {"HugeSize", setField<uint64_t>(16, UINT64_MAX), "announces 18446744073709551615 bytes"},
      {"Checksum", setField<uint64_t>(24, 1), "the header says 0000000000000001"},
      {"BitFlip", [](auto &b) { b[b.size() / 2] ^= std::byte(0x10); },
       "damaged: the content's checksum is"},
  };
  return all;
}

class StepHeaderTest : public testing::TestWithParam<HeaderCase> {};

TEST_P(StepHeaderTest, IsRefused) {
  std::vector<std::byte> bytes = fileOf(sampleStep());
  GetParam().damage(bytes);
  std::string error = errorOf(std::move(bytes));
  EXPECT_NE(error.find(GetParam().message), std::string::npos) << error;
  EXPECT_TRUE(error.starts_with("step.bin: ")) << error;
}

INSTANTIATE_TEST_SUITE_P(Damage, StepHeaderTest, testing::ValuesIn(headerCases()),
                         [](const auto &info) { return info.param.name; });

TEST(StepFile, EveryTruncationIsRefused) {
  std::vector<std::byte> whole = fileOf(sampleStep());
  for (size_t size = 0; size < whole.size(); ++size) {
    auto file = StepFile::fromBytes({whole.begin(), whole.begin() + long(size)}, "step.bin");
    ASSERT_FALSE(file.isOk()) << size;
  }
}

TEST(StepFile, EveryBitFlipIsRefused) {
  std::vector<std::byte> whole = fileOf(sampleStep());
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::vector<std::byte> bytes = whole;
    bytes[bit / 8] ^= std::byte(1U << bit % 8);
    ASSERT_FALSE(StepFile::fromBytes(std::move(bytes), "step.bin").isOk()) << bit;
  }
}

TEST(StepFile, ContentWithoutIdentifierIsRefused) {
  std::vector<std::byte> content = flatbufferOf(sampleStep());
  content[4] = std::byte('X');
  EXPECT_NE(errorOf(withHeader(content)).find("no identifier 'SWST' at byte 68"),
            std::string::npos);
  EXPECT_NE(errorOf(withHeader({})).find("no identifier"), std::string::npos);
}

TEST(StepFile, ContentThatIsNoFlatbufferIsRefused) {
  std::vector<std::byte> content = flatbufferOf(sampleStep());
  content.resize(content.size() / 2);
  EXPECT_NE(errorOf(withHeader(content)).find("not a well-formed flatbuffer"), std::string::npos);
}

} // namespace
} // namespace swamla
