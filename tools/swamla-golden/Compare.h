//===- Compare.h - how far a result is from the reference -----------------===//
//
// Numbers are compared relatively, tensors by the relative L2 norm of the
// difference, ||out - ref|| / ||ref||. No program of limited precision can pass
// that where the gradient all but vanishes. A tensor that is past its tolerance is
// therefore measured again:
//
// A gradient can be what is left when larger terms cancel: the layer norm of two
// columns, a key bias under a slow rotation. A tensor smaller than `smallGradient`
// times the average is measured against that, the average being the norm that a
// tensor of its size has if the whole gradient is spread evenly. Where all terms
// cancel in exact arithmetic (a bias on keys without rotation, a window of one
// key) the reference holds the rounding noise of float64, kNoGradient or less of
// the largest element, and the tensor is measured against the average itself.
// And the error of n elements, where it is not far below the tolerance, scatters
// from program to program: it may be larger by `scatter` / sqrt(n) of itself.
//
// AdamW divides a gradient by its own size, so that an error of d in an element g
// moves the parameter by about lr d / g. The gradient has d of `gradientNoise`
// times its root mean square; for elements below `weakGradient` times it, the part
// of the difference that this explains, at most kMaxMove times the sum of the
// learning rates, is not counted.
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

/// Largest errors that pass, and how small a gradient is compared otherwise: above. The defaults
/// are those of fp32.
struct Tolerances {
  double loss = 1e-5;
  double gradNorm = 1e-5;
  double grad = 1e-4;
  double final = 1e-4;

  double smallGradient = 1e-4;
  double gradientNoise = 1e-6; ///< about 8 roundings
  double weakGradient = 1e-4;
  double scatter = 0;
};

/// The tolerances of a precision, as --precision names it: fp32, tf32, bf16 or fp8.
Result<Tolerances> tolerancesOf(std::string_view precision);

/// "loss=1e-5,grad=1e-4": what is not named keeps the value that `defaults` has. Names: loss,
/// grad_norm, grad, final.
Result<Tolerances> parseTolerances(std::string_view text, const Tolerances &defaults);

/// What a program computed for a case. Tensors are in the order of the case's parameters.
struct GoldenOutcome {
  std::vector<double> loss, gradNorm;
  std::vector<std::vector<float>> grads, finals;
};

/// The difference of two tensors. A value that is not a number makes the error infinite.
struct TensorError {
  double error = 0;
  size_t worst = 0;             ///< element with the largest difference
  float out = 0, reference = 0; ///< its values
  bool secondMeasure = false;   ///< the plain one was past the tolerance
  uint64_t noise = 0;           ///< elements whose whole difference the second one explains
  double noiseMove = 0;         ///< the largest difference among them
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
  bool passes(const Tolerances &tolerances) const;
};

/// Where two outcomes of a case first differ in a bit, for a message; empty if nowhere.
std::string firstDifference(const GoldenCase &golden, const GoldenOutcome &a,
                            const GoldenOutcome &b);

GoldenComparison compare(const GoldenCase &golden, const GoldenOutcome &outcome,
                         const Tolerances &tolerances);

} // namespace swamla
