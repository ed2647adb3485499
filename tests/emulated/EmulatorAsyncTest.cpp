//===- EmulatorAsyncTest.cpp - copies and products in the background ------===//
#include "tests/emulated/EmulatorSupport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

using namespace swamla;
using namespace swamla::test;
using testing::HasSubstr;

namespace {

uint16_t bf16(float value) { return uint16_t(std::bit_cast<uint32_t>(value) >> 16); }

/// Where byte `at` of a tile with 128-byte rows lies under the 128-byte swizzle.
size_t swizzled(size_t at) { return at ^ (at >> 7 & 7) << 4; }

/// Thread 0 initialises an mbarrier behind `bytes` of shared memory, then runs `loads`; all wait.
std::string loadAndWait(unsigned bytes, const std::string &loads) {
  std::string size = std::to_string(bytes);
  return R"(
      %bar = llvm.getelementptr %smem[)" +
         size + R"(] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
      %bytes = llvm.mlir.constant()" +
         size + R"( : i32) : i32
      %patience = llvm.mlir.constant(1000 : i32) : i32
      %dst = llvm.addrspacecast %smem : !llvm.ptr<3> to !llvm.ptr<7>
      %isFirst = llvm.icmp "eq" %tid, %c0 : i32
      llvm.cond_br %isFirst, ^init, ^ready
    ^init:
      nvvm.mbarrier.init %bar, %c1 : !llvm.ptr<3>, i32
      nvvm.fence.mbarrier.init
      llvm.br ^ready
    ^ready:
      nvvm.barrier0
      llvm.cond_br %isFirst, ^load, ^wait
    ^load:
      nvvm.mbarrier.arrive.expect_tx %bar, %bytes : !llvm.ptr<3>, i32
      )" +
         loads + R"(
      llvm.br ^wait
    ^wait:
      WAIT
    )";
}
constexpr const char *kWait =
    "nvvm.mbarrier.try_wait.parity %bar, %c0, %patience : !llvm.ptr<3>, i32, i32\n";

std::string replaced(std::string text, const std::string &what, const std::string &with) {
  text.replace(text.find(what), what.size(), with);
  return text;
}

/// out[tid] = word tid of shared memory.
constexpr const char *kCopyWords = R"(
      %from = llvm.getelementptr %smem[%tid] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
      %value = llvm.load %from : !llvm.ptr<3> -> i32
      %to = llvm.getelementptr %v1[%tid] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
      llvm.store %value, %to : i32, !llvm.ptr<1>
      llvm.return)";

const std::string kLoadBox = R"(
      nvvm.cp.async.bulk.tensor.shared.cluster.global %dst, %m0, %bar, box[%c8, %c5] : !llvm.ptr<7>, !llvm.ptr
    )";
const HandLaunch kBoxLaunch = {
    .views = 2,
    .block = 256,
    .shared = 1032,
    .maps = "#step.tensor_map<view = 0, offset = 0, element = bf16, dims = [40, 10], strides = "
            "[80], box = [64, 8], swizzle = 3>",
    .numMaps = 1};

std::vector<uint16_t> numbers(size_t count) {
  std::vector<uint16_t> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = uint16_t(i + 1);
  return values;
}

TEST(EmulatorAsync, TensorLoad) {
  HandKernel kernel(replaced(loadAndWait(1024, kLoadBox), "WAIT", kWait) + kCopyWords, kBoxLaunch);
  ASSERT_EQ(kernel.errors(), "");
  auto in = numbers(400);
  for (const EmulationOptions &options : schedules(4)) {
    std::vector<uint16_t> out(512, 0xFFFF);
    ASSERT_EQ(kernel.run({in, out}, options), "");
    for (size_t row = 0; row < 8; ++row)
      for (size_t column = 0; column < 64; ++column) {
        size_t m = row + 5, c = column + 8;
        EXPECT_EQ(out[swizzled(row * 128 + column * 2) / 2], m < 10 && c < 40 ? in[m * 40 + c] : 0)
            << row << ", " << column;
      }
  }
}

/// Without the wait shared memory holds what was there before; and the block may not end.
TEST(EmulatorAsync, TensorLoadThatIsNotWaitedFor) {
  HandKernel kernel(replaced(loadAndWait(1024, kLoadBox), "WAIT", "") + kCopyWords, kBoxLaunch);
  auto in = numbers(400);
  std::vector<uint16_t> out(512, 0);
  EXPECT_THAT(kernel.run({in, out}), HasSubstr("has ended with 1 bulk loads"));
  EXPECT_EQ(out[0], 0xFFFF);
}

/// A second load into the same place, while threads may still be reading the first.
TEST(EmulatorAsync, TensorLoadOverWhatIsRead) {
  std::string again = std::string(kWait) + R"(
      %early = llvm.load %smem : !llvm.ptr<3> -> i32
      llvm.cond_br %isFirst, ^again, ^done
    ^again:
      nvvm.mbarrier.arrive.expect_tx %bar, %bytes : !llvm.ptr<3>, i32
      )" + kLoadBox + R"(
      llvm.br ^done
    ^done:
      nvvm.mbarrier.try_wait.parity %bar, %c1, %patience : !llvm.ptr<3>, i32, i32
)";
  std::string text = replaced(loadAndWait(1024, kLoadBox), "WAIT", again) + kCopyWords;
  auto in = numbers(400);
  std::vector<uint16_t> out(512, 0);
  EXPECT_THAT(HandKernel(text, kBoxLaunch).run({in, out}), HasSubstr("races with a read by warp"));
  std::string ordered = replaced(text, "llvm.cond_br %isFirst, ^again",
                                 "nvvm.barrier0\n llvm.cond_br %isFirst, ^again");
  EXPECT_EQ(HandKernel(ordered, kBoxLaunch).run({in, out}), "");
}

TEST(EmulatorAsync, MBarrierThatIsNotFenced) {
  std::string text = replaced(loadAndWait(1024, kLoadBox), "WAIT", kWait) + kCopyWords;
  HandKernel kernel(replaced(text, "nvvm.fence.mbarrier.init", ""), kBoxLaunch);
  auto in = numbers(400);
  std::vector<uint16_t> out(512);
  EXPECT_THAT(kernel.run({in, out}), HasSubstr("without fence.mbarrier_init"));
}

TEST(EmulatorAsync, WrongNumberOfBytes) {
  std::string text = replaced(loadAndWait(1024, kLoadBox), "WAIT", kWait);
  HandKernel kernel(replaced(text, "%bar, %bytes", "%bar, %c8") + kCopyWords, kBoxLaunch);
  auto in = numbers(400);
  std::vector<uint16_t> out(512);
  EXPECT_THAT(kernel.run({in, out}), HasSubstr("deadlock"));
}

TEST(EmulatorAsync, TensorMapBeyondItsView) {
  HandKernel kernel(replaced(loadAndWait(1024, kLoadBox), "WAIT", kWait) + kCopyWords, kBoxLaunch);
  auto in = numbers(399);
  std::vector<uint16_t> out(512);
  EXPECT_THAT(kernel.run({in, out}), HasSubstr("loads a tile from byte"));
}

//===----------------------------------------------------------------------===//
// Stores
//===----------------------------------------------------------------------===//

std::string tileStore(const std::string &fence, const std::string &wait) {
  return R"(
      %to = llvm.getelementptr %smem[%tid] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
      llvm.store %tid, %to : i32, !llvm.ptr<3>
      )" +
         fence +
         R"(
      nvvm.barrier0
      %isFirst = llvm.icmp "eq" %tid, %c0 : i32
      llvm.cond_br %isFirst, ^store, ^end
    ^store:
      nvvm.cp.async.bulk.tensor.global.shared.cta %m0, %smem, box[%c0, %c1] : !llvm.ptr, !llvm.ptr<3>
      nvvm.cp.async.bulk.commit.group
      )" +
         wait +
         R"(
      llvm.br ^end
    ^end:
      llvm.return)";
}
constexpr const char *kFence = "nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = "
                               "#nvvm.shared_space<cta>}\n";
const HandLaunch kStoreLaunch = {
    .views = 1,
    .block = 256,
    .shared = 1024,
    .maps = "#step.tensor_map<view = 0, offset = 0, element = f32, dims = [24, 5], strides = [96], "
            "box = [32, 8], swizzle = 0>",
    .numMaps = 1};

TEST(EmulatorAsync, TensorStore) {
  HandKernel kernel(tileStore(kFence, "nvvm.cp.async.bulk.wait_group 0 {read}\n"), kStoreLaunch);
  ASSERT_EQ(kernel.errors(), "");
  for (const EmulationOptions &options : schedules(4)) {
    std::vector<int32_t> out(120, -1);
    ASSERT_EQ(kernel.run({out}, options), "");
    for (int row = 0; row < 5; ++row)
      for (int column = 0; column < 24; ++column)
        EXPECT_EQ(out[row * 24 + column], row < 1 ? -1 : (row - 1) * 32 + column);
  }
}

TEST(EmulatorAsync, TensorStoreWithoutProxyFence) {
  HandKernel kernel(tileStore("", "nvvm.cp.async.bulk.wait_group 0 {read}\n"), kStoreLaunch);
  std::vector<int32_t> out(120);
  EXPECT_THAT(kernel.run({out}), HasSubstr("without fence.proxy.async"));
}

TEST(EmulatorAsync, TensorStoreThatIsNotWaitedFor) {
  HandKernel kernel(tileStore(kFence, ""), kStoreLaunch);
  std::vector<int32_t> out(120);
  EXPECT_THAT(kernel.run({out}), HasSubstr("ends without waiting"));
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// A [64, 64 or 32] and B [8, 64 or 32] come to shared memory; one wgmma of depth 16 (8) at column
/// `column` follows.
std::string product(const std::string &type, unsigned column, unsigned elementBytes,
                    const std::string &wait) {
  std::string loads = R"(
      %dstB = llvm.getelementptr %dst[8192] : (!llvm.ptr<7>) -> !llvm.ptr<7>, i8
      nvvm.cp.async.bulk.tensor.shared.cluster.global %dst, %m0, %bar, box[%c0, %c0] : !llvm.ptr<7>, !llvm.ptr
      nvvm.cp.async.bulk.tensor.shared.cluster.global %dstB, %m1, %bar, box[%c0, %c0] : !llvm.ptr<7>, !llvm.ptr
    )";
  std::string offset = std::to_string(column * elementBytes / 16);
  std::string tail = type == "bf16" ? "k16.f32.bf16.bf16" : "k8.f32.tf32.tf32";
  return replaced(loadAndWait(9216, loads), "WAIT", kWait) + R"(
      %address = llvm.ptrtoint %smem : !llvm.ptr<3> to i64
      %mask = llvm.mlir.constant(262143 : i64) : i64
      %four = llvm.mlir.constant(4 : i64) : i64
      %bytesOfA = llvm.mlir.constant(512 : i64) : i64
      %high = llvm.mlir.constant(4611686293305360384 : i64) : i64
      %masked = llvm.and %address, %mask : i64
      %low = llvm.lshr %masked, %four : i64
      %a = llvm.or %low, %high : i64
      %b = llvm.add %a, %bytesOfA : i64
      %d = llvm.inline_asm has_side_effects asm_dialect = att "{ .reg .pred p; .reg .b64 a, b; setp.ne.b32 p, 0, 0; wgmma.fence.sync.aligned; add.s64 a, $4, )" +
         offset + "; add.s64 b, $5, " + offset + "; wgmma.mma_async.sync.aligned.m64n8" + tail +
         " {$0, $1, $2, $3}, a, b, p, 1, 1" + (type == "bf16" ? ", 0, 0" : "") +
         R"(; wgmma.commit_group.sync.aligned; }", "=f,=f,=f,=f,l,l,~{memory}" %a, %b : (i64, i64) -> !llvm.struct<(f32, f32, f32, f32)>
      %d0 = llvm.extractvalue %d[0] : !llvm.struct<(f32, f32, f32, f32)>
      %d1 = llvm.extractvalue %d[1] : !llvm.struct<(f32, f32, f32, f32)>
      %d2 = llvm.extractvalue %d[2] : !llvm.struct<(f32, f32, f32, f32)>
      %d3 = llvm.extractvalue %d[3] : !llvm.struct<(f32, f32, f32, f32)>
      )" +
         wait +
         R"(
      %w0 = llvm.extractvalue %w[0] : !llvm.struct<(f32, f32, f32, f32)>
      %w1 = llvm.extractvalue %w[1] : !llvm.struct<(f32, f32, f32, f32)>
      %w2 = llvm.extractvalue %w[2] : !llvm.struct<(f32, f32, f32, f32)>
      %w3 = llvm.extractvalue %w[3] : !llvm.struct<(f32, f32, f32, f32)>
      %v = llvm.mlir.poison : vector<4xf32>
      %x0 = llvm.insertelement %w0, %v[%c0 : i32] : vector<4xf32>
      %x1 = llvm.insertelement %w1, %x0[%c1 : i32] : vector<4xf32>
      %x2 = llvm.insertelement %w2, %x1[%c2 : i32] : vector<4xf32>
      %x3 = llvm.insertelement %w3, %x2[%c3 : i32] : vector<4xf32>
      %place = llvm.getelementptr %v2[%tid] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, vector<4xf32>
      llvm.store %x3, %place : vector<4xf32>, !llvm.ptr<1>
      llvm.return)";
}
constexpr const char *kWaitProduct =
    R"(%w = llvm.inline_asm has_side_effects asm_dialect = att "wgmma.wait_group.sync.aligned 0;", "=f,=f,=f,=f,0,1,2,3,~{memory}" %d0, %d1, %d2, %d3 : (f32, f32, f32, f32) -> !llvm.struct<(f32, f32, f32, f32)>
)";
/// Waits, but goes on with the registers from before.
constexpr const char *kWaitOnly = R"(
      llvm.inline_asm has_side_effects asm_dialect = att "wgmma.wait_group.sync.aligned 0;", "~{memory}" : () -> ()
      %w = llvm.freeze %d : !llvm.struct<(f32, f32, f32, f32)>
)";

HandLaunch productLaunch(const std::string &type) {
  std::string columns = type == "bf16" ? "64" : "32";
  auto map = [&](const std::string &view, const std::string &rows) {
    return "#step.tensor_map<view = " + view + ", offset = 0, element = " + type + ", dims = [" +
           columns + ", " + rows + "], strides = [128], box = [" + columns + ", " + rows +
           "], swizzle = 3>";
  };
  return {.views = 3,
          .block = 128,
          .shared = 9224,
          .maps = map("0", "64") + ", " + map("1", "8"),
          .numMaps = 2};
}

template <typename T, typename Convert>
void expectProduct(const std::string &type, unsigned column, unsigned depth, Convert convert) {
  unsigned columns = 128 / sizeof(T);
  HandKernel kernel(product(type, column, sizeof(T), kWaitProduct), productLaunch(type));
  ASSERT_EQ(kernel.errors(), "");
  std::mt19937 random(1);
  std::uniform_int_distribution<int> digit(-8, 8); // products and sums are exact
  std::vector<T> a(64 * columns), b(8 * columns);
  std::vector<float> af(a.size()), bf(b.size());
  for (size_t i = 0; i < a.size(); ++i)
    a[i] = convert(af[i] = float(digit(random)));
  for (size_t i = 0; i < b.size(); ++i)
    b[i] = convert(bf[i] = float(digit(random)));
  for (const EmulationOptions &options : schedules(3)) {
    std::vector<float> out(512, NAN);
    ASSERT_EQ(kernel.run({a, b, out}, options), "");
    for (unsigned thread = 0; thread < 128; ++thread)
      for (unsigned i = 0; i < 4; ++i) {
        unsigned row = thread / 32 * 16 + thread % 32 / 4 + i / 2 * 8;
        unsigned n = thread % 4 * 2 + i % 2;
        float expected = 0;
        for (unsigned k = column; k < column + depth; ++k)
          expected += af[row * columns + k] * bf[n * columns + k];
        ASSERT_EQ(out[thread * 4 + i], expected) << row << ", " << n;
      }
  }
}

TEST(EmulatorAsync, ProductOfBf16) { expectProduct<uint16_t>("bf16", 32, 16, bf16); }
TEST(EmulatorAsync, ProductOfTf32) {
  expectProduct<float>("f32", 8, 8, [](float x) { return x; });
}

TEST(EmulatorAsync, AccumulatorsAreNoNumbersUntilTheyAreWaitedFor) {
  HandKernel kernel(product("bf16", 0, 2, kWaitOnly), productLaunch("bf16"));
  ASSERT_EQ(kernel.errors(), "");
  std::vector<uint16_t> a(64 * 64), b(8 * 64);
  std::vector<float> out(512);
  ASSERT_EQ(kernel.run({a, b, out}), "");
  for (float value : out)
    EXPECT_TRUE(std::isnan(value));
}

TEST(EmulatorAsync, ProductThatIsNotWaitedFor) {
  HandKernel kernel(
      product("bf16", 0, 2, "%w = llvm.freeze %d : !llvm.struct<(f32, f32, f32, f32)>\n"),
      productLaunch("bf16"));
  std::vector<uint16_t> a(64 * 64), b(8 * 64);
  std::vector<float> out(512);
  EXPECT_THAT(kernel.run({a, b, out}), HasSubstr("has ended with wgmmas in flight"));
}

} // namespace
