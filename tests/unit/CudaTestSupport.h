//===- CudaTestSupport.h - programs for a GPU in tests --------------------===//
#pragma once

#include "runtime/device/CudaLibrary.h"
#include "tests/unit/CpuTestSupport.h"
#include "tests/unit/TestKernels.ptx.h"
#include "tests/unit/TrainTestSupport.h"

#include <cstdlib>
#include <string_view>

namespace swamla::test {

/// Whether tests/fakecuda stands in for the driver: it neither assembles PTX nor is it fast.
inline bool isFakeGpu() { return std::getenv("SWAMLA_FAKE_GPU") != nullptr; }

/// A test that is skipped where there is no GPU, with a cache of matmul algorithms of its own.
class CudaTest : public FolderTest {
protected:
  void SetUp() override {
    FolderTest::SetUp();
    Result<const CudaLibrary *> library = loadCudaLibrary();
    ASSERT_TRUE(library.isOk() || !isFakeGpu()) << library.status().message();
    if (!library.isOk())
      GTEST_SKIP() << library.status().message();
    CudaReport report = (*library)->report();
    if (report.gpus == 0)
      GTEST_SKIP() << report.lines.back().second;
    ::setenv("XDG_CACHE_HOME", path("cache").c_str(), /*replace=*/1);
  }
};

/// An empty program for sm_90a.
inline schema::StepT emptyCudaStep() {
  schema::StepT step = emptyStep();
  step.target->kind = "cuda";
  step.target->triple = "nvptx64-nvidia-cuda";
  step.target->cpu = "sm_90a";
  return step;
}

/// The kernels of TestKernels.ptx.
enum CudaKernel : unsigned { kScaleAdd, kCount, kCountToo, kTile, kDelay };

inline void addCudaKernel(schema::StepT &step, const char *name, unsigned views, unsigned grid,
                          unsigned block) {
  auto kernel = std::make_unique<schema::KernelT>();
  kernel->name = name;
  kernel->num_views = views;
  kernel->gpu = std::make_unique<schema::GpuLaunchT>();
  kernel->gpu->grid_x = grid;
  kernel->gpu->block = block;
  step.kernels.push_back(std::move(kernel));
}

/// emptyCudaStep() with TestKernels.ptx: scale_add works on 1000 elements, tile on an f32 matrix of
/// 6 rows and 8 columns, its rows 12 elements apart.
inline schema::StepT stepWithCudaKernels() {
  schema::StepT step = emptyCudaStep();
  std::string_view ptx = kTestKernelsPtx;
  step.code.assign(ptx.begin(), ptx.end());
  addCudaKernel(step, "scale_add", 3, 8, 125);
  addCudaKernel(step, "count", 1, 1, 1);
  addCudaKernel(step, "count_too", 1, 1, 1);
  addCudaKernel(step, "tile", 2, 1, 32);
  addCudaKernel(step, "delay", 2, 1, 1);
  step.kernels[kCount]->scratch_bytes = step.kernels[kCountToo]->scratch_bytes = 4;
  schema::GpuLaunchT &tile = *step.kernels[kTile]->gpu;
  tile.shared_bytes = 256;
  auto map = std::make_unique<schema::TensorMapT>();
  map->view = 0;
  map->offset = 16;
  map->dims = {8, 6};
  map->strides = {48};
  map->box = {8, 4};
  tile.tensor_maps.push_back(std::move(map));
  return step;
}

} // namespace swamla::test
