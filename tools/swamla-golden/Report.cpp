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

/// "  (nearly no gradient: grad/A, final/B and 3 more)": which tensors took the second measure.
std::string secondMeasureNote(const GoldenCase &golden, const GoldenComparison &comparison) {
  constexpr size_t kShown = 2;
  std::string names;
  size_t count = 0;
  auto add = [&](const char *what, const std::vector<TensorError> &errors) {
    for (size_t i = 0; i < errors.size(); ++i)
      if (errors[i].secondMeasure && count++ < kShown)
        names += fmt::format("{}{}/{}", names.empty() ? "" : ", ", what, golden.params[i].name);
  };
  add("grad", comparison.grads);
  add("final", comparison.finals);
  if (count == 0)
    return {};
  std::string more = count > kShown ? fmt::format(" and {} more", count - kShown) : "";
  return fmt::format("  (nearly no gradient: {}{})", names, more);
}

std::string tensorRow(const GoldenParam &param, const TensorError &grad, const TensorError &final,
                      const Tolerances &tolerances) {
  std::string row = fmt::format(
      "  {:<32} {:<14} {:.1e}{} [{}] {:+.4e} / {:+.4e}   {:.1e}{} [{}] {:+.4e} / {:+.4e}",
      param.name, shapeToString(param.shape), grad.error, mark(grad.error, tolerances.grad),
      grad.worst, grad.out, grad.reference, final.error, mark(final.error, tolerances.final),
      final.worst, final.out, final.reference);
  if (grad.secondMeasure)
    row += "   gradient too small for the precision";
  if (final.noise > 0)
    row += fmt::format("   {} elements without a gradient, off by up to {:.1e}", final.noise,
                       final.noiseMove);
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
  line += secondMeasureNote(golden, comparison);
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
