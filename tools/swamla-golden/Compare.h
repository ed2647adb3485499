//===- Compare.h - how far a result is from the reference -----------------===//
//
// Numbers are compared relatively, tensors by the relative L2 norm of the
// difference, ||out - ref|| / ||ref||. Two cases need a definition:
//
// Some parameters have no gradient in exact arithmetic: a key bias that adds
// the same to every score of a row, queries of a window of one key. There the
// reference holds the rounding noise of float64. A gradient element at most
// kNoGradient times the largest one counts as such, and
// - a gradient tensor of such elements alone is compared with the norm that a
//   tensor of its size has on average, ||all|| sqrt(n / N);
// - final values leave such elements out, because AdamW divides noise by its
//   own size: they may move by up to kMaxMove times the sum of the learning
//   rates, and by no more.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "GoldenCase.h"

#include <span>
#include <string>
#include <vector>

namespace swamla {

inline constexpr double kNoGradient = 1e-12;
/// Cauchy and Schwarz bound |m| / sqrt(v) of AdamW by 1.2 for beta1 = 0.9 and beta2 = 0.95; the
/// reference may move, too.
inline constexpr double kMaxMove = 2.5;

/// Largest errors that pass.
struct Tolerances {
  double loss = 1e-5;
  double gradNorm = 1e-5;
  double grad = 1e-4;
  double final = 1e-4;
};

/// "loss=1e-5,grad=1e-4": what is not named keeps its default. Names: loss, grad_norm, grad, final.
Result<Tolerances> parseTolerances(std::string_view text);

/// What a program computed for a case. Tensors are in the order of the case's parameters.
struct GoldenOutcome {
  std::vector<double> loss, gradNorm;
  std::vector<std::vector<float>> grads, finals;
};

/// The difference of two tensors. A value that is not a number makes the error infinite.
struct TensorError {
  double error = 0;
  double referenceNorm = 0;
  size_t worst = 0;             ///< element with the largest difference
  float out = 0, reference = 0; ///< its values
  uint64_t leftOut = 0;         ///< elements without a gradient
  double leftOutMove = 0;       ///< the largest difference among them
};

/// A number of the case, with the step or parameter that it belongs to.
struct WorstError {
  double error = 0;
  size_t index = 0;
};

struct GoldenComparison {
  std::vector<double> loss, gradNorm;     ///< relative errors, step by step
  std::vector<TensorError> grads, finals; ///< parameter by parameter

  WorstError worstLoss() const;
  WorstError worstGradNorm() const;
  WorstError worstGrad() const;
  WorstError worstFinal() const;
  uint64_t leftOut() const; ///< elements, of all final tensors
  bool passes(const Tolerances &tolerances) const;
};

GoldenComparison compare(const GoldenCase &golden, const GoldenOutcome &outcome);

} // namespace swamla
