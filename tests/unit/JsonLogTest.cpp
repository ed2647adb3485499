//===- JsonLogTest.cpp - JSON in and out ----------------------------------===//
#include "runtime/train/JsonLog.h"

#include "runtime/train/Json.h"
#include "runtime/train/Progress.h"
#include "tests/unit/TrainTestSupport.h"

#include <cmath>
#include <limits>
#include <sstream>

namespace swamla {
namespace {

using test::failedWith;
using test::succeeded;

class JsonLogTest : public test::FolderTest {
protected:
  /// The lines of a log; each must be JSON.
  std::vector<Json> linesOf(const std::string &file) {
    std::istringstream in(read(file));
    std::vector<Json> lines;
    for (std::string line; std::getline(in, line);) {
      auto json = parseJson(line, "line");
      EXPECT_TRUE(succeeded(json)) << line;
      if (json.isOk())
        lines.push_back(*json);
    }
    return lines;
  }
};

TEST_F(JsonLogTest, LinesReadBack) {
  auto log = JsonLog::open(path("log"));
  ASSERT_TRUE(succeeded(log));
  JsonLine line;
  line.begin("step");
  line.field("loss", 0.1)
      .field("step", int64_t{-7})
      .field("big", std::numeric_limits<uint64_t>::max())
      .field("flag", true)
      .field("nan", NAN)
      .field("inf", -INFINITY)
      .field("text", "a\"b\\c\n\t\x01 ä \xff\xC3")
      .raw("raw", "[1,2]");
  ASSERT_TRUE(succeeded(log->write(line)));
  line.begin("end");
  ASSERT_TRUE(succeeded(log->write(line)));
  std::vector<Json> lines = linesOf(path("log"));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0]["event"], "step");
  EXPECT_EQ(lines[0]["loss"], 0.1);
  EXPECT_EQ(lines[0]["step"], -7);
  EXPECT_EQ(lines[0]["big"], std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(lines[0]["flag"], true);
  EXPECT_TRUE(lines[0]["nan"].is_null());
  EXPECT_TRUE(lines[0]["inf"].is_null());
  EXPECT_EQ(lines[0]["text"], "a\"b\\c\n\t\x01 ä \xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(lines[0]["raw"], Json::array({1, 2}));
  EXPECT_EQ(lines[1]["event"], "end");
}

TEST_F(JsonLogTest, InvalidUtf8IsReplaced) {
  // Overlong, surrogate, beyond U+10FFFF, cut off, stray continuation.
  for (std::string_view bad : {"\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                               "\xF8", "\xE2\x82", "\x80"}) {
    JsonLine line;
    line.begin("e");
    line.field("t", bad);
    auto json = parseJson(line.finish(), "line");
    EXPECT_TRUE(succeeded(json));
  }
  for (std::string_view good :
       {"\xC2\x80", "\xE0\xA0\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    JsonLine line;
    line.begin("e");
    line.field("t", good);
    auto json = parseJson(line.finish(), "line");
    ASSERT_TRUE(succeeded(json));
    EXPECT_EQ((*json)["t"], good);
  }
}

TEST_F(JsonLogTest, AppendsAfterCuttingAnUnfinishedLine) {
  JsonLine line;
  for (const char *before :
       {"", "{\"event\":\"a\"}\n", "{\"event\":\"a\"}\n{\"event\":\"b\",\"lo"}) {
    write("log", before);
    auto log = JsonLog::open(path("log"));
    ASSERT_TRUE(succeeded(log));
    line.begin("new");
    ASSERT_TRUE(succeeded(log->write(line)));
    std::vector<Json> lines = linesOf(path("log"));
    ASSERT_EQ(lines.size(), *before ? 2U : 1U);
    EXPECT_EQ(lines.back()["event"], "new");
  }
  // An unfinished line longer than what is read at a time.
  write("log", "{\"event\":\"" + std::string(10000, 'x'));
  ASSERT_TRUE(succeeded(JsonLog::open(path("log"))));
  EXPECT_EQ(read(path("log")), "");
}

TEST_F(JsonLogTest, OtherFilesAreLeftAlone) {
  for (const char *content : {"important", "{\"config\": 1}", "{"}) {
    write("file", content);
    EXPECT_TRUE(failedWith(JsonLog::open(path("file")), StatusCode::InvalidArgument,
                           {path("file"), "not a log"}));
    EXPECT_EQ(read(path("file")), content);
  }
  EXPECT_TRUE(failedWith(JsonLog::open(path("no/such/folder")), StatusCode::FailedPrecondition,
                         {path("no/such/folder")}));
}

TEST_F(JsonLogTest, FullDiskIsAnError) {
  auto log = JsonLog::open("/dev/full");
  if (!log.isOk())
    GTEST_SKIP() << "no /dev/full";
  JsonLine line;
  line.begin("x");
  EXPECT_TRUE(failedWith(log->write(line), StatusCode::ResourceExhausted, {"/dev/full"}));
}

TEST_F(JsonLogTest, ParserLimits) {
  EXPECT_TRUE(failedWith(parseJson(R"({"a":{"b":1,"b":2}})", "x"), StatusCode::DataCorrupt,
                         {"x", "\"b\" occurs twice"}));
  EXPECT_TRUE(succeeded(parseJson(R"({"a":{"b":1},"c":{"b":2}})", "x")));
  EXPECT_TRUE(succeeded(parseJson("[[[[1]]]]", "x", {.maxDepth = 4})));
  EXPECT_TRUE(failedWith(parseJson("[[[[1]]]]", "x", {.maxDepth = 3}), StatusCode::DataCorrupt,
                         {"deeper than 3"}));
  EXPECT_TRUE(failedWith(parseJson("[1,2]", "x", {.maxBytes = 4}), StatusCode::DataCorrupt,
                         {"5 bytes", "at most 4"}));
  EXPECT_TRUE(failedWith(parseJson("", "x"), StatusCode::DataCorrupt, {"not valid JSON"}));
  auto json = parseJson(R"({"i":3,"n":-3,"d":2.5,"s":"t","a":[1,[2,{"k":null}],true]})", "x");
  ASSERT_TRUE(succeeded(json));
  EXPECT_EQ(memberUint(*json, "i"), 3U);
  EXPECT_EQ(memberUint(*json, "n"), std::nullopt);
  EXPECT_EQ(memberUint(*json, "none"), std::nullopt);
  EXPECT_EQ(memberDouble(*json, "d"), 2.5);
  EXPECT_EQ(memberString(*json, "s"), "t");
  EXPECT_EQ(memberString(*json, "d"), std::nullopt);
  EXPECT_EQ(dumpJson(*json), R"({"a":[1,[2,{"k":null}],true],"d":2.5,"i":3,"n":-3,"s":"t"})");
  EXPECT_EQ(dumpJson(Json("\xff")), "\"\xEF\xBF\xBD\"");
}

TEST_F(JsonLogTest, ProgressPlainLines) {
  FILE *out = std::fopen(path("out").c_str(), "w");
  ASSERT_TRUE(out);
  {
    auto log = JsonLog::open(path("log"));
    ASSERT_TRUE(succeeded(log));
    Progress progress(
        {.firstStep = 4, .steps = 30, .logEvery = 10, .tokensPerStep = 100, .out = out}, &*log);
    for (int64_t step = 5; step <= 30; ++step)
      ASSERT_TRUE(succeeded(progress.step({step, 2.5, 1e-3, 0.7, 0.01})));
    ASSERT_TRUE(succeeded(progress.validation(30, 2.0, 400, 0.5)));
    ASSERT_TRUE(succeeded(progress.checkpoint(30, "dir/step-000030", 0.5)));
  }
  std::fclose(out);
  std::string text = read(path("out"));
  // The first, every tenth, the last.
  for (const char *line :
       {"[T]  5/30 | loss 2.5000 | lr 1.00e-03 | norm   0.70 |    10.0 ms |   10000 tok/s\n",
        "[T] 10/30 |", "[T] 20/30 |", "[T] 30/30 |", "[V] 30/30 | loss 2.0000 | perplexity 7.389",
        "[C] 30/30 | dir/step-000030"})
    EXPECT_NE(text.find(line), std::string::npos) << line << " not in:\n" << text;
  EXPECT_EQ(std::ranges::count(text, '\n'), 6);
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_EQ(linesOf(path("log")).size(), 28U);
}

TEST_F(JsonLogTest, ProgressOnATerminal) {
  FILE *out = std::fopen(path("out").c_str(), "w");
  ASSERT_TRUE(out);
  {
    Progress progress({.steps = 3, .tokensPerStep = 100, .terminal = true, .out = out}, nullptr);
    ASSERT_TRUE(succeeded(progress.step({1, 2.5, 1e-3, 0.7, 0.01})));
    ASSERT_TRUE(succeeded(progress.validation(1, 2.0, 400, 0.5)));
    ASSERT_TRUE(succeeded(progress.step({3, 2.5, 1e-3, 0.7, 0.01})));
  }
  std::fclose(out);
  std::string text = read(path("out"));
  EXPECT_EQ(text.rfind("\r\x1b[K[T] 1/3", 0), 0U) << text;
  EXPECT_NE(text.find(" 33% ETA "), std::string::npos) << text;
  EXPECT_NE(text.find("\r\x1b[K[V] 1/3"), std::string::npos) << text;
  EXPECT_NE(text.find("100% ETA 0:00\n"), std::string::npos) << text;
}

TEST_F(JsonLogTest, Durations) {
  EXPECT_EQ(formatDuration(0.4), "0:00");
  EXPECT_EQ(formatDuration(65), "1:05");
  EXPECT_EQ(formatDuration(3723), "1:02:03");
  EXPECT_EQ(formatDuration(-1), "0:00");
}

} // namespace
} // namespace swamla
