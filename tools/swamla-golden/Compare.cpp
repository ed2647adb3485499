//===- Compare.cpp - how far a result is from the reference ---------------===//
#include "Compare.h"

#include "runtime/base/Format.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <limits>

namespace swamla {

//===----------------------------------------------------------------------===//
// Tolerances
//===----------------------------------------------------------------------===//

Result<Tolerances> parseTolerances(std::string_view text) {
  struct Entry {
    std::string_view name;
    double Tolerances::*member;
    bool given = false;
  };
  std::array<Entry, 4> entries = {{{"loss", &Tolerances::loss},
                                   {"grad_norm", &Tolerances::gradNorm},
                                   {"grad", &Tolerances::grad},
                                   {"final", &Tolerances::final}}};
  Tolerances tolerances;
  while (!text.empty()) {
    std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    size_t equals = item.find('=');
    auto *entry =
        std::ranges::find(entries, item.substr(0, std::min(equals, item.size())), &Entry::name);
    if (entry == entries.end() || equals == std::string_view::npos)
      return invalidArgument(
          fmt::format("--tol: expected NAME=NUMBER with loss, grad_norm, grad or final, found {}",
                      quoted(item)));
    if (std::exchange(entry->given, true))
      return invalidArgument(fmt::format("--tol: {} is given twice", entry->name));
    std::string_view number = item.substr(equals + 1);
    double &value = tolerances.*entry->member;
    auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc() || end != number.data() + number.size() || !std::isfinite(value) ||
        value < 0)
      return invalidArgument(fmt::format("--tol: {}: expected a finite number of at least 0, "
                                         "found {}",
                                         entry->name, quoted(number)));
  }
  return tolerances;
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

namespace {
constexpr double kInfinite = std::numeric_limits<double>::infinity();

/// Relative, except to a reference of 0.
double numberError(double out, double reference) {
  double difference = std::abs(out - reference);
  if (!std::isfinite(difference))
    return kInfinite;
  return reference == 0.0 ? difference : difference / std::abs(reference);
}

double norm(std::span<const float> values) {
  double sum = 0;
  for (float value : values)
    sum += static_cast<double>(value) * value;
  return std::sqrt(sum);
}

/// Compares elements for which `keep` holds; `scale` stands in for a reference of norm 0.
template <typename Keep>
TensorError tensorError(std::span<const float> out, std::span<const float> reference, double scale,
                        Keep keep) {
  assert(out.size() == reference.size() && "tensors of one parameter");
  TensorError result;
  double sum = 0, referenceSum = 0, largest = -1;
  for (size_t i = 0; i < out.size(); ++i) {
    double difference = std::abs(static_cast<double>(out[i]) - reference[i]);
    if (!std::isfinite(difference))
      difference = kInfinite;
    if (!keep(i)) {
      ++result.leftOut;
      result.leftOutMove = std::max(result.leftOutMove, difference);
      continue;
    }
    sum += difference * difference;
    referenceSum += static_cast<double>(reference[i]) * reference[i];
    if (difference > largest) {
      largest = difference;
      result.worst = i;
      result.out = out[i];
      result.reference = reference[i];
    }
  }
  result.referenceNorm = std::sqrt(referenceSum);
  if (sum > 0)
    result.error = std::sqrt(sum) / (result.referenceNorm > 0 ? result.referenceNorm : scale);
  return result;
}

/// The numbers that a case's tensors are measured against.
class GradientScale {
public:
  explicit GradientScale(const GoldenCase &golden) {
    double sum = 0;
    for (const GoldenParam &param : golden.params) {
      double own = norm(param.grad);
      sum += own * own;
      elements += static_cast<double>(param.grad.size());
      for (float value : param.grad)
        largest = std::max(largest, std::abs(static_cast<double>(value)));
    }
    all = std::sqrt(sum);
  }

  bool hasGradient(float reference) const {
    return std::abs(static_cast<double>(reference)) > kNoGradient * largest;
  }
  /// The norm of n elements of average size; 1 where there is no gradient at all.
  double average(size_t n) const {
    return all > 0 ? all * std::sqrt(static_cast<double>(n) / elements) : 1.0;
  }

private:
  double all = 0, elements = 0, largest = 0;
};

double learningRateSum(const GoldenTraining &training) {
  double sum = 0;
  for (int64_t step = 1; step <= training.steps; ++step)
    sum += training.schedule.at(step);
  return sum;
}

TensorError gradError(const GoldenParam &param, std::span<const float> out,
                      const GradientScale &scale) {
  bool any = std::ranges::any_of(param.grad, [&](float g) { return scale.hasGradient(g); });
  if (any)
    return tensorError(out, param.grad, 1.0, [](size_t) { return true; });
  std::vector<float> zeros(param.grad.size(), 0.0F);
  return tensorError(out, zeros, scale.average(zeros.size()), [](size_t) { return true; });
}

TensorError finalError(const GoldenParam &param, std::span<const float> out,
                       const GradientScale &scale, double learningRates) {
  double moved = learningRates * std::sqrt(static_cast<double>(param.final.size()));
  TensorError error = tensorError(out, param.final, moved > 0 ? moved : 1.0,
                                  [&](size_t i) { return scale.hasGradient(param.grad[i]); });
  // Rounding of the value itself comes on top of the steps.
  double rounding = 1e-6 * norm(param.final);
  if (error.leftOutMove > kMaxMove * learningRates + rounding)
    error.error = kInfinite;
  return error;
}

WorstError worstOf(std::span<const double> errors) {
  WorstError worst;
  for (size_t i = 0; i < errors.size(); ++i)
    if (errors[i] > worst.error)
      worst = {errors[i], i};
  return worst;
}

WorstError worstOf(const std::vector<TensorError> &errors) {
  WorstError worst;
  for (size_t i = 0; i < errors.size(); ++i)
    if (errors[i].error > worst.error)
      worst = {errors[i].error, i};
  return worst;
}
} // namespace

WorstError GoldenComparison::worstLoss() const { return worstOf(loss); }
WorstError GoldenComparison::worstGradNorm() const { return worstOf(gradNorm); }
WorstError GoldenComparison::worstGrad() const { return worstOf(grads); }
WorstError GoldenComparison::worstFinal() const { return worstOf(finals); }

uint64_t GoldenComparison::leftOut() const {
  uint64_t sum = 0;
  for (const TensorError &error : finals)
    sum += error.leftOut;
  return sum;
}

bool GoldenComparison::passes(const Tolerances &tolerances) const {
  return worstLoss().error <= tolerances.loss && worstGradNorm().error <= tolerances.gradNorm &&
         worstGrad().error <= tolerances.grad && worstFinal().error <= tolerances.final;
}

GoldenComparison compare(const GoldenCase &golden, const GoldenOutcome &outcome) {
  GoldenComparison result;
  for (size_t step = 0; step < golden.loss.size(); ++step) {
    result.loss.push_back(numberError(outcome.loss[step], golden.loss[step]));
    result.gradNorm.push_back(numberError(outcome.gradNorm[step], golden.gradNorm[step]));
  }
  GradientScale scale(golden);
  double learningRates = learningRateSum(golden.training);
  for (size_t i = 0; i < golden.params.size(); ++i) {
    result.grads.push_back(gradError(golden.params[i], outcome.grads[i], scale));
    result.finals.push_back(finalError(golden.params[i], outcome.finals[i], scale, learningRates));
  }
  return result;
}

} // namespace swamla
