//===- OptimizerReference.cpp - optimizers and their states, by definition ===//
#include "tests/unit/OptimizerReference.h"

#include "runtime/base/Bf16.h"
#include "runtime/base/Fp8.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace swamla::test {

size_t blockOf(OptimizerState state) { return state == OptimizerState::Int4 ? 128 : 256; }

/// Levels of a dynamic map: `first` magnitudes up to the top of the lowest, twice as many up to
/// each next, which is ten times higher.
static std::vector<double> dynamicMap(int levels, int first) {
  std::vector<double> magnitudes;
  double bottom = 0;
  for (int level = 0; level < levels; ++level) {
    double top = 1;
    for (int i = level + 1; i < levels; ++i)
      top /= 10;
    int count = first << level;
    for (int i = 1; i <= count; ++i)
      magnitudes.push_back(bottom + (top - bottom) * i / count);
    bottom = top;
  }
  return magnitudes;
}

std::vector<double> magnitudesOf(OptimizerState state, bool nonnegative) {
  std::vector<double> magnitudes;
  if (state == OptimizerState::Fp8)
    for (unsigned code = 0; code < kE4M3.firstSpecial; ++code)
      magnitudes.push_back(double(toFloat(Fp8(code), kE4M3)) / 448);
  else if (state == OptimizerState::Int8)
    magnitudes = dynamicMap(7, nonnegative ? 2 : 1);
  else if (state == OptimizerState::Int4 && !nonnegative)
    magnitudes = dynamicMap(3, 1);
  else if (state == OptimizerState::Int4)
    for (int i = 1; i <= 16; ++i)
      magnitudes.push_back(i / 16.0);
  bool isInteger = state == OptimizerState::Int8 || state == OptimizerState::Int4;
  if (isInteger && !nonnegative)
    magnitudes.insert(magnitudes.begin(), 0);
  return magnitudes;
}

void ReferenceState::store(const std::vector<float> &next) {
  values = next;
  if (format == OptimizerState::Bf16)
    for (float &value : values)
      value = toFloat(toBf16(value));
  std::vector<double> magnitudes = magnitudesOf(format, nonnegative);
  if (magnitudes.empty())
    return;
  if (format == OptimizerState::Fp8 && nonnegative)
    magnitudes.erase(magnitudes.begin()); // no zero
  for (size_t begin = 0; begin < values.size(); begin += blockOf(format)) {
    std::span<float> block = std::span(values).subspan(begin, blockOf(format));
    double largest = 0;
    for (float value : block)
      largest = std::max(largest, std::abs(double(value)));
    for (float &value : block) {
      double x = largest == 0 ? 0 : std::abs(value) / largest;
      auto above = std::lower_bound(magnitudes.begin(), magnitudes.end() - 1, x);
      if (above != magnitudes.begin() && x - above[-1] < *above - x)
        --above;
      value = float(std::copysign(*above * largest, value));
    }
  }
}

ReferenceOptimizer::ReferenceOptimizer(OptimizerKind kind, OptimizerState state,
                                       std::vector<float> params)
    : kind(kind), params(std::move(params)) {
  std::vector<float> zeros(this->params.size());
  m = {state, /*nonnegative=*/false, zeros};
  v = {state, /*nonnegative=*/true, zeros};
}

void ReferenceOptimizer::step(const std::vector<float> &grads, const OptimizerNumbers &n) {
  std::vector<float> nextM(params.size()), nextV(params.size());
  for (size_t i = 0; i < params.size(); ++i) {
    float g = n.factor * grads[i], decayed = params[i] * (1 - n.lr * n.weightDecay);
    if (kind == OptimizerKind::Adamw) {
      nextM[i] = n.beta1 * m.values[i] + (1 - n.beta1) * g;
      nextV[i] = n.beta2 * v.values[i] + (1 - n.beta2) * g * g;
      params[i] = decayed -
                  n.lr * (nextM[i] / n.correction1) / (std::sqrt(nextV[i] / n.correction2) + n.eps);
    } else {
      float u = n.beta1 * m.values[i] + (1 - n.beta1) * g;
      params[i] = decayed - n.lr * float((u > 0) - (u < 0));
      nextM[i] = n.beta2 * m.values[i] + (1 - n.beta2) * g;
    }
  }
  m.store(nextM);
  v.store(nextV);
}

template <typename T> static T read(const std::vector<std::byte> &bytes, size_t index) {
  T value;
  std::memcpy(&value, &bytes.at(index * sizeof(T)), sizeof(T));
  return value;
}

std::vector<float> stateValues(const Buffers &buffers, const std::string &name,
                               OptimizerState format, bool nonnegative, size_t elements) {
  const std::vector<std::byte> &codes = buffers.at(name);
  std::vector<double> magnitudes = magnitudesOf(format, nonnegative);
  std::vector<float> values(elements);
  for (size_t i = 0; i < elements; ++i) {
    if (format == OptimizerState::Fp32 || format == OptimizerState::Bf16) {
      values[i] =
          format == OptimizerState::Fp32 ? read<float>(codes, i) : toFloat(read<Bf16>(codes, i));
      continue;
    }
    auto scale = read<float>(buffers.at(name + ".scale"), i / blockOf(format));
    if (format == OptimizerState::Fp8) {
      values[i] = toFloat(read<Fp8>(codes, i), kE4M3) * scale;
      continue;
    }
    int code = nonnegative ? int(read<uint8_t>(codes, i % codes.size()))
                           : int(read<int8_t>(codes, i % codes.size()));
    if (format == OptimizerState::Int4) {
      code = i < elements / 2 ? code & 15 : code >> 4 & 15;
      if (!nonnegative && code > 7)
        code -= 16;
    }
    values[i] = float(std::copysign(magnitudes.at(std::abs(code)), code) * scale);
  }
  return values;
}

} // namespace swamla::test
