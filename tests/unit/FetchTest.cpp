//===- FetchTest.cpp - the parts of fetching that need no network ---------===//
#include "runtime/base/Log.h"
#include "runtime/fetch/DataSet.h"
#include "runtime/fetch/Download.h"
#include "runtime/fetch/FetchProgress.h"
#include "runtime/fetch/HttpAnswer.h"
#include "runtime/fetch/PartFile.h"
#include "runtime/fetch/Sha256.h"
#include "runtime/fetch/ShardStore.h"
#include "tests/unit/TrainTestSupport.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

namespace swamla {
namespace {

using test::failedWith;
using test::succeeded;

HttpAnswer parse(std::initializer_list<std::string_view> lines) {
  HttpAnswerParser parser;
  for (std::string_view line : lines)
    parser.line(line);
  return parser.answer();
}

TEST(HttpAnswerTest, Headers) {
  HttpAnswer answer = parse({"HTTP/1.1 206 Partial Content\r\n", "content-LENGTH:  12 \r\n",
                             "Content-Range: bytes 3-14/15\r\n", "ETag: W/\"a-b\"\r\n",
                             "X-Linked-Etag: \"c\"\r\n", "X-Linked-Size: 15\r\n", "\r\n"});
  EXPECT_EQ(answer.status, 206);
  EXPECT_EQ(answer.length, 12U);
  ASSERT_TRUE(answer.range);
  EXPECT_EQ(answer.range->first, 3U);
  EXPECT_EQ(answer.range->last, 14U);
  EXPECT_EQ(answer.range->total, 15U);
  EXPECT_EQ(answer.etag, "W/\"a-b\"");
  EXPECT_FALSE(isStrongEtag(answer.etag));
  EXPECT_EQ(answer.linkedEtag, "\"c\"");
  EXPECT_TRUE(isStrongEtag(answer.linkedEtag));
  EXPECT_EQ(answer.linkedSize, 15U);
}

TEST(HttpAnswerTest, EachStatusLineBeginsAnew) {
  HttpAnswer answer = parse({"HTTP/1.1 100 Continue", "ETag: \"a\"", "", "HTTP/2 200"});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.etag, "");
}

TEST(HttpAnswerTest, WhatIsMalformedIsLeftOut) {
  for (const char *range : {"", "bytes", "bytes 5-3/9", "bytes 0-9/9", "bytes -1-4/9", "bytes 1-/9",
                            "octets 0-1/2", "bytes 0-1/x", "bytes 0-18446744073709551616/*"})
    EXPECT_FALSE(parse({"HTTP/1.1 206", fmt::format("Content-Range: {}", range)}).range) << range;
  EXPECT_TRUE(parse({"HTTP/1.1 206", "Content-Range: bytes 0-1/*"}).range);
  for (const char *tag : {"a", "\"", "\"a", "\"a\"b\"", "\"a\r\nX: y\"", "\"a b\"", "W/a"})
    EXPECT_EQ(parse({"HTTP/1.1 200", fmt::format("ETag: {}", tag)}).etag, "") << tag;
  EXPECT_EQ(parse({"HTTP/1.1 200", "ETag: \"" + std::string(300, 'a') + "\""}).etag, "");
  for (const char *length : {"-1", "1 2", "x", "18446744073709551616"})
    EXPECT_FALSE(parse({"HTTP/1.1 200", fmt::format("Content-Length: {}", length)}).length);
  for (const char *status : {"HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 ab", "HTTP/"})
    EXPECT_EQ(parse({status}).status, 0) << status;
}

TEST(HttpAnswerTest, WhatBodiesAreGoodFor) {
  Asked all, rest{100, {"\"a\"", 150}, {}};
  HttpAnswer whole = parse({"HTTP/1.1 200", "Content-Length: 150", "ETag: \"b\""});
  BodyUse use = judgeAnswer(whole, all);
  EXPECT_EQ(use.kind, BodyUse::StartOver);
  EXPECT_EQ(use.whole.etag, "\"b\"");
  EXPECT_EQ(use.whole.bytes, 150U);
  EXPECT_EQ(judgeAnswer(whole, rest).kind, BodyUse::StartOver);

  HttpAnswer part = parse({"HTTP/1.1 206", "Content-Range: bytes 100-149/150", "ETag: \"a\""});
  use = judgeAnswer(part, rest);
  EXPECT_EQ(use.kind, BodyUse::Append);
  EXPECT_EQ(use.whole.etag, "\"a\"");
  EXPECT_EQ(judgeAnswer(part, all).kind, BodyUse::Refuse); // all was asked for
  part.etag = "\"b\"";
  use = judgeAnswer(part, rest);
  EXPECT_EQ(use.kind, BodyUse::Drop);
  EXPECT_TRUE(use.retry);
  // Under the hub's own name for the content another server's tag means nothing.
  EXPECT_EQ(judgeAnswer(part, {100, {"\"x\"", 150}, {"\"x\"", 150}}).kind, BodyUse::Append);

  EXPECT_EQ(judgeAnswer(parse({"HTTP/1.1 416"}), rest).kind, BodyUse::Drop);
  for (int status : {408, 425, 429, 500, 502, 503, 504}) {
    use = judgeAnswer(parse({fmt::format("HTTP/1.1 {}", status)}), rest);
    EXPECT_EQ(use.kind, BodyUse::Refuse);
    EXPECT_TRUE(use.retry) << status;
  }
  for (int status : {0, 204, 400, 401, 403, 404, 410, 501})
    EXPECT_FALSE(judgeAnswer(parse({fmt::format("HTTP/1.1 {}", status)}), rest).retry) << status;
}

TEST(Sha256Test, KnownHashes) {
  auto hash = [](std::initializer_list<std::string> pieces) {
    Sha256 sha;
    for (const std::string &piece : pieces)
      sha.add(std::as_bytes(std::span(piece)));
    return sha.finish();
  };
  // The examples of FIPS 180-4.
  EXPECT_EQ(hash({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash({"abc"}), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash({"abcdbcdecdefdefgefghfghighijhi", "jkijkljklmklmnlmnomnopnopq"}),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hash({std::string(1'000'000, 'a')}),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  // However it is cut.
  std::string text(200, 'x');
  for (size_t size = 0; size <= text.size(); ++size)
    EXPECT_EQ(hash({text.substr(0, size), text.substr(size)}), hash({text})) << size;
}

TEST(DownloadTest, DelaysDoubleUpToTheLongest) {
  DownloadPolicy policy;
  EXPECT_DOUBLE_EQ(retryDelay(policy, 0, 0), 0.5);
  EXPECT_DOUBLE_EQ(retryDelay(policy, 0, 1), 0.25);
  EXPECT_DOUBLE_EQ(retryDelay(policy, 3, 0), 4);
  EXPECT_DOUBLE_EQ(retryDelay(policy, 3, 0.5), 3);
  EXPECT_DOUBLE_EQ(retryDelay(policy, 7, 0), 60);
  EXPECT_DOUBLE_EQ(retryDelay(policy, 4000, 1), 30);
}

TEST(FetchProgressTest, Line) {
  EXPECT_EQ(progressLine("a.bin", 1 << 20, 3 << 20, 5 << 20, 2),
            "a.bin: 3.00 MiB of 5.00 MiB | 1.00 MiB/s | 0:02 left");
  EXPECT_EQ(progressLine("a.bin", 0, 3 << 20, std::nullopt, 2), "a.bin: 3.00 MiB | 1.50 MiB/s");
  EXPECT_EQ(progressLine("a.bin", 0, 1024, uint64_t{121} * 1024, 1),
            "a.bin: 1.00 KiB of 121.00 KiB | 1.00 KiB/s | 2:00 left");
  EXPECT_EQ(progressLine("a.bin", 0, 0, 1024, 3), "a.bin: 0 B of 1.00 KiB | 0 B/s");
}

TEST(FetchProgressTest, LinesOnlyForWhoWaits) {
  std::vector<std::string> lines;
  setLogSink([&](LogLevel, std::string_view text) { lines.emplace_back(text); });
  bool watched = false;
  {
    FetchProgress progress("a.bin", {false, 0, [&] { return watched; }, [] { return false; }});
    progress.progress(1024, 4096);
    EXPECT_TRUE(lines.empty());
    watched = true;
    progress.progress(2048, 4096);
    progress.note("503; again in 0.5 s");
    progress.progress(0, 4096); // dropped
    progress.progress(4096, 4096);
    progress.done();
  }
  setLogSink({});
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0].find("a.bin: 2.00 KiB of 4.00 KiB | "), 0U) << lines[0];
  EXPECT_EQ(lines[1], "a.bin: 503; again in 0.5 s");
  EXPECT_EQ(lines[2].find("a.bin: 0 B of 4.00 KiB | 0 B/s"), 0U) << lines[2];
  EXPECT_EQ(lines[4].find("a.bin: 4.00 KiB are there, "), 0U) << lines[4];
}

TEST(DataSetTest, NamesOfFiles) {
  const DataSet *set = findDataSet("fineweb-edu");
  ASSERT_TRUE(set);
  EXPECT_EQ(set->trainFile(7), "finewebedu_train_000007.bin");
  EXPECT_EQ(set->valFile(), "finewebedu_val_000000.bin");
  EXPECT_EQ((Hub{"https://h", ""}.urlOf(*set, "x.bin")),
            "https://h/datasets/kjj0/finewebedu10B-gpt2/resolve/main/x.bin");
  EXPECT_FALSE(findDataSet("fine"));
  EXPECT_EQ(dataSetNames(), "fineweb, fineweb-edu");
}

class PartFileTest : public test::FolderTest {
protected:
  static std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
  }
};

TEST_F(PartFileTest, GoesOnWithItsVersion) {
  {
    auto part = PartFile::lock(path("x.bin"));
    ASSERT_TRUE(succeeded(part));
    ASSERT_TRUE(*part);
    EXPECT_EQ((*part)->size(), 0U);
    auto second = PartFile::lock(path("x.bin"));
    ASSERT_TRUE(succeeded(second));
    EXPECT_FALSE(*second) << "the lock is taken";
    ASSERT_TRUE(succeeded((*part)->setVersion({"\"v\"", 10})));
    ASSERT_TRUE(succeeded((*part)->append(bytes("abc"))));
  }
  auto part = PartFile::lock(path("x.bin"));
  ASSERT_TRUE(succeeded(part));
  ASSERT_TRUE(*part);
  EXPECT_EQ((*part)->size(), 3U);
  EXPECT_EQ((*part)->version().etag, "\"v\"");
  EXPECT_EQ((*part)->version().bytes, 10U);
  auto head = (*part)->head(100);
  ASSERT_TRUE(succeeded(head));
  EXPECT_EQ(head->size(), 3U);
  ASSERT_TRUE(succeeded((*part)->append(bytes("defghij"))));
  ASSERT_TRUE(succeeded((*part)->finish()));
  EXPECT_EQ(read(path("x.bin")), "abcdefghij");
}

TEST_F(PartFileTest, WhatIsOfNoVersionIsEmptied) {
  write(".x.bin.part", "abc");
  auto part = PartFile::lock(path("x.bin"));
  ASSERT_TRUE(succeeded(part));
  EXPECT_EQ((*part)->size(), 0U);
}

TEST_F(PartFileTest, WhoWaitedFindsTheNewFile) {
  auto first = PartFile::lock(path("x.bin"));
  ASSERT_TRUE(succeeded(first));
  ASSERT_TRUE(succeeded((*first)->finish()));
  // The lock is still held, on what is now x.bin: it is not the part any more.
  auto second = PartFile::lock(path("x.bin"));
  ASSERT_TRUE(succeeded(second));
  EXPECT_TRUE(*second);
}

class ShardStoreTest : public test::FolderTest {
protected:
  void SetUp() override {
    FolderTest::SetUp();
    ::setenv("SWAMLA_DATA", folder.c_str(), 1);
    ::setenv("HF_ENDPOINT", "http://127.0.0.1:1", 1); // nobody answers
  }
  void TearDown() override {
    setLogSink({});
    ::unsetenv("SWAMLA_DATA");
    ::unsetenv("HF_ENDPOINT");
    FolderTest::TearDown();
  }
};

TEST_F(ShardStoreTest, WhatFailsAheadIsAWarningAndThenAnError) {
  std::atomic<int> warnings = 0;
  setLogSink([&](LogLevel level, std::string_view text) {
    warnings += level == LogLevel::Warning && text.find("until it needs") != std::string_view::npos;
  });
  ShardStore::Config config;
  config.set = findDataSet("fineweb");
  config.policy.retries = 0;
  auto store = ShardStore::create(std::move(config));
  ASSERT_TRUE(succeeded(store));
  std::string file = (*store)->folder() + "/x.bin";
  (*store)->prefetch("x.bin");
  for (int i = 0; i < 2000 && warnings == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(warnings, 1);
  auto path = (*store)->get("x.bin");
  ASSERT_FALSE(path.isOk());
  EXPECT_TRUE(failedWith(std::move(path), path.status().code(),
                         {path.status().message().find("libcurl") == std::string::npos
                              ? "given up after 1 attempt"
                              : "built without libcurl"}));
  EXPECT_EQ(warnings, 1) << "who asks is told, nobody is warned";
  write("fineweb/x.bin", "");
  path = (*store)->get("x.bin");
  ASSERT_TRUE(succeeded(path));
  EXPECT_EQ(*path, file);
}

} // namespace
} // namespace swamla
