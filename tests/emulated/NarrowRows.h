//===- NarrowRows.h - row kernels of narrow floats, emulated --------------===//
#pragma once

#include "tests/emulated/EmulatedOp.h"

#include <functional>
#include <string>
#include <vector>

namespace swamla::test {

/// Element types of row kernels, as the IR names them.
enum class Narrow { F32, Bf16, E4M3, E5M2 };
const char *nameOf(Narrow type);
size_t bytesOf(Narrow type);

/// Numbers in memory as one of the types.
struct NarrowView {
  Narrow type = Narrow::F32;
  std::vector<std::byte> bytes;
  unsigned offset = 0; ///< bytes that the view lies past an aligned address

  size_t size() const { return bytes.size() / bytesOf(type); }
  float at(size_t index) const;
  void set(size_t index, float value); ///< rounded to nearest even, f8 saturating
};

NarrowView filled(Narrow type, const std::vector<float> &values, unsigned offset = 0);
/// `count` elements whose bits mean something else than any result.
NarrowView blank(Narrow type, size_t count, unsigned offset = 0);

/// `x` rounded to the type.
float rounded(Narrow type, float x);

/// Lines of a region that make %`to` of the f32 %`from`: its type is `type`.
std::string roundTo(Narrow type, const std::string &to, const std::string &from);
/// ... that make the f32 %`to` of %`from`.
std::string widen(Narrow type, const std::string &to, const std::string &from);

/// Runs the op @kernel on an emulated GPU, in order and in a random order, and returns the views as
/// it leaves them. Faults, and results that depend on the order, fail the running test.
std::vector<NarrowView> runNarrow(const std::string &text, const std::vector<NarrowView> &views);

/// What the element of a row and column is, before it is rounded.
using Element = std::function<float(size_t row, size_t column)>;
/// Compares a view [rows, width] or [width, rows] with what it should hold, to the bit.
void expectStraight(const NarrowView &have, size_t rows, size_t width, const Element &at);
void expectTransposed(const NarrowView &have, size_t rows, size_t width, const Element &at);

} // namespace swamla::test
