//===- AttentionProblem.cpp - attention by plain loops --------------------===//
#include "tests/unit/AttentionProblem.h"

#include <random>

namespace swamla::test {

AttentionProblem::AttentionProblem(const Case &c) : c(c), in(c), outs(c), grads(c) {
  in.layOut(q, k, v);
  shared = in.dense(1, std::max<int64_t>(c.shared, 1), 2);
  dout = in.dense(c.heads, c.v, 1);
  delta = in.statistic(c.heads, 2);
  out = outs.dense(c.heads, c.v, 1);
  lse = outs.statistic(c.heads, 3);
  grads.layOut(dq, dk, dv);
  dshared = grads.dense(c.heads, std::max<int64_t>(c.shared, 1), 1);
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  for (const Heads *t : {&q, &k, &v, &shared, &dout})
    visit(*t, [&](int64_t m, int64_t h, int64_t d) { t->at(m, h, d) = normal(random); });
}

std::string AttentionProblem::operands() const {
  char scale[64];
  std::snprintf(scale, sizeof(scale), "%.17e", c.scale());
  return "@kernel element f32 batch " + std::to_string(c.batch) + " seq " + std::to_string(c.seq) +
         " scale " + scale + (c.window == kNoWindow ? "" : " window " + std::to_string(c.window)) +
         " sink " + std::to_string(c.sink) + " q " + q.text() + " k " + k.text() + " v " +
         v.text() + (c.shared ? " shared " + shared.text() : "");
}

std::string AttentionProblem::forwardText() const {
  return "step.attention_kernel " + operands() + " out " + out.text() + " lse_stride " +
         std::to_string(lse.headStride);
}

std::string AttentionProblem::backwardText(bool fromOut) const {
  return "step.attention_grad_kernel " + operands() + " dout " + dout.text() +
         (fromOut ? " out " + out.text() : "") + " lse_stride " + std::to_string(lse.headStride) +
         " delta_stride " + std::to_string(delta.headStride) + " dq " + dq.text() + " dk " +
         dk.text() + " dv " + dv.text() + (c.shared ? " dshared " + dshared.text() : "");
}

std::vector<void *> AttentionProblem::forwardViews() const {
  std::vector<void *> views{q.base(), k.base(), v.base()};
  if (c.shared)
    views.push_back(shared.base());
  views.insert(views.end(), {out.base(), lse.base()});
  return views;
}

std::vector<void *> AttentionProblem::backwardViews() const {
  std::vector<void *> views{q.base(), k.base(), v.base()};
  if (c.shared)
    views.push_back(shared.base());
  views.insert(views.end(),
               {dout.base(), lse.base(), delta.base(), dq.base(), dk.base(), dv.base()});
  if (c.shared)
    views.push_back(dshared.base());
  return views;
}

void AttentionProblem::computeExpected() {
  auto size = [&](Expected &r, const Heads &t) { r.assign(c.rows() * t.heads * t.width, 0); };
  size(rOut, out), size(rLse, lse), size(rDelta, delta);
  size(rDq, dq), size(rDk, dk), size(rDv, dv), size(rDshared, dshared);
  for (int64_t m = 0; m < c.rows(); ++m)
    for (int64_t h = 0; h < c.heads; ++h)
      expectRow(m, h);
}

/// Forward and backward of one query: scores, probabilities, and their gradients.
void AttentionProblem::expectRow(int64_t m, int64_t h) {
  int64_t i = m % c.seq, first = m - i, kvHead = h / c.group;
  std::vector<double> p(i + 1, -INFINITY), dp(i + 1, 0);
  double largest = -INFINITY, sum = 0, rowDelta = 0;
  for (int64_t j = 0; j <= i; ++j)
    if (c.sees(i, j)) {
      double score = 0;
      for (int64_t d = 0; d < c.qk(); ++d)
        score += q.at(m, h, d) * key(first + j, kvHead, d);
      p[j] = score * c.scale();
      largest = std::max(largest, p[j]);
    }
  for (double score : p)
    sum += std::exp(score - largest);
  element(rLse, lse, m, h, 0) = largest + std::log(sum);
  for (int64_t j = 0; j <= i; ++j) {
    p[j] = std::exp(p[j] - largest) / sum;
    for (int64_t d = 0; d < c.v; ++d) {
      double value = v.at(first + j, kvHead, d);
      element(rOut, out, m, h, d) += p[j] * value;
      element(rDv, dv, first + j, kvHead, d) += p[j] * dout.at(m, h, d);
      dp[j] += value * dout.at(m, h, d);
    }
    rowDelta += p[j] * dp[j];
  }
  element(rDelta, delta, m, h, 0) = rowDelta;
  delta.at(m, h, 0) = static_cast<float>(rowDelta);
  for (int64_t j = 0; j <= i; ++j) {
    double ds = p[j] * (dp[j] - rowDelta) * c.scale();
    for (int64_t d = 0; d < c.qk(); ++d) {
      element(rDq, dq, m, h, d) += ds * key(first + j, kvHead, d);
      double change = ds * q.at(m, h, d);
      if (d < c.own)
        element(rDk, dk, first + j, kvHead, d) += change;
      else
        element(rDshared, dshared, first + j, h, d - c.own) += change;
    }
  }
}

double AttentionProblem::relativeError(const Heads &t, Expected &expected) const {
  double error = 0, norm = 0;
  visit(t, [&](int64_t m, int64_t h, int64_t d) {
    double want = element(expected, t, m, h, d);
    error += (t.at(m, h, d) - want) * (t.at(m, h, d) - want);
    norm += want * want;
  });
  return std::sqrt(error / (norm < 1e-20 ? static_cast<double>(expected.size()) : norm));
}

} // namespace swamla::test
