//===- SafetensorsTest.cpp - reading and writing named tensors ------------===//
#include "runtime/train/Safetensors.h"

#include "runtime/base/Hash.h"
#include "tests/unit/TrainTestSupport.h"

#include <cmath>
#include <cstring>

namespace swamla {
namespace {

using test::failedWith;
using test::succeeded;

/// A file from header text and data.
std::string fileOf(std::string_view header, std::string_view data) {
  uint64_t length = header.size();
  std::string bytes(reinterpret_cast<const char *>(&length), sizeof(length));
  return bytes.append(header).append(data);
}

/// Parses bytes, which stay until the next call: the result refers to them.
Result<SafetensorsFile> parse(std::string bytes) {
  static std::string kept;
  kept = std::move(bytes);
  return SafetensorsFile::fromBytes(std::as_bytes(std::span(kept)), "t.safetensors");
}

template <typename T> std::span<const std::byte> bytesOf(const std::vector<T> &values) {
  return std::as_bytes(std::span(values));
}

class SafetensorsTest : public test::FolderTest {};

TEST_F(SafetensorsTest, WritesAndReads) {
  std::vector<float> a = {1, 2, 3, 4, 5, 6};
  std::vector<int32_t> b = {-7, 8};
  auto writer = SafetensorsWriter::create(path("x"),
                                          {{"a", TensorType::F32, {2, 3}, 0, 0},
                                           {"b/\"quoted\"", TensorType::I32, {2}, 0, 0},
                                           {"none", TensorType::BF16, {0, 5}, 0, 0}},
                                          {{"key", "value"}});
  ASSERT_TRUE(succeeded(writer));
  // Pieces need not end where tensors do.
  ASSERT_TRUE(succeeded(writer->append(bytesOf(a).first(7))));
  ASSERT_TRUE(succeeded(writer->append(bytesOf(a).subspan(7))));
  EXPECT_FALSE(std::filesystem::exists(path("x"))) << "not before it is complete";
  ASSERT_TRUE(succeeded(writer->append(bytesOf(b))));
  auto digest = writer->finish();
  ASSERT_TRUE(succeeded(digest));
  std::string written = read(path("x"));
  EXPECT_EQ(digest->bytes, written.size());
  EXPECT_EQ(digest->checksum, hash64(written));

  auto file = SafetensorsFile::open(path("x"));
  ASSERT_TRUE(succeeded(file));
  ASSERT_EQ(file->tensors().size(), 3U);
  EXPECT_EQ(file->metadata().at("key"), "value");
  const TensorInfo *info = file->find("a");
  ASSERT_TRUE(info);
  EXPECT_EQ(shapeToString(info->shape), "[2, 3]");
  std::vector<float> floats(6);
  ASSERT_TRUE(succeeded(file->read(*info, floats)));
  EXPECT_EQ(floats, a);
  std::vector<int32_t> ints(2);
  ASSERT_TRUE(succeeded(file->read(*file->find("b/\"quoted\""), ints)));
  EXPECT_EQ(ints, b);
  EXPECT_EQ(file->find("none")->elements, 0U);
  EXPECT_EQ(file->find("c"), nullptr);
}

TEST_F(SafetensorsTest, UnfinishedWriterLeavesNothing) {
  {
    auto writer = SafetensorsWriter::create(path("x"), {{"a", TensorType::F32, {2}, 0, 0}}, {});
    ASSERT_TRUE(succeeded(writer));
    EXPECT_TRUE(failedWith(writer->finish(), StatusCode::Internal, {"0 bytes", "need 8"}));
    std::vector<float> tooMany(3);
    EXPECT_TRUE(failedWith(writer->append(bytesOf(tooMany)), StatusCode::Internal, {"more than"}));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(SafetensorsTest, ConvertsTypes) {
  std::string data(8 + 8 + 2 + 2, '\0');
  double d = 1.5;
  int64_t i = -3;
  uint16_t bf[2] = {0x3FC0, 0xFF80}; // 1.5, -inf
  std::memcpy(data.data(), &d, 8);
  std::memcpy(data.data() + 8, &i, 8);
  std::memcpy(data.data() + 16, bf, 4);
  auto file = parse(fileOf(R"({"d":{"dtype":"F64","shape":[],"data_offsets":[0,8]},
    "i":{"dtype":"I64","shape":[1],"data_offsets":[8,16]},
    "b":{"dtype":"BF16","shape":[2],"data_offsets":[16,20]}})",
                           data));
  ASSERT_TRUE(succeeded(file));
  float one = 0;
  ASSERT_TRUE(succeeded(file->read(*file->find("d"), std::span(&one, 1))));
  EXPECT_EQ(one, 1.5F);
  std::vector<float> two(2);
  ASSERT_TRUE(succeeded(file->read(*file->find("b"), two)));
  EXPECT_EQ(two[0], 1.5F);
  EXPECT_EQ(two[1], -INFINITY);
  int32_t integer = 0;
  ASSERT_TRUE(succeeded(file->read(*file->find("i"), std::span(&integer, 1))));
  EXPECT_EQ(integer, -3);
  EXPECT_TRUE(failedWith(file->read(*file->find("i"), std::span(&one, 1)),
                         StatusCode::InvalidArgument, {"'i' has type I64", "F32"}));
  EXPECT_TRUE(failedWith(file->read(*file->find("d"), std::span(&integer, 1)),
                         StatusCode::InvalidArgument, {"'d' has type F64", "I32"}));
}

TEST_F(SafetensorsTest, LargeIntegersDoNotFit) {
  int64_t i = int64_t{1} << 40;
  auto file = parse(fileOf(R"({"i":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})",
                           {reinterpret_cast<const char *>(&i), 8}));
  ASSERT_TRUE(succeeded(file));
  int32_t out = 0;
  EXPECT_TRUE(failedWith(file->read(*file->find("i"), std::span(&out, 1)),
                         StatusCode::InvalidArgument, {"'i'", "do not fit"}));
}

TEST_F(SafetensorsTest, ScalarShapes) {
  std::vector<uint64_t> none, one = {1}, two = {2}, matrix = {1, 1};
  EXPECT_TRUE(sameShape(none, one));
  EXPECT_TRUE(sameShape(one, none));
  EXPECT_TRUE(sameShape(two, two));
  EXPECT_FALSE(sameShape(none, two));
  EXPECT_FALSE(sameShape(none, matrix));
}

struct BadCase {
  const char *name;
  std::string bytes;
  std::vector<std::string_view> parts;
};

class BadSafetensorsTest : public testing::TestWithParam<BadCase> {};

TEST_P(BadSafetensorsTest, IsRefused) {
  auto file = parse(GetParam().bytes);
  ASSERT_FALSE(file.isOk());
  EXPECT_EQ(file.status().code(), StatusCode::DataCorrupt);
  EXPECT_EQ(file.status().message().rfind("t.safetensors", 0), 0U) << file.status().message();
  for (std::string_view part : GetParam().parts)
    EXPECT_NE(file.status().message().find(part), std::string::npos)
        << "no \"" << part << "\" in: " << file.status().message();
}

/// A header with one tensor of these members, and 8 bytes of data.
std::string oneTensor(std::string_view members) {
  return fileOf(fmt::format(R"({{"w":{{{}}}}})", members), "12345678");
}

std::vector<BadCase> badCases() {
  std::string hugeLength(16, '\xff');
  std::string overHeader = fileOf("{}", "");
  overHeader[3] = 0x10; // 256 MiB of header
  std::string deep(100, '[');
  return {
      {"Empty", "", {"0 bytes", "at least 8"}},
      {"Short", "1234567", {"7 bytes"}},
      {"HugeLength", hugeLength, {"only 8 follow"}},
      {"CutHeader", fileOf("{\"a\":1}", "").substr(0, 12), {"only 4 follow"}},
      {"NotJson", fileOf("hello", ""), {"not valid JSON", "line 1"}},
      {"NotUtf8", fileOf("{\"\xff\":1}", ""), {"not valid JSON"}},
      {"TrailingText", fileOf("{} x", ""), {"not valid JSON"}},
      {"NotObject", fileOf("[]", ""), {"not a JSON object"}},
      {"Deep", fileOf(deep, ""), {"nested deeper"}},
      {"DuplicateName",
       fileOf(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
              R"("w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
              "12345678"),
       {"\"w\" occurs twice"}},
      {"EntryNotObject", fileOf(R"({"w":3})", ""), {"'w'", "expected an object"}},
      {"NoType", oneTensor(R"("shape":[2],"data_offsets":[0,8])"), {"'w'", "dtype is missing"}},
      {"UnknownType",
       oneTensor(R"("dtype":"F8","shape":[2],"data_offsets":[0,8])"),
       {"'w'", "dtype is 'F8'", "expected F32"}},
      {"UnknownKey",
       oneTensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1)"),
       {"'w'", "unknown key 'x'"}},
      {"NoShape", oneTensor(R"("dtype":"F32","data_offsets":[0,8])"), {"'w'", "shape is missing"}},
      {"NegativeSize",
       oneTensor(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"),
       {"'w'", "not a non-negative integer"}},
      {"FractionalSize",
       oneTensor(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])"),
       {"'w'", "not a non-negative integer"}},
      {"ShapeOverflow",
       oneTensor(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8])"),
       {"'w'", "too large"}},
      {"ShapeOverflowBesideZero",
       oneTensor(R"("dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0])"),
       {"'w'", "too large"}},
      {"TooManyDims",
       oneTensor(
           R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,4])"),
       {"'w'", "at most 16"}},
      {"NoOffsets", oneTensor(R"("dtype":"F32","shape":[2])"), {"'w'", "data_offsets is missing"}},
      {"ReversedOffsets",
       oneTensor(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"),
       {"'w'", "[8, 0]"}},
      {"OffsetsBeyondEnd",
       oneTensor(R"("dtype":"F32","shape":[3],"data_offsets":[0,12])"),
       {"'w'", "[0, 12]", "has 8 bytes"}},
      {"WrongLength",
       oneTensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,8])"),
       {"'w'", "span 8 bytes", "expected 4", "F32 [1]"}},
      {"DataLeftOver",
       oneTensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"),
       {"end at byte 4", "has 8 bytes"}},
      {"Gap",
       oneTensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])"),
       {"'w' starts at byte 4", "expected 0", "gap"}},
      {"Overlap",
       fileOf(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
              R"("v":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
              "12345678"),
       {"'v' starts at byte 4", "expected 8", "overlaps"}},
      {"SameData",
       fileOf(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
              R"("v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
              "12345678"),
       {"overlaps"}},
      {"MetadataNotObject", fileOf(R"({"__metadata__":[]})", ""), {"__metadata__"}},
      {"MetadataNotText", fileOf(R"({"__metadata__":{"a":1}})", ""), {"'a'", "expected a string"}},
      {"HeaderTooLong", overHeader, {"only 2 follow"}},
  };
}

INSTANTIATE_TEST_SUITE_P(Files, BadSafetensorsTest, testing::ValuesIn(badCases()),
                         [](const auto &info) { return info.param.name; });

TEST_F(SafetensorsTest, EveryTruncationIsRefused) {
  std::string whole =
      fileOf(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "12345678");
  ASSERT_TRUE(succeeded(parse(whole)));
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_TRUE(
        failedWith(parse(whole.substr(0, length)), StatusCode::DataCorrupt, {"t.safetensors"}))
        << "cut to " << length;
}

TEST_F(SafetensorsTest, MissingFile) {
  EXPECT_TRUE(
      failedWith(SafetensorsFile::open(path("none")), StatusCode::NotFound, {path("none")}));
}

} // namespace
} // namespace swamla
