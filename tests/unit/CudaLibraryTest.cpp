//===- CudaLibraryTest.cpp - what is said where CUDA is missing -----------===//
//
// The library is loaded once in a process, so every case is a process of its own
// (a death test) with an environment of its own.
//
//===----------------------------------------------------------------------===//
#include "runtime/device/CudaLibrary.h"
#include "tests/unit/CpuTestSupport.h"

#include <cstdio>
#include <cstdlib>

namespace swamla {
namespace {

using namespace test;

/// Ends the process with the error of loading `step` when the library is at `path`.
[[noreturn]] void loadAndExit(const schema::StepT &step, const char *path) {
  ::setenv("SWAMLA_CUDA_LIBRARY", path, /*replace=*/1);
  std::string error = loadError(step);
  std::fputs(error.c_str(), stderr);
  std::exit(3);
}

class CudaLibraryTest : public testing::Test {
protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    step.target->kind = "cuda";
    step.target->cpu = "sm_90a";
  }
  schema::StepT step = emptyStep();
};

TEST_F(CudaLibraryTest, Missing) {
  EXPECT_EXIT(loadAndExit(step, "/nonexistent/libswamla_cuda.so"), testing::ExitedWithCode(3),
              "step.bin was compiled for cuda: there is no CUDA device: "
              "/nonexistent/libswamla_cuda.so does not exist; build with CUDA 13.0, or name the "
              "library in SWAMLA_CUDA_LIBRARY");
}

TEST_F(CudaLibraryTest, NotALibrary) {
  EXPECT_EXIT(loadAndExit(step, "/proc/self/status"), testing::ExitedWithCode(3),
              "cannot load /proc/self/status: .*; it must be of the same build");
}

TEST_F(CudaLibraryTest, AnotherLibrary) {
  EXPECT_EXIT(loadAndExit(step, SWAMLA_TEST_KERNELS), testing::ExitedWithCode(3),
              "is not swamla's: it has no function swamlaCudaLibrary");
}

TEST_F(CudaLibraryTest, OfAnotherBuild) {
  EXPECT_EXIT(loadAndExit(step, SWAMLA_TEST_FOREIGN), testing::ExitedWithCode(3),
              "is of another build than this program \\(versions 0.0.1 and ");
}

} // namespace
} // namespace swamla
