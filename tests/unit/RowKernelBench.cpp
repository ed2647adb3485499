//===- RowKernelBench.cpp - row kernels against a memory copy -------------===//
//
// Prints, for arrays larger than the last-level cache, the bytes a second that row
// kernels move (each view counted once), beside memcpy's on as many threads.
//
//===----------------------------------------------------------------------===//
#include "tests/unit/KernelHarness.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <functional>
#include <thread>

using namespace swamla::test;
using fmt::format;

namespace {

constexpr int64_t kRows = 16384, kWidth = 2048, kUnitRows = 64, kUnits = kRows / kUnitRows;
constexpr double kArrayBytes = 4.0 * kRows * kWidth;

using Range = std::function<void(int64_t begin, int64_t end)>;

/// Best time of a few runs over all units, split over threads.
double bestSeconds(unsigned threads, const Range &run) {
  double best = 1e9;
  for (int trial = 0; trial < 7; ++trial) {
    auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> workers;
    for (unsigned i = 1; i < threads; ++i)
      workers.emplace_back([&, i] { run(kUnits * i / threads, kUnits * (i + 1) / threads); });
    run(0, kUnits / threads);
    for (std::thread &worker : workers)
      worker.join();
    auto elapsed = std::chrono::steady_clock::now() - start;
    best = std::min(best, std::chrono::duration<double>(elapsed).count());
  }
  return best;
}

struct Case {
  const char *name;
  unsigned ins, outs; ///< arrays of [kRows, kWidth], ins of f32
  std::string region;
  const char *element = "f32"; ///< of the outs
  double elementBytes = 4;
  bool transposed = false; ///< the last out
};

/// Rounds x0, straight or in both orientations.
std::string quantize(const char *values, const char *types) {
  return format("%y = arith.truncf %x0 : f32 to f8E4M3FN\nswamla.yield {} : {}", values, types);
}

std::string norm(const char *x) {
  return format(R"(
      %square = arith.mulf {0}, {0} : f32
      %total = swamla.reduce_row add %square : f32
      %n = arith.constant 2048.0 : f32
      %mean = arith.divf %total, %n : f32
      %scale = math.rsqrt %mean : f32
      %y = arith.mulf {0}, %scale : f32)",
                x);
}

std::string text(const Case &c) {
  std::string maps, arguments;
  for (unsigned i = 0; i < c.ins + c.outs; ++i) {
    bool last = i + 1 == c.ins + c.outs;
    maps += i ? ", " : "";
    maps += c.transposed && last ? format("affine_map<(m, c) -> (c * {} + m)>", kRows)
                                 : format("affine_map<(m, c) -> (m * {} + c)>", kWidth);
    arguments += format("{}%x{}: {}", i ? ", " : "", i, i < c.ins ? "f32" : c.element);
  }
  return format("step.row_kernel @{} domain [{}, {}] row_dims 1 ins {} maps [{}] unit_rows {} "
                "{{\n^bb0({}):\n{}\n}}",
                c.name, kRows, kWidth, c.ins, maps, kUnitRows, arguments, c.region);
}

} // namespace

int main(int argc, char **argv) {
  const std::vector<Case> cases = {
      {"copy", 1, 1, "swamla.yield %x0 : f32"},
      {"norm", 1, 1, norm("%x0") + "\nswamla.yield %y : f32"},
      {"residual_norm", 2, 2,
       "%s = arith.addf %x0, %x1 : f32" + norm("%s") + "\nswamla.yield %s, %y : f32, f32"},
      {"swiglu", 2, 1, R"(
        %one = arith.constant 1.0 : f32
        %minus = arith.negf %x1 : f32
        %e = math.exp %minus : f32
        %d = arith.addf %e, %one : f32
        %g = arith.divf %x1, %d : f32
        %y = arith.mulf %x0, %g : f32
        swamla.yield %y : f32)"},
      {"softmax", 1, 1, R"(
        %max = swamla.reduce_row max %x0 : f32
        %d = arith.subf %x0, %max : f32
        %e = math.exp %d : f32
        %t = swamla.reduce_row add %e : f32
        %y = arith.divf %e, %t : f32
        swamla.yield %y : f32)"},
      {"scale_in_place", 0, 1, R"(
        %minus = arith.constant -1.0 : f32
        %y = arith.mulf %x0, %minus : f32
        swamla.yield %y : f32)"},
      {"quantize", 1, 1, quantize("%y", "f8E4M3FN"), "f8E4M3FN", 1},
      {"quantize_transposed", 1, 1, quantize("%y", "f8E4M3FN"), "f8E4M3FN", 1, true},
      {"quantize_both", 1, 2, quantize("%y, %y", "f8E4M3FN, f8E4M3FN"), "f8E4M3FN", 1, true},
      {"transpose", 1, 1, "swamla.yield %x0 : f32", "f32", 4, true},
  };
  std::string source;
  for (const Case &c : cases)
    source += text(c);
  Kernels kernels(source, argc > 1 ? argv[1] : "native");
  fmt::print("{}{} kernels: lowered in {:.0f} ms, compiled in {:.0f} ms, {} bytes of code\n",
             kernels.errors(), cases.size(), 1e3 * kernels.lowerSeconds,
             1e3 * kernels.compileSeconds, kernels.codeBytes);

  float *arrays[4];
  for (unsigned i = 0; i < 4; ++i) {
    // Where the runtime's buffers are: on a cache line.
    arrays[i] = static_cast<float *>(std::aligned_alloc(64, static_cast<size_t>(kArrayBytes)));
    std::vector<float> row = randomFloats(kWidth, i);
    for (int64_t m = 0; m < kRows; ++m)
      std::memcpy(arrays[i] + m * kWidth, row.data(), kWidth * sizeof(float));
  }
  for (unsigned threads : {1U, 2U}) {
    constexpr int64_t unit = kUnitRows * kWidth;
    double copy = bestSeconds(threads, [&](int64_t begin, int64_t end) {
      std::memcpy(&arrays[1][begin * unit], &arrays[0][begin * unit], 4 * unit * (end - begin));
    });
    double ceiling = 2 * kArrayBytes / copy;
    fmt::print("{} thread(s): memcpy {:.1f} GB/s\n", threads, ceiling * 1e-9);
    for (const Case &c : cases) {
      std::vector<void *> views;
      for (unsigned i = 0; i < c.ins + c.outs; ++i)
        views.push_back(arrays[i]);
      double time = bestSeconds(threads, [&](int64_t begin, int64_t end) {
        std::vector<std::byte> scratch(kernels.scratchBytes() + 1); // one for each thread
        kernels.run(c.name, views, begin, end, scratch.data());
      });
      // What is updated in place is read and written.
      double bytes = kArrayBytes * (c.ins == 0 ? 2 * c.outs : c.ins + c.outs * c.elementBytes / 4);
      fmt::print("  {:19} {:5.1f} GB/s, {:3.0f}% of memcpy\n", c.name, bytes / time * 1e-9,
                 100 * bytes / time / ceiling);
    }
  }
  for (float *array : arrays)
    std::free(array);
}
