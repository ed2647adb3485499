//===- BaseTest.cpp - formatting, logging, the machine --------------------===//
#include "runtime/base/CpuInfo.h"
#include "runtime/base/Format.h"
#include "runtime/base/Hash.h"
#include "runtime/base/Log.h"
#include "runtime/base/Timer.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace swamla {
namespace {

TEST(Format, Bytes) {
  EXPECT_EQ(formatBytes(0), "0 B");
  EXPECT_EQ(formatBytes(1023), "1023 B");
  EXPECT_EQ(formatBytes(1024), "1.00 KiB");
  EXPECT_EQ(formatBytes(1536), "1.50 KiB");
  EXPECT_EQ(formatBytes((1 << 20) - 1), "1.00 MiB");
  EXPECT_EQ(formatBytes(uint64_t(3) << 30), "3.00 GiB");
  EXPECT_EQ(formatBytes(UINT64_MAX), "16.00 EiB");
}

TEST(Format, Quoted) {
  EXPECT_EQ(swamla::quoted("wte.weight"), "'wte.weight'");
  EXPECT_EQ(swamla::quoted(std::string_view("a\0\x1b[31m\n", 8)), "'a\\x00\\x1b[31m\\x0a'");
  EXPECT_EQ(swamla::quoted(std::string(300, 'x')), "'" + std::string(256, 'x') + "...'");
}

TEST(Format, PlainNames) {
  EXPECT_TRUE(isPlainName("h.0.attn.q_proj.weight"));
  EXPECT_TRUE(isPlainName(std::string(255, 'x')));
  EXPECT_FALSE(isPlainName(std::string(256, 'x')));
  EXPECT_FALSE(isPlainName(""));
  EXPECT_FALSE(isPlainName("a b"));
  EXPECT_FALSE(isPlainName("\x7f"));
  EXPECT_FALSE(isPlainName("\xc3\xa9"));
}

// Known values of XXH3-64, from its specification's test vectors and the reference implementation.
TEST(Hash, IsXxh3) {
  EXPECT_EQ(hash64(std::string_view("")), 0x2d06800538d394c2U);
  EXPECT_NE(hash64(std::string_view("a")), hash64(std::string_view("b")));
  EXPECT_NE(hash64(std::string_view("a"), 1), hash64(std::string_view("a"), 2));
}

TEST(Log, LevelsAndSink) {
  std::vector<std::string> lines;
  setLogSink([&](LogLevel level, std::string_view text) {
    lines.push_back(fmt::format("{}:{}", int(level), text));
  });
  logDebug("not {}", "shown");
  logInfo("step {}", 3);
  setLogLevel(LogLevel::Error);
  logInfo("dropped");
  logWarning("dropped");
  logStatus(notFound("no file"));
  setLogLevel(LogLevel::Info);
  setLogSink({});
  EXPECT_EQ(lines, (std::vector<std::string>{"2:step 3", "0:no file"}));
}

TEST(CpuInfo, KnowsThisMachine) {
  CpuInfo info = readCpuInfo();
  EXPECT_FALSE(info.model.empty());
  EXPECT_GE(info.usableCores, 1U);
  EXPECT_LE(info.usableCores, std::max(1U, std::thread::hardware_concurrency()));
  EXPECT_GT(info.memoryLimit, uint64_t(64) << 20);
#if defined(__x86_64__)
  EXPECT_GE(info.level, 1U);
#endif
}

TEST(CpuInfo, LevelNames) {
  for (unsigned level = 1; level <= 4; ++level)
    EXPECT_EQ(cpuLevelFromName(cpuLevelName(level)), level);
  EXPECT_EQ(cpuLevelFromName("x86-64-v5"), 0U);
  EXPECT_EQ(cpuLevelFromName("znver4"), 0U);
}

TEST(CpuInfo, RefusesCodeForBetterCpus) {
  CpuInfo cpu;
  cpu.model = "Old CPU";
  cpu.level = 3;
  EXPECT_TRUE(requireCpuLevel(cpu, "x86-64-v3").isOk());
  EXPECT_TRUE(requireCpuLevel(cpu, "x86-64").isOk());
  EXPECT_EQ(requireCpuLevel(cpu, "x86-64-v4").message(),
            "compiled for x86-64-v4, this CPU (Old CPU) supports x86-64-v3; recompile with "
            "--mcpu=x86-64-v3");
  EXPECT_EQ(requireCpuLevel(cpu, "native").code(), StatusCode::FailedPrecondition);
  cpu.level = 1;
  EXPECT_EQ(requireCpuLevel(cpu, "x86-64-v2").message(),
            "compiled for x86-64-v2, this CPU (Old CPU) supports x86-64; x86-64-v2 is the least "
            "that swamlac compiles for");
  cpu.level = 0;
  EXPECT_EQ(requireCpuLevel(cpu, "x86-64").message(),
            "compiled for x86-64, but this machine is not an x86-64");
}

TEST(Timer, Counts) {
  Timer timer;
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  double first = timer.restart();
  EXPECT_GE(first, 0.005);
  EXPECT_LT(timer.seconds(), first + 1);
}

} // namespace
} // namespace swamla
