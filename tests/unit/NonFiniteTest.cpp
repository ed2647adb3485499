//===- NonFiniteTest.cpp - finding the first tensor that went wrong -------===//
#include "runtime/train/NonFinite.h"

#include "tests/unit/CpuTestSupport.h"
#include "tests/unit/TrainTestSupport.h"

#include <cmath>
#include <fstream>

namespace swamla {
namespace {

using namespace test;
using schema::Access;
using schema::DType;
using schema::View;

constexpr unsigned kMicroStep = 0;

std::unique_ptr<schema::KernelViewT> describe(Access access, std::vector<uint64_t> sizes,
                                              std::vector<uint64_t> strides) {
  auto view = std::make_unique<schema::KernelViewT>();
  view->access = access;
  view->dtype = DType::F32;
  view->sizes = std::move(sizes);
  view->strides = std::move(strides);
  return view;
}

/// micro_step:
///   op 0, scale_add   y = 2 x + b on 24 elements: x at the begin of params, b in results
///   op 1, matmul      z [2, 3] = y [2, 4] w [4, 3], rows of y 12 elements apart
/// where scale_add says that its y is [2, 4] of those rows: the rest of a row is not its own.
schema::StepT twoOps() {
  schema::StepT step = emptyStep();
  std::ifstream in(SWAMLA_TEST_KERNELS, std::ios::binary);
  step.code.assign(std::istreambuf_iterator<char>(in), {});
  auto kernel = std::make_unique<schema::KernelT>();
  kernel->name = "scale_add";
  kernel->num_views = 3;
  kernel->views.push_back(describe(Access::Read, {24}, {1}));
  kernel->views.push_back(describe(Access::Write, {2, 4}, {12, 1}));
  kernel->views.push_back(describe(Access::Read, {}, {}));
  step.kernels.push_back(std::move(kernel));
  auto &ops = opsOf(step, "micro_step");
  View y(kArena, 0, 96);
  ops.push_back(makeLaunch(0, {View(kParams, 0, 96), y, View(kResults, 64, 4)}, 24));
  ops.push_back(makeMatmul(y, View(kState, 0, 48), View(kArena, 1024, 24), 2, 3, 4));
  ops.back()->kind.AsMatmul()->lda = 12;
  return step;
}

class NonFiniteTest : public testing::Test {
protected:
  void SetUp() override {
    auto created = load(twoOps());
    ASSERT_TRUE(succeeded(created));
    loaded = *std::move(created);
    write(device(), kState, 0, std::vector<float>(12, 1));
  }
  Device &device() { return *loaded.device; }
  void set(unsigned buffer, unsigned element, float value) {
    write(device(), buffer, element * sizeof(float), {value});
  }
  std::optional<NonFinite> search() {
    NonFiniteSearch search(device());
    auto found = search.inProgram(kMicroStep, 1);
    EXPECT_TRUE(succeeded(found));
    return found.isOk() ? *std::move(found) : std::nullopt;
  }

  Loaded loaded;
};

TEST_F(NonFiniteTest, FindsNothingWhereAllIsWell) { EXPECT_FALSE(search()); }

TEST_F(NonFiniteTest, NamesAnOverflowInTheMiddle) {
  set(kParams, 13, 3e38F); // row 1, column 1 of y
  auto found = search();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->describe(), "h.0.norm1 (kernel scale_add of micro_step), output 1: 1 of 8 "
                               "elements, the first is inf at [1, 1]; its inputs were finite");
}

TEST_F(NonFiniteTest, NamesInputsThatWereBad) {
  set(kParams, 2, NAN);
  set(kParams, 3, NAN);
  auto found = search();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->count, 2U);
  EXPECT_EQ(found->index, (std::vector<uint64_t>{0, 2}));
  EXPECT_TRUE(std::isnan(found->value));
  EXPECT_EQ(found->inputs, (std::vector<std::string>{"input 1"}));
}

TEST_F(NonFiniteTest, PaddingMayHoldAnything) {
  set(kParams, 4, NAN); // between the rows of y
  EXPECT_FALSE(search());
}

TEST(NonFiniteFileTest, ElementsMayBeginBehindTheViewsBegin) {
  schema::StepT step = twoOps();
  schema::KernelViewT &y = *step.kernels[0]->views[1];
  y.offset = 4; // the padding of the test above, without the last
  y.sizes = {1, 7};
  auto loaded = load(step);
  ASSERT_TRUE(succeeded(loaded));
  for (unsigned element : {3U, 11U, 4U}) {
    write(*loaded->device, kParams, element * sizeof(float), {NAN});
    auto found = NonFiniteSearch(*loaded->device).inProgram(kMicroStep, 0);
    ASSERT_TRUE(succeeded(found));
    EXPECT_EQ(found->has_value(), element == 4) << element;
  }
}

TEST_F(NonFiniteTest, LooksAtMatmuls) {
  set(kState, 5, -INFINITY); // w [1, 2]
  set(kParams, 1, 0.5F);
  auto found = search();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->what, "h.0.attn.qkv (matmul nn 2x3x4 f32 of micro_step), its result");
  EXPECT_EQ(found->count, 2U) << "0 times infinity in row 1 is NaN";
  EXPECT_EQ(found->index, (std::vector<uint64_t>{0, 2}));
  EXPECT_EQ(found->value, -INFINITY);
  EXPECT_EQ(found->inputs, (std::vector<std::string>{"b"}));
}

TEST(NonFiniteFileTest, StateIsKeptWhereThatIsAsked) {
  schema::StepT step = twoOps();
  auto &ops = opsOf(step, "micro_step");
  ops.insert(
      ops.begin(), // scale_add once more, on what was the parameters' and into a state
      makeLaunch(0, {View(kParams, 0, 96), View(kState, 96, 96), View(kResults, 64, 4)}, 24));
  auto loaded = load(step);
  ASSERT_TRUE(succeeded(loaded));
  Device &device = *loaded->device;
  write(device, kParams, 0, std::vector<float>(24, 1));
  NonFiniteSearch search(device);
  for (bool keepState : {true, false}) {
    ASSERT_TRUE(succeeded(search.inProgram(kMicroStep, 1, keepState)));
    EXPECT_EQ(test::read<float>(device, kState, 96, 1)[0], keepState ? 0 : 2);
    EXPECT_EQ(test::read<float>(device, kArena, 0, 1)[0], 2);
  }
}

TEST_F(NonFiniteTest, NamesParameters) {
  set(kParams, 10, 1); // w is [4, 8] at 0, b is [8] at 64
  NonFiniteSearch search(device());
  auto none = search.inParameters();
  ASSERT_TRUE(succeeded(none));
  EXPECT_FALSE(*none);
  set(kParams, 40, NAN); // between the parameters
  set(kParams, 64 + 3, INFINITY);
  auto found = search.inParameters();
  ASSERT_TRUE(succeeded(found));
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->describe(), "parameter b: 1 of 8 elements, the first is inf at [3]");
  set(kParams, 11, NAN);
  found = search.inParameters();
  ASSERT_TRUE(succeeded(found));
  EXPECT_EQ((*found)->describe(), "parameter w: 1 of 32 elements, the first is nan at [1, 3]");
}

/// The number that the bits are, as the only element of scale_add's output, which it leaves alone.
void expectFound(DType type, std::vector<uint8_t> bits, std::optional<float> value) {
  schema::StepT step = emptyStep();
  auto kernel = std::make_unique<schema::KernelT>();
  kernel->name = "count_units"; // adds 1 to an i32 elsewhere
  kernel->num_views = 2;
  kernel->views.push_back(describe(Access::Read, {}, {}));
  kernel->views.push_back(describe(Access::Write, {1}, {1}));
  kernel->views[1]->dtype = type;
  step.kernels.push_back(std::move(kernel));
  std::ifstream in(SWAMLA_TEST_KERNELS, std::ios::binary);
  step.code.assign(std::istreambuf_iterator<char>(in), {});
  opsOf(step, "micro_step")
      .push_back(makeLaunch(0, {View(kResults, 0, 4), View(kArena, 0, bits.size())}, 1));
  auto loaded = load(step);
  ASSERT_TRUE(succeeded(loaded));
  ASSERT_TRUE(succeeded(loaded->device->upload(kArena, 0, std::as_bytes(std::span(bits)))));
  NonFiniteSearch search(*loaded->device);
  auto found = search.inProgram(kMicroStep, 0);
  ASSERT_TRUE(succeeded(found));
  ASSERT_EQ(found->has_value(), value.has_value()) << fmt::format("{}", fmt::join(bits, " "));
  if (value && std::isinf(*value))
    EXPECT_EQ((*found)->value, *value);
  else if (value)
    EXPECT_TRUE(std::isnan((*found)->value));
}

TEST(NonFiniteTypesTest, KnowsEveryType) {
  expectFound(DType::F32, {0xFF, 0xFF, 0x7F, 0x7F}, std::nullopt); // the largest
  expectFound(DType::F32, {0, 0, 0x80, 0xFF}, -INFINITY);
  expectFound(DType::BF16, {0x7F, 0x7F}, std::nullopt);
  expectFound(DType::BF16, {0x80, 0x7F}, INFINITY);
  expectFound(DType::BF16, {0xC0, 0xFF}, NAN);
  expectFound(DType::F8E4M3, {0x7E, 0xFE}, std::nullopt); // 448
  expectFound(DType::F8E4M3, {0xFF, 0}, NAN);
  expectFound(DType::F8E5M2, {0x7B, 0}, std::nullopt); // 57344
  expectFound(DType::F8E5M2, {0x7C, 0}, INFINITY);
  expectFound(DType::F8E5M2, {0xFC, 0}, -INFINITY);
  expectFound(DType::F8E5M2, {0x7E, 0}, NAN);
  expectFound(DType::I32, {0xFF, 0xFF, 0xFF, 0x7F}, std::nullopt); // NaN as f32
}

//===----------------------------------------------------------------------===//
// What a file may say
//===----------------------------------------------------------------------===//

TEST(NonFiniteFileTest, DescriptionsAreChecked) {
  auto broken = [](auto change, std::initializer_list<std::string_view> says) {
    schema::StepT step = twoOps();
    change(*step.kernels[0]);
    EXPECT_TRUE(failedWith(loadStep(step), StatusCode::DataCorrupt, says));
  };
  using Kernel = schema::KernelT;
  broken([](Kernel &k) { k.views.pop_back(); }, {"kernels[0]", "describes 2 views, but takes 3"});
  broken([](Kernel &k) { k.views[1]->strides.pop_back(); },
         {"kernels[0]: views[1]: 2 sizes and 1 strides"});
  broken([](Kernel &k) { k.views[1]->sizes[0] = 0; }, {"views[1]: a size is 0"});
  broken([](Kernel &k) { k.views[1]->strides[0] = uint64_t(1) << 60; }, {"span 2^48"});
  broken([](Kernel &k) { k.views[1]->dtype = DType(9); }, {"element type 9 is not known"});
  broken([](Kernel &k) { k.views[0]->offset = 1; },
         {"programs[0].ops[0]", "'scale_add' touches 100 bytes of view 0, which has 96"});
  broken([](Kernel &k) { k.views[0]->sizes = {25}; },
         {"programs[0].ops[0]", "'scale_add' touches 100 bytes of view 0, which has 96"});
}

} // namespace
} // namespace swamla
