//===- NonFinite.cpp - which tensor went wrong first ----------------------===//

#include "runtime/train/NonFinite.h"

#include "runtime/base/Bf16.h"
#include "runtime/base/Fp8.h"
#include "runtime/program/VerifyStep.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace swamla {

namespace {
using schema::DType;

template <typename T> T load(const std::byte *from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

/// A float as f32; 0 for integers.
float numberAt(DType type, const std::byte *at) {
  switch (type) {
  case DType::F32:
    return load<float>(at);
  case DType::BF16:
    return toFloat(load<Bf16>(at));
  case DType::F8E4M3:
    return toFloat(load<Fp8>(at), kE4M3);
  case DType::F8E5M2:
    return toFloat(load<Fp8>(at), kE5M2);
  default:
    return 0;
  }
}

/// Calls `row(offset)` for every combination of the indices of all dims but the last, with `index`
/// set to them; `offset` in elements.
template <typename Row>
void forEachRow(const std::vector<uint64_t> &sizes, const std::vector<uint64_t> &strides,
                std::vector<uint64_t> &index, Row row) {
  size_t outer = sizes.size() - 1;
  while (true) {
    uint64_t offset = 0;
    for (size_t d = 0; d < outer; ++d)
      offset += index[d] * strides[d];
    row(offset);
    size_t d = outer;
    while (d > 0 && ++index[d - 1] == sizes[d - 1])
      index[--d] = 0;
    if (d == 0)
      return;
  }
}

std::string withCommas(uint64_t number) {
  std::string digits = fmt::to_string(number);
  for (auto i = static_cast<int64_t>(digits.size()) - 3; i > 0; i -= 3)
    digits.insert(static_cast<size_t>(i), ",");
  return digits;
}
} // namespace

std::string NonFinite::describe() const {
  std::string text =
      fmt::format("{}: {} of {} element{}, the first is {} at [{}]", what, withCommas(count),
                  withCommas(elements), elements == 1 ? "" : "s",
                  std::isnan(value) ? std::abs(value) : value, fmt::join(index, ", "));
  if (isParameter)
    return text;
  return text + (inputs.empty() ? "; its inputs were finite"
                                : fmt::format("; not finite before: {}", fmt::join(inputs, ", ")));
}

NonFiniteSearch::Operands NonFiniteSearch::operandsOf(const schema::Step &step,
                                                      const schema::Op &op) {
  Operands operands;
  if (const schema::Matmul *matmul = op.kind_as_Matmul()) {
    auto matrix = [](const char *name, const schema::View &view, DType type, uint64_t rows,
                     uint64_t cols,
                     uint64_t ld) { return Operand{name, {view, type, {rows, cols}, {ld, 1}}}; };
    uint64_t m = matmul->m(), n = matmul->n(), k = matmul->k();
    bool ta = matmul->transpose_a(), tb = matmul->transpose_b();
    operands.ins.push_back(
        matrix("a", *matmul->a(), matmul->a_type(), ta ? k : m, ta ? m : k, matmul->lda()));
    operands.ins.push_back(
        matrix("b", *matmul->b(), matmul->b_type(), tb ? n : k, tb ? k : n, matmul->ldb()));
    operands.outs.push_back(
        matrix("its result", *matmul->c(), matmul->c_type(), m, n, matmul->ldc()));
    for (const schema::View *scale : {matmul->a_scale(), matmul->b_scale()})
      if (scale)
        operands.ins.push_back({"a scale", {*scale, DType::F32, {scale->bytes() / 4}, {1}}});
    return operands;
  }
  const schema::Launch *launch = op.kind_as_Launch();
  const schema::Kernel *kernel = launch ? step.kernels()->Get(launch->kernel()) : nullptr;
  if (!kernel || !kernel->views())
    return operands;
  for (unsigned i = 0; i < kernel->num_views(); ++i) {
    const schema::KernelView &described = *kernel->views()->Get(i);
    if (!described.sizes() || !isFloat(described.dtype()))
      continue;
    Tensor tensor{*launch->views()->Get(i),
                  described.dtype(),
                  {described.sizes()->begin(), described.sizes()->end()},
                  {described.strides()->begin(), described.strides()->end()},
                  described.offset()};
    bool read = described.access() == schema::Access::Read;
    auto &list = read ? operands.ins : operands.outs;
    list.push_back({fmt::format("{} {}", read ? "input" : "output", list.size() + 1), tensor});
  }
  return operands;
}

Result<std::optional<NonFinite>> NonFiniteSearch::look(const Operand &operand) {
  Tensor tensor = operand.tensor;
  if (tensor.sizes.empty()) { // one element
    tensor.sizes = {1};
    tensor.strides = {1};
  }
  uint64_t width = dtypeBytes(tensor.dtype), elements = 1, extent = 1;
  for (size_t d = 0; d < tensor.sizes.size(); ++d) {
    elements *= tensor.sizes[d];
    extent += (tensor.sizes[d] - 1) * tensor.strides[d];
  }
  host.resize(std::max<uint64_t>(host.size(), extent * width));
  SWAMLA_RETURN_IF_ERROR(device.download(tensor.view.buffer(),
                                         tensor.view.offset() + tensor.offset * width,
                                         std::span(host).first(extent * width)));
  NonFinite found;
  std::vector<uint64_t> index(tensor.sizes.size());
  forEachRow(tensor.sizes, tensor.strides, index, [&](uint64_t offset) {
    const std::byte *row = host.data() + offset * width;
    for (uint64_t i = 0; i < tensor.sizes.back(); ++i) {
      float value = numberAt(tensor.dtype, row + i * tensor.strides.back() * width);
      if (std::isfinite(value))
        continue;
      if (found.count++ == 0) {
        found.value = value;
        found.index = index;
        found.index.back() = i;
      }
    }
  });
  if (found.count == 0)
    return std::optional<NonFinite>();
  found.what = operand.name;
  found.elements = elements;
  return std::optional(std::move(found));
}

Result<std::optional<NonFinite>> NonFiniteSearch::inParameters() {
  unsigned params = 0;
  while (step.buffers()->Get(params)->kind() != schema::BufferKind::Params)
    ++params;
  for (const schema::Param *param : *step.params()) {
    Operand operand{fmt::format("parameter {}", param->name()->string_view()),
                    {schema::View(params, param->offset() * sizeof(float), 0),
                     DType::F32,
                     {param->shape()->begin(), param->shape()->end()},
                     {}}};
    uint64_t stride = 1;
    for (size_t d = operand.tensor.sizes.size(); d > 0; --d) {
      operand.tensor.strides.insert(operand.tensor.strides.begin(), stride);
      stride *= operand.tensor.sizes[d - 1];
    }
    SWAMLA_TRY(std::optional<NonFinite> found, look(operand));
    if (found) {
      found->isParameter = true;
      return found;
    }
  }
  return std::optional<NonFinite>();
}

Result<std::optional<NonFinite>> NonFiniteSearch::lookAtOutputs(unsigned program,
                                                                const schema::Op &op) {
  Operands operands = operandsOf(step, op);
  for (const Operand &out : operands.outs) {
    SWAMLA_TRY(std::optional<NonFinite> found, look(out));
    if (!found)
      continue;
    OpProfile profile = profileOf(step, *step.programs()->Get(program), op);
    found->what =
        fmt::format("{} ({}{} of {}), {}", profile.label, profile.isMatmul ? "" : "kernel ",
                    profile.kernel, profile.program, out.name);
    if (operands.outs.size() > 1)
      found->what += fmt::format(" of {}", operands.outs.size());
    for (const Operand &in : operands.ins) {
      // What was updated in place is the output now. Before, nothing had written anything wrong.
      bool overwritten = std::ranges::any_of(operands.outs, [&](const Operand &other) {
        return overlap(in.tensor.view, other.tensor.view);
      });
      if (overwritten)
        continue;
      SWAMLA_TRY(std::optional<NonFinite> bad, look(in));
      if (bad)
        found->inputs.push_back(in.name);
    }
    return found;
  }
  return std::optional<NonFinite>();
}

bool NonFiniteSearch::writesState(const schema::Op &op) const {
  Operands operands = operandsOf(step, op);
  return std::ranges::any_of(operands.outs, [&](const Operand &out) {
    schema::BufferKind kind = step.buffers()->Get(out.tensor.view.buffer())->kind();
    return kind != schema::BufferKind::Arena && kind != schema::BufferKind::Grads &&
           kind != schema::BufferKind::Results;
  });
}

Result<std::optional<NonFinite>> NonFiniteSearch::inProgram(unsigned program, unsigned last,
                                                            bool keepState) {
  const auto &ops = *step.programs()->Get(program)->ops();
  for (unsigned i = 0; i < ops.size() && i <= last; ++i) {
    if (keepState && writesState(*ops.Get(i)))
      continue;
    SWAMLA_RETURN_IF_ERROR(device.runOp(program, i));
    SWAMLA_TRY(std::optional<NonFinite> found, lookAtOutputs(program, *ops.Get(i)));
    if (found)
      return found;
  }
  return std::optional<NonFinite>();
}

unsigned NonFiniteSearch::lastWriter(unsigned program, const schema::Slot &slot) const {
  const auto &ops = *step.programs()->Get(program)->ops();
  for (unsigned i = ops.size(); i > 0; --i)
    for (const Operand &out : operandsOf(step, *ops.Get(i - 1)).outs)
      if (overlap(out.tensor.view, *slot.view()))
        return i - 1;
  return ops.size() - 1;
}

} // namespace swamla
