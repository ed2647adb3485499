//===- StepVerifyMatmulTest.cpp - matmuls that make no sense --------------===//
//
// Each case changes one thing in a valid program and names the part of the
// message that must follow.
//
//===----------------------------------------------------------------------===//
#include "tests/unit/StepRefusal.h"

namespace swamla {
namespace {

using namespace test;
using schema::DType;
using schema::View;

schema::MatmulT &matmul(schema::StepT &step) {
  return *opsOf(step, "micro_step")[2]->kind.AsMatmul();
}

//===----------------------------------------------------------------------===//
// f32 and bf16: an 8 x 4 matrix times a 4 x 8 one
//===----------------------------------------------------------------------===//

const std::vector<StepChange> &cases() {
  static const std::vector<StepChange> all = {
      {"Zero", [](auto &s) { matmul(s).k = 0; },
       "programs[0].ops[2] ('h.0.attn.qkv'): m 8, n 8 and k 0 must be 1 to 2147483647"},
      {"Huge", [](auto &s) { matmul(s).m = 1ULL << 40; }, "m 1099511627776, n 8 and k 4 must be"},
      {"View", [](auto &s) { matmul(s).b = view(kParams, 512, 128); },
       "('h.0.attn.qkv'): matrix b covers 128 bytes from byte 512, but buffer 'params'"},
      {"Lda", [](auto &s) { matmul(s).lda = 3; }, "matrix a has rows of 4 elements, but lda is 3"},
      {"LdaTransposed", [](auto &s) { matmul(s).transpose_a = true; },
       "matrix a has rows of 8 elements, but lda is 4"},
      {"LdbTransposed",
       [](auto &s) {
         matmul(s).transpose_b = true;
         matmul(s).ldb = 3;
       },
       "matrix b has rows of 4 elements, but ldb is 3"},
      {"Ldc", [](auto &s) { matmul(s).ldc = 1ULL << 31; },
       "matrix c has rows of 8 elements, but ldc is 2147483648"},
      {"Extent", [](auto &s) { matmul(s).lda = 5; },
       "matrix a, 8 x 4 with lda 5, needs 156 bytes, but its view has 128 bytes"},
      {"ResultExtent", [](auto &s) { matmul(s).c = view(kArena, 1024, 252); },
       "matrix c, 8 x 8 with ldc 8, needs 256 bytes, but its view has 252 bytes"},
      {"OverlapA", [](auto &s) { matmul(s).c = view(kArena, 124, 256); },
       "the result c overlaps matrix a: c is at byte 124 of buffer 'arena', a at byte 0"},
      {"OverlapB", [](auto &s) { matmul(s).b = view(kArena, 1024 + 252, 128); },
       "the result c overlaps matrix b: c is at byte 1024 of buffer 'arena', b at byte 1276"},
      {"OverlapColumns",
       [](auto &s) {
         // Rows of 24 elements: a is columns 0..3, c columns 3..10.
         matmul(s).a = view(kArena, 0, 1024);
         matmul(s).lda = 24;
         matmul(s).c = view(kArena, 12, 1024);
         matmul(s).ldc = 24;
       },
       "the result c overlaps matrix a: c is at byte 12"},
      {"OverlapWrapped",
       [](auto &s) {
         // c begins in column 22 of 24 and so reaches into columns 0..5 of the next rows.
         matmul(s).a = view(kArena, 0, 1024);
         matmul(s).lda = 24;
         matmul(s).c = view(kArena, 88, 1024);
         matmul(s).ldc = 24;
       },
       "the result c overlaps matrix a: c is at byte 88"},
      {"TypeI32", [](auto &s) { matmul(s).a_type = matmul(s).b_type = DType::I32; },
       "('h.0.attn.qkv'): operands of type I32 and I32, a result of type F32; expected both F32 "
       "or"},
      {"TypeUnknown", [](auto &s) { matmul(s).c_type = DType(9); },
       "operands of type F32 and F32, a result of type 9"},
      {"NarrowResult", [](auto &s) { matmul(s).c_type = DType::BF16; },
       "operands of type F32 and F32, a result of type BF16; expected"},
      {"NarrowSum",
       [](auto &s) {
         matmul(s).a_type = matmul(s).b_type = matmul(s).c_type = DType::BF16;
         matmul(s).accumulate = true;
       },
       "('h.0.attn.qkv'): accumulates in BF16; sums must be F32"},
      {"Tf32",
       [](auto &s) {
         matmul(s).a_type = matmul(s).b_type = DType::BF16;
         matmul(s).tf32 = true;
       },
       "('h.0.attn.qkv'): tf32 is for operands of type F32, not BF16"},
      {"Alignment", [](auto &s) { matmul(s).a = view(kArena, 2, 128); },
       "matrix a covers 128 bytes from byte 2; both must be multiples of 4"},
      {"HalfExtent",
       [](auto &s) {
         // 8 x 4 of 2 bytes are 64 bytes.
         matmul(s).a_type = matmul(s).b_type = DType::BF16;
         matmul(s).a = view(kArena, 0, 62);
       },
       "matrix a, 8 x 4 with lda 4, needs 64 bytes, but its view has 62 bytes"},
      {"OverlapTypes",
       [](auto &s) {
         // Columns that would be apart if both were f32.
         matmul(s).a_type = matmul(s).b_type = DType::BF16;
         matmul(s).a = view(kArena, 0, 1024);
         matmul(s).lda = 24;
         matmul(s).c = view(kArena, 16, 1024);
         matmul(s).ldc = 24;
       },
       "the result c overlaps matrix a: c is at byte 16"},
      {"WritesScalars",
       [](auto &s) {
         matmul(s).m = matmul(s).n = 1;
         matmul(s).c = view(kScalars, 0, 4);
       },
       "writes to buffer 'scalars' of kind Scalars, which is the runtime's"},
      {"MixedTypes", [](auto &s) { matmul(s).b_type = DType::BF16; },
       "operands of type F32 and BF16, a result of type F32"},
      {"ScalesOfF32", [](auto &s) { matmul(s).a_scale = view(kArena, 4096, 4); },
       "an a_scale and no b_scale; expected both with operands in f8, and none with others"},
      {"FastAccumOfF32", [](auto &s) { matmul(s).fast_accum = true; },
       "fast_accum is for operands in f8, not F32"},
  };
  return all;
}

class StepVerifyMatmulTest : public testing::TestWithParam<StepChange> {};

TEST_P(StepVerifyMatmulTest, IsRefused) { expectRefused(sampleStep(), GetParam()); }
INSTANTIATE_TEST_SUITE_P(Change, StepVerifyMatmulTest, testing::ValuesIn(cases()),
                         [](const auto &info) { return info.param.name; });

TEST(StepVerifyMatmul, TakesHalves) {
  // Operands of 2 bytes that begin between words, a sum in f32.
  schema::StepT step = sampleStep();
  matmul(step).a_type = matmul(step).b_type = DType::BF16;
  matmul(step).a = view(kArena, 2, 64);
  matmul(step).b = view(kParams, 6, 64);
  matmul(step).accumulate = true;
  opsOf(step, "micro_step")[1]->kind.AsLaunch()->views[0] = View(kParams, 2, 126);
  auto file = loadStep(step);
  EXPECT_TRUE(file.isOk()) << file.status().message();
}

//===----------------------------------------------------------------------===//
// f8
//===----------------------------------------------------------------------===//

const std::vector<StepChange> &f8Cases() {
  static const std::vector<StepChange> all = {
      {"BothE5M2", [](auto &s) { matmul(s).b_type = DType::F8E5M2; },
       "operands of type F8E5M2 and F8E5M2, a result of type BF16; expected both F32 or both BF16, "
       "or F8E4M3 with F8E4M3 or F8E5M2"},
      {"OneF8", [](auto &s) { matmul(s).b_type = DType::BF16; },
       "operands of type F8E5M2 and BF16, a result of type BF16"},
      {"F8Result", [](auto &s) { matmul(s).c_type = DType::F8E4M3; },
       "operands of type F8E5M2 and F8E4M3, a result of type F8E4M3"},
      {"NarrowSum", [](auto &s) { matmul(s).accumulate = true; }, "accumulates in BF16"},
      {"Tf32", [](auto &s) { matmul(s).tf32 = true; }, "tf32 is for operands of type F32"},
      {"TransposedA", [](auto &s) { matmul(s).transpose_a = true; },
       "operands in f8, expected transpose_b without transpose_a"},
      {"PlainB", [](auto &s) { matmul(s).transpose_b = false; },
       "operands in f8, expected transpose_b without transpose_a"},
      {"OddM", [](auto &s) { matmul(s).m = 8; },
       "m 8, n 16 and k 48 must be multiples of 16 with operands in f8"},
      {"OddN", [](auto &s) { matmul(s).n = 17; }, "m 32, n 17 and k 48 must be multiples of 16"},
      {"OddK", [](auto &s) { matmul(s).k = 40; }, "m 32, n 16 and k 40 must be multiples of 16"},
      {"OffsetOfA", [](auto &s) { matmul(s).a = view(kArena, 8, 1536); },
       "matrix a is at byte 8, its rows 48 bytes apart; both must be multiples of 16"},
      {"OffsetOfB", [](auto &s) { matmul(s).b = view(kArena, 2049, 768); },
       "matrix b is at byte 2049, its rows 48 bytes apart; both must be multiples of 16"},
      {"RowsOfB", [](auto &s) { matmul(s).ldb = 56, matmul(s).b = view(kArena, 2048, 1024); },
       "matrix b is at byte 2048, its rows 56 bytes apart"},
      {"RowsOfC", [](auto &s) { matmul(s).ldc = 20, matmul(s).c = view(kArena, 4096, 2048); },
       "matrix c is at byte 4096, its rows 40 bytes apart"},
      {"NoScales", [](auto &s) { matmul(s).a_scale.reset(), matmul(s).b_scale.reset(); },
       "no a_scale and no b_scale; expected both with operands in f8"},
      {"OneScale", [](auto &s) { matmul(s).b_scale.reset(); }, "an a_scale and no b_scale"},
      {"MixedScales", [](auto &s) { matmul(s).a_scale = view(kArena, 8192, 128); },
       "a_scale has 128 bytes and b_scale 4; expected 4 both, or 128 and 64"},
      {"ScaleOutside", [](auto &s) { matmul(s).a_scale = view(kArena, 65536, 4); },
       "a_scale covers 4 bytes from byte 65536, but buffer 'arena' has 65536 bytes"},
      {"ScaleBuffer", [](auto &s) { matmul(s).b_scale = view(99, 0, 4); },
       "b_scale is in buffer 99, but there are 7 buffers"},
      {"ScaleAlignment", [](auto &s) { matmul(s).b_scale = view(kArena, 8194, 4); },
       "b_scale covers 4 bytes from byte 8194; both must be multiples of 4"},
      {"SingleScaleAlignment", [](auto &s) { matmul(s).b_scale = view(kArena, 8196, 4); },
       "b_scale is at byte 8196, expected a multiple of 16"},
      {"RowScaleAlignment",
       [](auto &s) {
         matmul(s).a_scale = view(kArena, 8192, 128);
         matmul(s).b_scale = view(kArena, 8324, 64);
       },
       "b_scale is at byte 8324, expected a multiple of 16"},
      {"ScaleInResult", [](auto &s) { matmul(s).a_scale = view(kArena, 4112, 4); },
       "a_scale overlaps the result c"},
  };
  return all;
}

class StepVerifyF8MatmulTest : public testing::TestWithParam<StepChange> {};

TEST_P(StepVerifyF8MatmulTest, IsRefused) {
  schema::StepT step = sampleStep();
  opsOf(step, "micro_step")[2] = makeF8Matmul();
  expectRefused(std::move(step), GetParam());
}
INSTANTIATE_TEST_SUITE_P(Change, StepVerifyF8MatmulTest, testing::ValuesIn(f8Cases()),
                         [](const auto &info) { return info.param.name; });

TEST(StepVerifyMatmul, TakesF8) {
  schema::StepT step = sampleStep();
  opsOf(step, "micro_step")[2] = makeF8Matmul();
  auto single = loadStep(step);
  EXPECT_TRUE(single.isOk()) << single.status().message();
  matmul(step).a_type = matmul(step).b_type = DType::F8E4M3;
  matmul(step).a_scale = view(kArena, 8192, 128);
  matmul(step).b_scale = view(kArena, 8320, 64);
  matmul(step).c_type = DType::F32;
  matmul(step).c = view(kArena, 4096, 2048);
  matmul(step).accumulate = matmul(step).fast_accum = true;
  auto each = loadStep(step);
  EXPECT_TRUE(each.isOk()) << each.status().message();
}

} // namespace
} // namespace swamla
