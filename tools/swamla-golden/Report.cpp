//===- Report.cpp - a comparison as text ----------------------------------===//
#include "Report.h"

#include <algorithm>

namespace swamla {

namespace {
char mark(double error, double tolerance) { return error <= tolerance ? ' ' : '!'; }

/// "loss 1.2e-07 (step 3)", with a mark where the error is too large.
std::string part(const char *what, const WorstError &worst, const std::string &where,
                 double tolerance) {
  return fmt::format("  {} {:.1e}{}({})", what, worst.error, mark(worst.error, tolerance), where);
}

/// The names of parameters with elements that were left out, the first few of them.
std::string leftOutNames(const GoldenCase &golden, const GoldenComparison &comparison) {
  constexpr size_t kShown = 2;
  std::string names;
  size_t count = 0;
  for (size_t i = 0; i < golden.params.size(); ++i)
    if (comparison.finals[i].leftOut > 0 && count++ < kShown)
      names += (names.empty() ? "" : ", ") + golden.params[i].name;
  return count > kShown ? fmt::format("{}, and {} more", names, count - kShown) : names;
}

std::string tensorRow(const GoldenParam &param, const TensorError &grad, const TensorError &final,
                      const Tolerances &tolerances) {
  std::string row = fmt::format(
      "  {:<32} {:<14} {:.1e}{} [{}] {:+.4e} / {:+.4e}   {:.1e}{} [{}] {:+.4e} / {:+.4e}",
      param.name, shapeToString(param.shape), grad.error, mark(grad.error, tolerances.grad),
      grad.worst, grad.out, grad.reference, final.error, mark(final.error, tolerances.final),
      final.worst, final.out, final.reference);
  if (final.leftOut > 0)
    row += fmt::format("   {} without gradient, off by up to {:.1e}", final.leftOut,
                       final.leftOutMove);
  return row;
}
} // namespace

std::string reportLine(const GoldenCase &golden, const GoldenComparison &comparison,
                       const Tolerances &tolerances) {
  WorstError loss = comparison.worstLoss(), gradNorm = comparison.worstGradNorm();
  WorstError grad = comparison.worstGrad(), final = comparison.worstFinal();
  std::string line =
      fmt::format("{}: {}", golden.path, comparison.passes(tolerances) ? "ok" : "FAILED");
  line += part("loss", loss, fmt::format("step {}", loss.index), tolerances.loss);
  line += part("grad_norm", gradNorm, fmt::format("step {}", gradNorm.index), tolerances.gradNorm);
  line += part("gradient", grad, golden.params[grad.index].name, tolerances.grad);
  line += part("final", final, golden.params[final.index].name, tolerances.final);
  if (uint64_t leftOut = comparison.leftOut())
    line += fmt::format("  final without {} elements that have no gradient ({})", leftOut,
                        leftOutNames(golden, comparison));
  return line;
}

std::string reportTable(const GoldenCase &golden, const GoldenComparison &comparison,
                        const GoldenOutcome &outcome, const Tolerances &tolerances) {
  std::string text;
  for (size_t step = 0; step < golden.loss.size(); ++step)
    text += fmt::format("  step {}: loss {:.8f} / {:.8f}, {:.1e}{} grad_norm {:.8f} / {:.8f}, "
                        "{:.1e}{}\n",
                        step, outcome.loss[step], golden.loss[step], comparison.loss[step],
                        mark(comparison.loss[step], tolerances.loss), outcome.gradNorm[step],
                        golden.gradNorm[step], comparison.gradNorm[step],
                        mark(comparison.gradNorm[step], tolerances.gradNorm));
  text += "  parameter, shape; error of the gradient, worst element, its value / the reference's; "
          "the same of the final value\n";
  for (size_t i = 0; i < golden.params.size(); ++i)
    text +=
        tensorRow(golden.params[i], comparison.grads[i], comparison.finals[i], tolerances) + "\n";
  return text;
}

} // namespace swamla
