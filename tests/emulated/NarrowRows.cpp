//===- NarrowRows.cpp - row kernels of narrow floats, emulated ------------===//
#include "tests/emulated/NarrowRows.h"

#include "runtime/base/Fp8.h"

#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace swamla::test {

const char *nameOf(Narrow type) {
  switch (type) {
  case Narrow::F32:
    return "f32";
  case Narrow::Bf16:
    return "bf16";
  case Narrow::E4M3:
    return "f8E4M3FN";
  default:
    return "f8E5M2";
  }
}

size_t bytesOf(Narrow type) { return type == Narrow::F32 ? 4 : type == Narrow::Bf16 ? 2 : 1; }

float NarrowView::at(size_t index) const {
  uint32_t bits = 0;
  std::memcpy(&bits, &bytes[index * bytesOf(type)], bytesOf(type));
  switch (type) {
  case Narrow::F32:
    return std::bit_cast<float>(bits);
  case Narrow::Bf16:
    return std::bit_cast<float>(bits << 16);
  default:
    return toFloat(Fp8(bits), type == Narrow::E4M3 ? kE4M3 : kE5M2);
  }
}

void NarrowView::set(size_t index, float value) {
  auto bits = std::bit_cast<uint32_t>(value);
  if (type == Narrow::Bf16)
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  else if (type != Narrow::F32)
    bits = toFp8(value, type == Narrow::E4M3 ? kE4M3 : kE5M2);
  std::memcpy(&bytes[index * bytesOf(type)], &bits, bytesOf(type));
}

NarrowView filled(Narrow type, const std::vector<float> &values, unsigned offset) {
  NarrowView view{type, std::vector<std::byte>(values.size() * bytesOf(type)), offset};
  for (size_t i = 0; i < values.size(); ++i)
    view.set(i, values[i]);
  return view;
}

NarrowView blank(Narrow type, size_t count, unsigned offset) {
  return {type, std::vector<std::byte>(count * bytesOf(type), std::byte(0xFF)), offset};
}

float rounded(Narrow type, float x) { return filled(type, {x}).at(0); }

std::string roundTo(Narrow type, const std::string &to, const std::string &from) {
  if (type == Narrow::F32) // the same number under another name; -0.0 would change nothing either
    return fmt::format(
        "%none_{0} = arith.constant -0.0 : f32\n%{0} = arith.addf %{1}, %none_{0} : f32\n", to,
        from);
  return fmt::format("%{} = arith.truncf %{} : f32 to {}\n", to, from, nameOf(type));
}

std::string widen(Narrow type, const std::string &to, const std::string &from) {
  if (type == Narrow::F32)
    return roundTo(type, to, from);
  return fmt::format("%{} = arith.extf %{} : {} to f32\n", to, from, nameOf(type));
}

std::vector<NarrowView> runNarrow(const std::string &text, const std::vector<NarrowView> &views) {
  std::vector<NarrowView> now = views, first;
  std::vector<HostView> host;
  for (NarrowView &view : now)
    host.emplace_back(view.bytes.data(), view.bytes.size(), view.offset);
  EmulatedOp gpu(text, host);
  EXPECT_EQ(gpu.errors(), "") << text;
  if (!gpu.errors().empty())
    return now;
  for (const swamla::EmulationOptions &options : schedules(1)) {
    for (size_t v = 0; v < views.size(); ++v) // the host views stay where they are
      std::copy(views[v].bytes.begin(), views[v].bytes.end(), now[v].bytes.begin());
    gpu.run(host, options);
    if (first.empty())
      first = now;
    for (size_t v = 0; v < views.size(); ++v)
      EXPECT_EQ(first[v].bytes, now[v].bytes) << "view " << v << " depends on the schedule";
  }
  return now;
}

void expectTransposed(const NarrowView &have, size_t rows, size_t width, const Element &at) {
  ASSERT_EQ(have.size(), rows * width);
  for (size_t c = 0; c < width; ++c)
    for (size_t m = 0; m < rows; ++m)
      ASSERT_EQ(have.at(c * rows + m), rounded(have.type, at(m, c)))
          << "row " << m << ", column " << c;
}

void expectStraight(const NarrowView &have, size_t rows, size_t width, const Element &at) {
  for (size_t m = 0; m < rows; ++m)
    for (size_t c = 0; c < width; ++c)
      ASSERT_EQ(have.at(m * width + c), rounded(have.type, at(m, c)))
          << "row " << m << ", column " << c;
}

} // namespace swamla::test
