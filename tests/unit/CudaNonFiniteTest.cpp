//===- CudaNonFiniteTest.cpp - finding what went wrong on a GPU -----------===//
#include "runtime/train/NonFinite.h"
#include "tests/unit/CudaTestSupport.h"

#include <cmath>

namespace swamla {
namespace {

using namespace test;
using schema::View;

class CudaNonFiniteTest : public CudaTest {};

TEST_F(CudaNonFiniteTest, RunsOpByOpAndNamesTheFirst) {
  // y = 2 x + s twice: from params into the arena, and on.
  constexpr uint64_t kBytes = 4000;
  schema::StepT step = stepWithCudaKernels();
  for (unsigned flat : {kParams, kGrads, kState})
    step.buffers[flat]->bytes = 8192;
  for (schema::Access access :
       {schema::Access::Read, schema::Access::Write, schema::Access::Read}) {
    auto view = std::make_unique<schema::KernelViewT>();
    view->access = access;
    bool isScalar = step.kernels[kScaleAdd]->views.size() == 2;
    view->sizes = {isScalar ? 1U : 1000U};
    view->strides = {1};
    step.kernels[kScaleAdd]->views.push_back(std::move(view));
  }
  View x(kParams, 0, kBytes), y(kArena, 0, kBytes), z(kArena, 8192, kBytes), s(kResults, 64, 4);
  auto &ops = opsOf(step, "micro_step");
  ops.push_back(makeLaunch(kScaleAdd, {x, y, s}, 1));
  ops.push_back(makeLaunch(kScaleAdd, {y, z, s}, 1));
  ops.back()->label = "h.1.norm1";
  auto loaded = load(step, {});
  ASSERT_TRUE(succeeded(loaded));
  Device &device = *loaded->device;
  for (int i = 0; i < 3; ++i) // into a graph, as a training run would
    ASSERT_TRUE(succeeded(device.run(0)));
  NonFiniteSearch search(device);
  auto found = search.inProgram(0, 1);
  ASSERT_TRUE(succeeded(found));
  EXPECT_FALSE(*found);

  test::write(device, kParams, 700 * sizeof(float), {1.2e38F}); // 4 times that is too large
  found = search.inProgram(0, 0);
  ASSERT_TRUE(succeeded(found));
  EXPECT_FALSE(*found) << "the last op that it may run is the first";
  found = search.inProgram(0, 1);
  ASSERT_TRUE(succeeded(found));
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->describe(),
            "h.1.norm1 (kernel scale_add of micro_step), output 1: 1 of 1,000 "
            "elements, the first is inf at [700]; its inputs were finite");
  EXPECT_EQ(device.runOp(0, 2).code(), StatusCode::Internal);
}

} // namespace
} // namespace swamla
