//===- CostTest.cpp - FLOPs and bytes that ops say they cost --------------===//
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

using namespace mlir;
using namespace swamla;

namespace {

class Cost : public testing::Test {
protected:
  Cost() { context.loadDialect<SwamlaDialect>(); }

  /// The first op of type OpType in `text`, which holds one function.
  template <typename OpType> OpType parse(const std::string &text) {
    module = parseSourceString<ModuleOp>(text, &context);
    OpType found;
    if (module)
      module->walk([&](OpType op) { found = op; });
    EXPECT_TRUE(found);
    return found;
  }

  /// Attention of two sequences of `seq`, four query heads on two KV heads; Dqk = 3, Dv = 5.
  AttentionOp attention(int64_t seq, const std::string &mask) {
    std::string m = std::to_string(2 * seq), q = "tensor<" + m + "x12xf32>";
    std::string k = "tensor<" + m + "x6xf32>", v = "tensor<" + m + "x10xf32>";
    return parse<AttentionOp>("func.func @f(%q: " + q + ", %k: " + k + ", %v: " + v + ") {\n" +
                              "%o, %l = swamla.attention %q, %k, %v seq " + std::to_string(seq) +
                              " heads 4 kv_heads 2 scale 1.0 " + mask + " : " + q + ", " + k +
                              ", " + v + " -> tensor<" + m + "x20xf32>, tensor<4x" + m +
                              "xf32>\nreturn }");
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

/// Pairs that the mask shows, counted one by one.
int64_t countPairs(int64_t seq, std::optional<int64_t> window, int64_t sink) {
  int64_t pairs = 0;
  for (int64_t i = 0; i < seq; ++i)
    for (int64_t j = 0; j <= i; ++j)
      pairs += !window || i - j <= *window || j < sink;
  return pairs;
}

TEST_F(Cost, AttentionCountsThePairsThatItsMaskShows) {
  for (int64_t seq : {1, 2, 7, 16}) {
    EXPECT_EQ(attention(seq, "").getVisiblePairs(), countPairs(seq, std::nullopt, 0));
    for (int64_t window : {0, 1, 5, 20})
      for (int64_t sink : {0, 1, 4, 30}) {
        std::string mask = "window " + std::to_string(window) + " sink " + std::to_string(sink);
        EXPECT_EQ(attention(seq, mask).getVisiblePairs(), countPairs(seq, window, sink))
            << seq << " " << mask;
      }
  }
}

TEST_F(Cost, Attention) {
  AttentionOp op = attention(7, "window 2 sink 1");
  // Two products, of widths 3 and 5, for each of 2 sequences and 4 heads.
  EXPECT_EQ(op.getFlops(), uint64_t(2 * (3 + 5) * 2 * 4 * countPairs(7, 2, 1)));
  EXPECT_EQ(op.getBytes(), uint64_t(4 * 14 * (12 + 6 + 10 + 20 + 4)));
  EXPECT_EQ(op.getQkWidth(), 3);
  EXPECT_EQ(op.getVWidth(), 5);
  EXPECT_EQ(op.getSharedWidth(), 0);
}

TEST_F(Cost, AttentionGrad) {
  auto op = parse<AttentionGradOp>(R"(
    func.func @f(%q: tensor<8x12xf32>, %k: tensor<8x8xf32>, %v: tensor<8x6xf32>, %s: tensor<8x2xf32>, %l: tensor<2x8xf32>) {
      %dq, %dk, %dv, %ds = swamla.attention_grad %q, %k, %v shared %s, %v, %l, %l seq 8 heads 2 kv_heads 2 scale 0.5
        : tensor<8x12xf32>, tensor<8x8xf32>, tensor<8x6xf32>, tensor<8x2xf32>, tensor<8x6xf32>, tensor<2x8xf32>, tensor<2x8xf32>
        -> tensor<8x12xf32>, tensor<8x8xf32>, tensor<8x6xf32>, tensor<8x4xf32>
      return
    })");
  // Scores, dq and dk of width 6, dv and the probabilities' cotangent of width 3.
  EXPECT_EQ(op.getFlops(), uint64_t(2 * (3 * 6 + 2 * 3) * 2 * 36));
}

TEST_F(Cost, Matmul) {
  auto op = parse<MatmulOp>(R"(
    func.func @f(%a: tensor<5x3xf32>, %b: tensor<5x7xf32>, %i: tensor<3x7xf32>) {
      %0 = swamla.matmul %a, %b init %i transpose_a : tensor<5x3xf32>, tensor<5x7xf32>, tensor<3x7xf32> -> tensor<3x7xf32>
      return
    })");
  EXPECT_EQ(op.getFlops(), 2u * 3 * 5 * 7);
  EXPECT_EQ(op.getBytes(), 4u * (5 * 3 + 5 * 7 + 2 * 3 * 7));
}

TEST_F(Cost, ScaledMatmul) {
  auto op = parse<MatmulOp>(R"(
    func.func @f(%a: tensor<32x48xf8E5M2>, %b: tensor<16x48xf8E4M3FN>, %s: tensor<32xf32>, %t: tensor<16xf32>) {
      %0 = swamla.matmul %a, %b scales %s, %t transpose_b
        : tensor<32x48xf8E5M2>, tensor<16x48xf8E4M3FN>, tensor<32xf32>, tensor<16xf32> -> tensor<32x16xbf16>
      return
    })");
  EXPECT_EQ(op.getFlops(), 2U * 32 * 16 * 48);
  EXPECT_EQ(op.getBytes(), 32U * 48 + 16 * 48 + 4 * (32 + 16) + 2 * 32 * 16);
}

TEST_F(Cost, EmbeddingGradTouchesTheRowsOfItsTokens) {
  auto op = parse<EmbeddingGradOp>(R"(
    func.func @f(%t: tensor<4xi32>, %d: tensor<4x6xf32>, %i: tensor<900x6xf32>) {
      %0 = swamla.embedding_grad %t, %d init %i : tensor<4xi32>, tensor<4x6xf32>, tensor<900x6xf32> -> tensor<900x6xf32>
      return
    })");
  EXPECT_EQ(op.getFlops(), 24u);
  EXPECT_EQ(op.getBytes(), 4u * (4 + 3 * 24)); // tokens; dy read, the rows read and written
}

TEST_F(Cost, FusedCountsWhatItsMapsReach) {
  auto op = parse<FusedOp>(R"(
    func.func @f(%t: tensor<4xi32>, %w: tensor<900x6xf32>, %p: tensor<2x6xf32>, %x: tensor<4x6xf32>) -> tensor<4x6xf32> {
      %e = tensor.empty() : tensor<4xf32>
      %0:2 = swamla.fused [4 | 6] ins(%t, %w, %p : tensor<4xi32>, tensor<900x6xf32>, tensor<2x6xf32>)
          outs(%x, %e : tensor<4x6xf32>, tensor<4xf32>) gather [-1, 0, -1]
          maps [affine_map<(m, c) -> (m)>, affine_map<(m, c)[s] -> (s, c)>, affine_map<(m, c) -> (m mod 2, c)>,
                affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m)>] {
      ^bb0(%token: i32, %a: f32, %b: f32, %old: f32, %unused: f32):
        %0 = arith.addf %a, %b : f32
        %1 = arith.addf %0, %old : f32
        %2 = math.exp %1 : f32
        %3 = swamla.reduce_row add %2 : f32
        swamla.yield %2, %3 : f32, f32
      } -> tensor<4x6xf32>, tensor<4xf32>
      return %0#0 : tensor<4x6xf32>
    })");
  EXPECT_EQ(op.getFlops(), 4u * 24);
  // Tokens; four of the table's rows; the whole of p; x read and written; e written.
  EXPECT_EQ(op.getBytes(), 4u * (4 + 24 + 12 + 2 * 24 + 4));
}

} // namespace
