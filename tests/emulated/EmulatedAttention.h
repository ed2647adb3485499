//===- EmulatedAttention.h - attention problems on an emulated GPU --------===//
#pragma once

#include "tests/emulated/EmulatedOp.h"
#include "tests/unit/AttentionProblem.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <limits>
#include <map>

namespace swamla::test {

inline uint16_t toBf16(float value) {
  auto bits = std::bit_cast<uint32_t>(value);
  return std::isnan(value) ? 0x7FFF : uint16_t((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}
inline float fromBf16(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }

/// A case, and what its elements are.
struct GpuCase {
  Case shape;
  bool bf16 = false;
  bool matrixUnits = false;        ///< whether wgmma serves it
  bool matrixUnitsBackward = true; ///< ... and its gradient
  bool fromOut = false;            ///< whether the gradient computes delta itself
};

inline void PrintTo(const GpuCase &c, std::ostream *os) {
  PrintTo(c.shape, os);
  *os << (c.bf16 ? " bf16" : " f32") << (c.fromOut ? " from out" : "");
}

class EmulatedAttention : public testing::TestWithParam<GpuCase>, protected AttentionProblem {
protected:
  EmulatedAttention() : AttentionProblem(GetParam().shape) {
    if (bf16())
      for (const Heads *t : {&q, &k, &v, &shared, &dout})
        visit(*t, [&](int64_t m, int64_t h, int64_t d) {
          t->at(m, h, d) = fromBf16(toBf16(t->at(m, h, d)));
        });
  }

  bool bf16() const { return GetParam().bf16; }

  /// Puts attention's result where the gradient reads it, and forgets delta, which is to be
  /// sum(out * dout).
  void giveOut() {
    visit(out, [&](int64_t m, int64_t h, int64_t d) {
      float value = float(element(rOut, out, m, h, d));
      out.at(m, h, d) = bf16() ? fromBf16(toBf16(value)) : value;
    });
    visit(delta, [&](int64_t m, int64_t h, int64_t) {
      double sum = 0;
      for (int64_t d = 0; d < c.v; ++d)
        sum += double(out.at(m, h, d)) * dout.at(m, h, d);
      element(rDelta, delta, m, h, 0) = sum;
      delta.at(m, h, 0) = std::numeric_limits<float>::quiet_NaN();
    });
  }

  /// Views of tensors as the kernel has them: f32 where they lie, or bf16 copies.
  class Views {
  public:
    explicit Views(bool bf16) : bf16(bf16) {}

    void add(const Heads &t, bool isElement = true) { list.push_back({&t, isElement && bf16}); }
    /// Copies inputs in; the views of the kernel. `rows` are those of all tensors.
    std::vector<HostView> open(int64_t rows) {
      std::vector<HostView> views;
      for (auto [t, narrow] : list) {
        auto last = (rows - 1) * t->rowStride + (t->heads - 1) * t->headStride + t->width;
        if (!narrow) {
          views.emplace_back(t->base(), size_t(last) * 4, unsigned(t->offset * 4 % 256));
          continue;
        }
        std::vector<uint16_t> &copy = copies[t->buffer];
        if (copy.empty())
          for (int64_t i = 0; i < t->buffer->count; ++i)
            copy.push_back(toBf16((*t->buffer)[i]));
        views.emplace_back(copy.data() + t->offset, size_t(last) * 2,
                           unsigned(t->offset * 2 % 256));
      }
      return views;
    }
    /// Copies results back.
    void close() {
      for (auto &[buffer, copy] : copies)
        for (int64_t i = 0; i < buffer->count; ++i)
          (*buffer)[i] = fromBf16(copy[size_t(i)]);
      copies.clear();
    }

  private:
    bool bf16;
    std::vector<std::pair<const Heads *, bool>> list;
    std::map<Buffer *, std::vector<uint16_t>> copies;
  };

  Views forwardGpuViews() const {
    Views views(bf16());
    for (const Heads *t : {&q, &k, &v})
      views.add(*t);
    if (c.shared)
      views.add(shared);
    views.add(out);
    views.add(lse, false);
    return views;
  }
  Views backwardGpuViews() const {
    Views views(bf16());
    for (const Heads *t : {&q, &k, &v})
      views.add(*t);
    if (c.shared)
      views.add(shared);
    views.add(dout);
    views.add(lse, false);
    if (GetParam().fromOut)
      views.add(out);
    else
      views.add(delta, false);
    for (const Heads *t : {&dq, &dk, &dv})
      views.add(*t);
    if (c.shared)
      views.add(dshared);
    if (GetParam().fromOut)
      views.add(delta, false);
    return views;
  }

  std::string text(std::string op) const {
    if (bf16())
      op.replace(op.find("element f32"), 11, "element bf16");
    return op;
  }

  /// Runs the kernel under all schedules; the results must have the same bits each time.
  void run(const std::string &op, Views &views, Tensors &results) {
    results.poison();
    EmulatedOp kernel(text(op), views.open(c.rows()));
    views.close();
    ASSERT_EQ(kernel.errors(), "");
    usedMatrixUnits = kernel.usesMatrixUnits();
    std::vector<std::vector<float>> first;
    for (const EmulationOptions &options : schedules(3)) {
      results.poison();
      kernel.run(views.open(c.rows()), options);
      if (HasFatalFailure())
        return;
      views.close();
      std::vector<std::vector<float>> found = results.copy();
      if (first.empty())
        first = found;
      for (size_t i = 0; i < first.size(); ++i)
        ASSERT_EQ(std::memcmp(first[i].data(), found[i].data(), first[i].size() * 4), 0)
            << "the bits of result " << i << " depend on the schedule (seed " << options.seed
            << ")";
    }
  }

  bool usedMatrixUnits = false;

  void expectClose(const char *name, const Heads &t, Expected &expected, bool isElement = true) {
    double error = relativeError(t, expected);
    EXPECT_LT(error, isElement && bf16() ? 6e-3 : 2e-6) << name;
  }
};

} // namespace swamla::test
