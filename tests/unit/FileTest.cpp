//===- FileTest.cpp - reading and writing files ---------------------------===//
#include "runtime/base/File.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace swamla {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
protected:
  void SetUp() override {
    folder = fs::temp_directory_path() / fmt::format("swamla-file-{}", ::getpid());
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  std::string path(const char *name) const { return (folder / name).string(); }
  static std::string textOf(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
  }

  fs::path folder;
};

TEST_F(FileTest, WritesAndReads) {
  ASSERT_TRUE(writeFileAtomically(path("a"), "hello").isOk());
  auto bytes = readFile(path("a"), 5);
  ASSERT_TRUE(bytes.isOk());
  EXPECT_EQ(textOf(*bytes), "hello");
  EXPECT_FALSE(fs::exists(path("a.tmp")));
}

TEST_F(FileTest, ReplacesTheWholeContent) {
  ASSERT_TRUE(writeFileAtomically(path("a"), "a long first content").isOk());
  ASSERT_TRUE(writeFileAtomically(path("a"), "short").isOk());
  EXPECT_EQ(fs::file_size(path("a")), 5U);
}

TEST_F(FileTest, FailedReplacementKeepsTheOldContent) {
  fs::create_directory(path("a"));
  std::ofstream(path("a") + "/inside") << "x";
  Status status = writeFileAtomically(path("a"), "new");
  ASSERT_FALSE(status.isOk());
  EXPECT_NE(status.message().find("cannot rename '" + path("a.tmp")), std::string::npos)
      << status.message();
  EXPECT_FALSE(fs::exists(path("a.tmp")));
  EXPECT_TRUE(fs::exists(path("a") + "/inside"));
}

TEST_F(FileTest, RefusesFilesThatAreTooLarge) {
  ASSERT_TRUE(writeFileAtomically(path("a"), "123456").isOk());
  auto bytes = readFile(path("a"), 5);
  ASSERT_FALSE(bytes.isOk());
  EXPECT_EQ(bytes.status().code(), StatusCode::DataCorrupt);
  EXPECT_NE(bytes.status().message().find("has 6 bytes; at most 5"), std::string::npos);
}

TEST_F(FileTest, NamesMissingFilesAndFolders) {
  EXPECT_EQ(readFile(path("none"), 10).status().code(), StatusCode::NotFound);
  EXPECT_EQ(MappedFile::open(path("none")).status().code(), StatusCode::NotFound);
  EXPECT_EQ(FileWriter::create(path("no/folder")).status().code(), StatusCode::NotFound);
  EXPECT_EQ(syncDirectory(path("none")).code(), StatusCode::NotFound);
  EXPECT_EQ(renameDurably(path("none"), path("b")).code(), StatusCode::NotFound);
  auto folderAsFile = readFile(folder.string(), 10);
  ASSERT_FALSE(folderAsFile.isOk());
  EXPECT_NE(folderAsFile.status().message().find("is not a regular file"), std::string::npos);
}

TEST_F(FileTest, MapsFiles) {
  ASSERT_TRUE(writeFileAtomically(path("a"), "mapped").isOk());
  auto file = MappedFile::open(path("a"));
  ASSERT_TRUE(file.isOk());
  MappedFile moved = *std::move(file);
  EXPECT_EQ(textOf(moved.bytes()), "mapped");
  EXPECT_EQ(moved.path(), path("a"));
  ASSERT_TRUE(writeFileAtomically(path("empty"), "").isOk());
  auto empty = MappedFile::open(path("empty"));
  ASSERT_TRUE(empty.isOk());
  EXPECT_TRUE(empty->bytes().empty());
}

TEST_F(FileTest, WriterCountsAndAppends) {
  auto writer = FileWriter::create(path("w"));
  ASSERT_TRUE(writer.isOk());
  ASSERT_TRUE(writer->append("abc").isOk());
  ASSERT_TRUE(writer->append("").isOk());
  FileWriter moved = *std::move(writer);
  ASSERT_TRUE(moved.append("def").isOk());
  EXPECT_EQ(moved.bytesWritten(), 6U);
  ASSERT_TRUE(moved.finish().isOk());
  EXPECT_EQ(textOf(*readFile(path("w"), 100)), "abcdef");
}

TEST_F(FileTest, FullDiskIsSaid) {
  auto writer = FileWriter::create("/dev/full");
  ASSERT_TRUE(writer.isOk());
  Status status = writer->append("x");
  ASSERT_FALSE(status.isOk());
  EXPECT_EQ(status.code(), StatusCode::ResourceExhausted);
  EXPECT_EQ(status.message(), "cannot write '/dev/full': No space left on device");
}

TEST_F(FileTest, RenamesFoldersDurably) {
  fs::create_directory(path("aside"));
  ASSERT_TRUE(writeFileAtomically(path("aside") + "/x", "1").isOk());
  ASSERT_TRUE(renameDurably(path("aside"), path("final") + "/").isOk());
  EXPECT_TRUE(fs::exists(path("final") + "/x"));
}

} // namespace
} // namespace swamla
