//===- EmulatorTest.cpp - what the emulator computes, and what it refuses -===//
#include "tests/emulated/EmulatorSupport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <numeric>

using namespace swamla;
using namespace swamla::test;
using testing::HasSubstr;

namespace {

template <typename T> std::vector<T> iota(size_t count, T first = 0) {
  std::vector<T> values(count);
  std::iota(values.begin(), values.end(), first);
  return values;
}

/// The text of "v[tid] = %value" and the end.
std::string storeAndReturn(const std::string &type, const std::string &view = "%v0") {
  return "%place = llvm.getelementptr " + view + "[%tid] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, " +
         type + "\n llvm.store %value, %place : " + type + ", !llvm.ptr<1>\n llvm.return";
}

/// Runs `body`, which defines %value in each of `threads` threads.
template <typename T>
std::vector<T> valuesOf(const std::string &body, const std::string &type, unsigned threads = 32) {
  std::vector<T> out(threads);
  HandKernel kernel(body + storeAndReturn(type), {.block = threads});
  EXPECT_EQ(kernel.errors(), "");
  EXPECT_EQ(kernel.run({out}), "");
  return out;
}

//===----------------------------------------------------------------------===//
// Lanes
//===----------------------------------------------------------------------===//

TEST(Emulator, ThreadsOfAllWarps) {
  EXPECT_EQ(valuesOf<int32_t>("%value = llvm.mul %tid, %c3 : i32\n", "i32", 100).at(99), 297);
}

TEST(Emulator, NarrowIntegers) {
  // -1 as i8, halved as signed and as unsigned; wrapped sums.
  auto values = valuesOf<int32_t>(R"(
    %x = llvm.mlir.constant(-1 : i8) : i8
    %two = llvm.mlir.constant(2 : i8) : i8
    %s = llvm.sdiv %x, %two : i8
    %u = llvm.udiv %x, %two : i8
    %w = llvm.add %x, %two : i8
    %s32 = llvm.sext %s : i8 to i32
    %u32 = llvm.zext %u : i8 to i32
    %w32 = llvm.sext %w : i8 to i32
    %hundred = llvm.mlir.constant(1000 : i32) : i32
    %a = llvm.mul %w32, %hundred : i32
    %b = llvm.add %a, %u32 : i32
    %value = llvm.add %b, %s32 : i32
    )",
                                  "i32");
  EXPECT_EQ(values[5], 1000 + 127 + 0);
}

TEST(Emulator, RoundsToBf16) {
  auto values = valuesOf<uint16_t>(R"(
    %x = llvm.sitofp %tid : i32 to f32
    %big = llvm.mlir.constant(256.0 : f32) : f32
    %y = llvm.fadd %x, %big : f32
    %value = llvm.fptrunc %y : f32 to bf16
    )",
                                   "bf16");
  for (int i = 0; i < 32; ++i) { // 8 bits: 257 lies between 256 and 258, and rounds to even
    float expected = 2 * std::nearbyint((256.0F + float(i)) / 2);
    EXPECT_EQ(std::bit_cast<float>(uint32_t(values[i]) << 16), expected) << i;
  }
}

TEST(Emulator, VectorsAndStructs) {
  auto values = valuesOf<int32_t>(R"(
    %v = llvm.mlir.constant(dense<[10, 20, 30, 40]> : vector<4xi32>) : vector<4xi32>
    %w = llvm.insertelement %tid, %v[%c1 : i32] : vector<4xi32>
    %sum = llvm.add %v, %w : vector<4xi32>
    %e = llvm.extractelement %sum[%c1 : i32] : vector<4xi32>
    %s = llvm.mlir.undef : !llvm.struct<(i32, f32)>
    %t = llvm.insertvalue %e, %s[0] : !llvm.struct<(i32, f32)>
    %value = llvm.extractvalue %t[0] : !llvm.struct<(i32, f32)>
    )",
                                  "i32");
  EXPECT_EQ(values[7], 27);
}

TEST(Emulator, BitcastOfPairs) {
  auto values = valuesOf<uint32_t>(R"(
    %x = llvm.mlir.constant(dense<[1.0, -2.0]> : vector<2xbf16>) : vector<2xbf16>
    %value = llvm.bitcast %x : vector<2xbf16> to i32
    )",
                                   "i32");
  EXPECT_EQ(values[0], 0xC0003F80U); // the first element is low
}

TEST(Emulator, MathematicsOfLibdevice) {
  std::vector<double> out(32);
  HandKernel kernel(R"(
    %x = llvm.sitofp %tid : i32 to f64
    %value = llvm.call @__nv_sin(%x) : (f64) -> f64
    )" + storeAndReturn("f64") +
                        "}\nllvm.func @__nv_sin(f64) -> f64\nllvm.func @unused() { llvm.return",
                    {});
  ASSERT_EQ(kernel.errors(), "");
  ASSERT_EQ(kernel.run({out}), "");
  EXPECT_EQ(out[3], std::sin(3.0));
}

TEST(Emulator, ApproximationsAreApproximate) {
  auto values = valuesOf<float>(R"(
    %x = llvm.mlir.constant(0.7 : f32) : f32
    %value = llvm.inline_asm asm_dialect = att "tanh.approx.f32 $0, $1;", "=f,f" %x : (f32) -> f32
    )",
                                "f32");
  EXPECT_NEAR(values[0], std::tanh(0.7), 1e-3);
  EXPECT_NE(values[0], std::tanh(0.7F));
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

/// Lanes loop as often as their number says, then exchange their results: they must have met again.
TEST(Emulator, LanesMeetAgain) {
  auto values = valuesOf<int32_t>(R"(
      llvm.br ^loop(%c0, %c0 : i32, i32)
    ^loop(%i: i32, %sum: i32):
      %more = llvm.icmp "slt" %i, %tid : i32
      llvm.cond_br %more, ^body, ^end
    ^body:
      %next = llvm.add %i, %c1 : i32
      %odd = llvm.and %i, %c1 : i32
      %isOdd = llvm.icmp "eq" %odd, %c1 : i32
      llvm.cond_br %isOdd, ^loop(%next, %sum : i32, i32), ^add
    ^add:
      %sum1 = llvm.add %sum, %i : i32
      llvm.br ^loop(%next, %sum1 : i32, i32)
    ^end:
      %value = nvvm.shfl.sync bfly %all, %sum, %c1, %last : i32 -> i32
    )",
                                  "i32");
  for (int lane = 0; lane < 32; ++lane) {
    int expected = 0;
    for (int i = 0; i < (lane ^ 1); i += 2)
      expected += i;
    EXPECT_EQ(values[lane], expected) << lane;
  }
}

TEST(Emulator, BlockArgumentsThatSwap) {
  auto values = valuesOf<int32_t>(R"(
      llvm.br ^loop(%c0, %c1, %tid : i32, i32, i32)
    ^loop(%i: i32, %a: i32, %b: i32):
      %next = llvm.add %i, %c1 : i32
      %more = llvm.icmp "slt" %i, %c3 : i32
      llvm.cond_br %more, ^loop(%next, %b, %a : i32, i32, i32), ^end
    ^end:
      %value = llvm.sub %a, %b : i32
    )",
                                  "i32");
  EXPECT_EQ(values[9], 8);
}

TEST(Emulator, Switch) {
  auto values = valuesOf<int32_t>(R"(
      %r = llvm.urem %tid, %c4 : i32
      llvm.switch %r : i32, ^end(%c9 : i32) [ 1: ^end(%c7 : i32), 3: ^end(%c5 : i32) ]
    ^end(%value: i32):
    )",
                                  "i32");
  EXPECT_EQ(std::vector<int32_t>(values.begin(), values.begin() + 4),
            (std::vector<int32_t>{9, 7, 9, 5}));
}

//===----------------------------------------------------------------------===//
// Threads together
//===----------------------------------------------------------------------===//

std::string reversal(bool barrier) {
  return std::string(R"(
      %to = llvm.getelementptr %smem[%tid] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
      llvm.store %tid, %to : i32, !llvm.ptr<3>
    )") + (barrier ? "nvvm.barrier0\n" : "") +
         R"(
      %n = llvm.mlir.constant(127 : i32) : i32
      %other = llvm.sub %n, %tid : i32
      %from = llvm.getelementptr %smem[%other] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
      %value = llvm.load %from : !llvm.ptr<3> -> i32
    )" + storeAndReturn("i32");
}

TEST(Emulator, BarrierOrdersSharedMemory) {
  HandKernel kernel(reversal(true), {.block = 128, .shared = 512});
  for (const EmulationOptions &options : schedules(5)) {
    std::vector<int32_t> out(128);
    ASSERT_EQ(kernel.run({out}, options), "");
    for (int i = 0; i < 128; ++i)
      ASSERT_EQ(out[i], 127 - i);
  }
}

TEST(Emulator, MissingBarrierIsARace) {
  HandKernel kernel(reversal(false), {.block = 128, .shared = 512});
  for (const EmulationOptions &options : schedules(5)) {
    std::vector<int32_t> out(128);
    EXPECT_THAT(kernel.run({out}, options), HasSubstr("nothing orders them"));
  }
}

/// Without a barrier at its end, a loop overwrites what other warps have yet to read.
TEST(Emulator, OverwritingIsARace) {
  auto kernel = [](const std::string &barrier) {
    return HandKernel(R"(
      %to = llvm.getelementptr %smem[%tid] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
      %n = llvm.mlir.constant(63 : i32) : i32
      %other = llvm.sub %n, %tid : i32
      %from = llvm.getelementptr %smem[%other] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
      llvm.br ^loop(%c0, %tid : i32, i32)
    ^loop(%i: i32, %x: i32):
      llvm.store %x, %to : i32, !llvm.ptr<3>
      nvvm.barrier0
      %y = llvm.load %from : !llvm.ptr<3> -> i32
      )" + barrier + R"(
      %next = llvm.add %i, %c1 : i32
      %more = llvm.icmp "slt" %next, %c3 : i32
      llvm.cond_br %more, ^loop(%next, %y : i32, i32), ^end
    ^end:
      %value = llvm.add %y, %c0 : i32
    )" + storeAndReturn("i32"),
                      {.block = 64, .shared = 256});
  };
  std::vector<int32_t> out(64);
  EXPECT_EQ(kernel("nvvm.barrier0").run({out}), "");
  EXPECT_EQ(out[0], 63);
  EXPECT_THAT(kernel("").run({out}), HasSubstr("nothing orders them"));
}

TEST(Emulator, Deadlock) {
  HandKernel kernel(R"(
      %n = llvm.mlir.constant(64 : i32) : i32
      nvvm.barrier id = %c1 number_of_threads = %n
      llvm.return
    )",
                    {.views = 0, .block = 32});
  ASSERT_EQ(kernel.errors(), "");
  EXPECT_THAT(kernel.run({}), HasSubstr("deadlock"));
  EXPECT_THAT(kernel.run({}), HasSubstr("32 threads of warps 0 wait at: nvvm.barrier"));
}

TEST(Emulator, ThreadsThatHaveReturnedAreNotWaitedFor) {
  HandKernel kernel(R"(
      %one = llvm.icmp "ult" %tid, %last : i32
      llvm.cond_br %one, ^stay, ^leave
    ^stay:
      nvvm.barrier0
      %value = llvm.add %tid, %c1 : i32
    )" + storeAndReturn("i32") +
                        "\n ^leave:\n llvm.return",
                    {.block = 64});
  std::vector<int32_t> out(64);
  ASSERT_EQ(kernel.run({out}), "");
  EXPECT_EQ(out[30], 31);
  EXPECT_EQ(out[31], 0);
}

TEST(Emulator, ShuffleOfLanesThatHaveLeft) {
  HandKernel kernel(R"(
      %few = llvm.icmp "ult" %tid, %c4 : i32
      llvm.cond_br %few, ^stay, ^leave
    ^stay:
      %value = nvvm.shfl.sync bfly %all, %tid, %c1, %last : i32 -> i32
    )" + storeAndReturn("i32") +
                        "\n ^leave:\n llvm.return",
                    {});
  std::vector<int32_t> out(32);
  EXPECT_THAT(kernel.run({out}), HasSubstr("has returned"));
}

TEST(Emulator, AtomicsAndScratchMemory) {
  std::string body = R"(
      %old = llvm.atomicrmw add %scratch, %c1 monotonic : !llvm.ptr<1>, i32
      %n = llvm.mlir.constant(63 : i32) : i32
      %isLast = llvm.icmp "eq" %old, %n : i32
      llvm.cond_br %isLast, ^reset, ^end
    ^reset:
      llvm.store RESET, %scratch : i32, !llvm.ptr<1>
      llvm.br ^end
    ^end:
      llvm.return)";
  auto run = [&](const std::string &value) {
    std::string text = body;
    text.replace(text.find("RESET"), 5, value);
    return HandKernel(text, {.views = 0, .grid = 2, .scratch = 4}).run({}, {3, true});
  };
  EXPECT_EQ(run("%c0"), "");
  EXPECT_THAT(run("%c5"), HasSubstr("has not left its scratch memory zero"));
}

//===----------------------------------------------------------------------===//
// What is refused
//===----------------------------------------------------------------------===//

TEST(Emulator, OutOfBounds) {
  HandKernel kernel("%value = llvm.add %tid, %c1 : i32\n" + storeAndReturn("i32"), {});
  std::vector<int32_t> out(31);
  std::string fault = kernel.run({out});
  EXPECT_THAT(fault, HasSubstr("hand: block (0, 0, 0), thread 31: access to 4 bytes from byte 124 "
                               "of view 0 (of 124 bytes), which is out of bounds"));
  EXPECT_THAT(fault, HasSubstr("llvm.store"));
}

TEST(Emulator, Misaligned) {
  HandKernel kernel("%value = llvm.add %tid, %c1 : i32\n" + storeAndReturn("i32"), {});
  std::vector<int32_t> out(32);
  EXPECT_EQ(kernel.run({HostView(out, 4)}), "");
  EXPECT_THAT(kernel.run({HostView(out, 2)}), HasSubstr("not aligned to 4 bytes"));
}

TEST(Emulator, UnknownOps) {
  HandKernel kernel("%x = llvm.alloca %c1 x i32 : (i32) -> !llvm.ptr\n llvm.return", {});
  EXPECT_THAT(kernel.errors(), HasSubstr("the emulator does not know llvm.alloca"));
  HandKernel assembly(
      R"(llvm.inline_asm has_side_effects asm_dialect = att "frobnicate.f32 $0;", "r" %tid : (i32) -> ()
                         llvm.return)",
      {});
  EXPECT_THAT(assembly.errors(), HasSubstr("does not know 'frobnicate.f32'"));
}

} // namespace
