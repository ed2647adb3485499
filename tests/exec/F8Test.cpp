//===- F8Test.cpp - eight-bit floats through the whole compiler -----------===//
#include "runtime/base/Bf16.h"
#include "tests/exec/ExecProgram.h"
#include "tests/unit/F8Format.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace swamla::test {
namespace {

/// What bf16 numbers are as E4M3 and E5M2, straight and transposed, is the same to the bit with and
/// without merging and on any number of threads, and is what the formats' definitions say.
TEST(F8, QuantizedNumbersAreExact) {
  for (const ExecVariant &variant :
       {ExecVariant{}, ExecVariant{.fuse = false}, ExecVariant{.threads = 2}}) {
    ExecProgram *program = execProgram("forward/f8.mlir", variant);
    ASSERT_TRUE(program);
    // Merged, the producer, the quantisation and its reader in rows are one kernel.
    EXPECT_EQ(program->countOps("quantize.forward"), variant.fuse ? 2U : 4U);
    const ExecFunction &function = program->function("quantize");
    HostTensors inputs = function.randomInputs(11);
    inputs[0].values[5] = 1e6; // saturates
    inputs[0].values[6] = -1e-6;
    inputs[0].values[7] = std::numeric_limits<double>::quiet_NaN();
    auto results = program->forward(function, inputs);
    ASSERT_TRUE(results.isOk()) << results.status().message();
    int64_t rows = function.results[0].getDimSize(0), columns = function.results[0].getDimSize(1);
    auto expectEqual = [](double found, double expected) {
      if (std::isnan(expected))
        ASSERT_TRUE(std::isnan(found));
      else
        ASSERT_EQ(found, expected);
    };
    for (int64_t m = 0; m < rows; ++m)
      for (int64_t c = 0; c < columns; ++c) {
        float x = static_cast<float>(inputs[0].values[m * columns + c]) * 100.0F;
        float rounded = toFloat(toBf16(x));
        double e4m3 = kE4M3.value(kE4M3.nearest(rounded)),
               e5m2 = kE5M2.value(kE5M2.nearest(rounded));
        expectEqual((*results)[0].values[m * columns + c], e4m3);
        expectEqual((*results)[1].values[c * rows + m], e4m3);
        expectEqual((*results)[2].values[c * rows + m], e5m2);
      }
  }
}

} // namespace
} // namespace swamla::test
