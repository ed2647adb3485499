//===- AttentionProblem.h - attention by plain loops ----------------------===//
//
// One attention problem for tests: its buffers, the text of its kernels, and what
// they should compute, in double precision. Buffers end at a page that cannot be
// touched, and what a kernel may not read before writing it is NaN.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <ostream>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace swamla::test {

constexpr int64_t kNoWindow = -1;

/// How q, k, v (and their gradients) lie in memory.
enum class Layout {
  Dense,  ///< each in a buffer of its own
  Slices, ///< q, k, v side by side in the rows of one buffer
  Joined  ///< k and v side by side within each head
};

struct Case {
  int64_t seq, own, v; ///< widths: a key's own columns, a value
  int64_t shared = 0, window = kNoWindow, sink = 0, heads = 2, group = 1, batch = 1;
  Layout layout = Layout::Dense;
  std::string cpu = "native";
  int64_t align = 1; ///< row strides and offsets of q, k, v, ... are multiples of it, in elements

  int64_t qk() const { return own + shared; }
  int64_t kvHeads() const { return heads / group; }
  int64_t rows() const { return batch * seq; }
  double scale() const { return 1 / std::sqrt(static_cast<double>(qk())); }
  bool sees(int64_t i, int64_t j) const {
    return j <= i && (window == kNoWindow || i - j <= window || j < sink);
  }
};

inline void PrintTo(const Case &c, std::ostream *os) {
  *os << "seq " << c.seq << " widths " << c.own << "+" << c.shared << "/" << c.v << " window "
      << c.window << " sink " << c.sink << " heads " << c.heads << "/" << c.kvHeads() << " batch "
      << c.batch << " layout " << static_cast<int>(c.layout) << " cpu " << c.cpu;
}

/// Floats that end where a page begins that faults when it is touched; NaN at first.
class Buffer {
public:
  explicit Buffer(int64_t count) : count(count) {
    size_t page = sysconf(_SC_PAGESIZE), bytes = (count * 4 + page - 1) / page * page;
    mapped = bytes + page;
    base = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || mprotect(static_cast<char *>(base) + bytes, page, PROT_NONE) != 0)
      std::abort();
    floats = reinterpret_cast<float *>(static_cast<char *>(base) + bytes) - count;
    poison();
  }
  Buffer(const Buffer &) = delete;
  ~Buffer() { munmap(base, mapped); }

  void poison() { std::fill_n(floats, count, std::numeric_limits<float>::quiet_NaN()); }
  float &operator[](int64_t i) { return floats[i]; }
  std::vector<float> copy() const { return {floats, floats + count}; }

  int64_t count;
  float *floats;

private:
  void *base;
  size_t mapped;
};

/// Elements (row, head, column) of a buffer.
struct Heads {
  Buffer *buffer = nullptr;
  int64_t offset = 0, heads = 0, width = 0, rowStride = 0, headStride = 0;

  float &at(int64_t m, int64_t h, int64_t d) const {
    return (*buffer)[offset + m * rowStride + h * headStride + d];
  }
  void *base() const { return buffer->floats + offset; }
  std::string text() const {
    return "<heads = " + std::to_string(heads) + ", width = " + std::to_string(width) +
           ", row_stride = " + std::to_string(rowStride) +
           ", head_stride = " + std::to_string(headStride) + ">";
  }
};

/// Inputs and results of a case; the same type holds the cotangents of q, k, v.
class Tensors {
public:
  explicit Tensors(const Case &c) : c(c) {}

  Heads dense(int64_t heads, int64_t width, int64_t padding) {
    int64_t stride = aligned(heads * width + padding);
    padding = stride - heads * width;
    return {allocate(c.rows() * stride - padding), 0, heads, width, stride, width};
  }

  /// A number for each row, head by head.
  Heads statistic(int64_t heads, int64_t padding) {
    int64_t stride = c.rows() + padding;
    return {allocate(heads * stride - padding), 0, heads, 1, 1, stride};
  }

  void layOut(Heads &q, Heads &k, Heads &v) {
    int64_t kvWidth = c.own + c.v, qWidth = c.heads * c.qk();
    if (c.layout == Layout::Slices) {
      int64_t kAt = aligned(qWidth + 3), vAt = aligned(kAt + c.kvHeads() * c.own);
      int64_t stride = aligned(vAt + c.kvHeads() * c.v);
      Buffer *all = allocate(c.rows() * stride);
      q = {all, 0, c.heads, c.qk(), stride, c.qk()};
      k = {all, kAt, c.kvHeads(), c.own, stride, c.own};
      v = {all, vAt, c.kvHeads(), c.v, stride, c.v};
      return;
    }
    q = dense(c.heads, c.qk(), 0);
    k = dense(c.kvHeads(), c.own, 5);
    v = dense(c.kvHeads(), c.v, 0);
    if (c.layout == Layout::Joined) {
      int64_t stride = aligned(c.kvHeads() * kvWidth);
      Buffer *both = allocate(c.rows() * stride);
      k = {both, 0, c.kvHeads(), c.own, stride, kvWidth};
      v = {both, c.own, c.kvHeads(), c.v, stride, kvWidth};
    }
  }

  void poison() {
    for (auto &buffer : buffers)
      buffer->poison();
  }
  /// Elements that are not NaN.
  int64_t written() const {
    int64_t count = 0;
    for (auto &buffer : buffers)
      count += std::count_if(buffer->floats, buffer->floats + buffer->count,
                             [](float x) { return !std::isnan(x); });
    return count;
  }
  std::vector<std::vector<float>> copy() const {
    std::vector<std::vector<float>> all;
    for (auto &buffer : buffers)
      all.push_back(buffer->copy());
    return all;
  }

private:
  int64_t aligned(int64_t elements) const { return (elements + c.align - 1) / c.align * c.align; }
  Buffer *allocate(int64_t count) {
    return buffers.emplace_back(std::make_unique<Buffer>(count)).get();
  }

  Case c;
  std::vector<std::unique_ptr<Buffer>> buffers;
};

/// Inputs with random numbers, results with NaN, and the expected results.
class AttentionProblem {
public:
  explicit AttentionProblem(const Case &c);

  /// The kernels, called @kernel, and their views.
  std::string forwardText() const;
  /// `fromOut`: the gradient computes delta itself.
  std::string backwardText(bool fromOut = false) const;
  std::vector<void *> forwardViews() const;
  std::vector<void *> backwardViews() const;

  using Expected = std::vector<double>;
  double &element(Expected &r, const Heads &t, int64_t m, int64_t h, int64_t d) const {
    return r[(m * t.heads + h) * t.width + d];
  }
  /// Fills in the expected results, and delta's input.
  void computeExpected();
  /// The L2 norm of the difference, relative to that of the expected values where they are not all
  /// zero but for rounding. NaN if any element is.
  double relativeError(const Heads &t, Expected &expected) const;

  template <typename Body> void visit(const Heads &t, Body body) const {
    for (int64_t m = 0; m < c.rows(); ++m)
      for (int64_t h = 0; h < t.heads; ++h)
        for (int64_t d = 0; d < t.width; ++d)
          body(m, h, d);
  }

  Case c;
  Tensors in, outs, grads;
  Heads q, k, v, shared, dout, delta, out, lse, dq, dk, dv, dshared;
  Expected rOut, rLse, rDelta, rDq, rDk, rDv, rDshared;

private:
  std::string operands() const;
  double key(int64_t m, int64_t kvHead, int64_t d) const {
    return d < c.own ? k.at(m, kvHead, d) : shared.at(m, 0, d - c.own);
  }
  void expectRow(int64_t m, int64_t h);
};

} // namespace swamla::test
