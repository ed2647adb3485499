//===- CostModel.cpp - how long kernels take ------------------------------===//
#include "compiler/Report/CostModel.h"

#include <algorithm>

namespace swamla {

double floorSeconds(const KernelCost &cost, const Machine &machine) {
  return std::max(static_cast<double>(cost.flops) / machine.flops(cost.arithmetic).value,
                  static_cast<double>(cost.bytes) / machine.copyBytes.value);
}

/// Fitted to the kernels of `small`, `base` and `large` in bf16 (the matmuls in fp8: of the recipe
/// delayed) in docs/results/2026-11-25-h200-bf16-first.txt and 2026-11-25-h200-fp8.txt: the
/// overheads and shares of whole numbers of microseconds and half percents with the least relative
/// error, each kernel weighted by its share of its step.
std::optional<Efficiency> efficiencyOf(WorkKind kind, Arithmetic arithmetic) {
  constexpr double kMicrosecond = 1e-6;
  bool bf16 = arithmetic == Arithmetic::Bf16, fp8 = arithmetic == Arithmetic::Fp8;
  auto onlyBf16 = [&](double share) {
    return bf16 ? std::optional<Efficiency>({5 * kMicrosecond, share}) : std::nullopt;
  };
  switch (kind) {
  case WorkKind::Matmul:
    if (bf16)
      return Efficiency{6 * kMicrosecond, 0.89};
    if (fp8)
      return Efficiency{7 * kMicrosecond, 0.875};
    return std::nullopt;
  case WorkKind::Attention:
    return onlyBf16(0.675);
  case WorkKind::WindowedAttention:
    return onlyBf16(0.435);
  case WorkKind::AttentionGrad:
    return onlyBf16(0.47);
  case WorkKind::WindowedAttentionGrad:
    return onlyBf16(0.235);
  case WorkKind::Row:
    return Efficiency{6 * kMicrosecond, 1.0};
  case WorkKind::Optimizer:
    return Efficiency{5 * kMicrosecond, 0.84};
  case WorkKind::ScatterAdd:
    return Efficiency{5 * kMicrosecond, 0.575};
  case WorkKind::Fill:
    return Efficiency{2 * kMicrosecond, 1.0};
  }
  return std::nullopt;
}

std::optional<double> predictedSeconds(const KernelCost &cost, const Machine &machine) {
  std::optional<Efficiency> efficiency = efficiencyOf(cost.kind, cost.arithmetic);
  if (!efficiency)
    return std::nullopt;
  return efficiency->overhead + floorSeconds(cost, machine) / efficiency->share;
}

} // namespace swamla
