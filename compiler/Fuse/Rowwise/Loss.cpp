//===- Loss.cpp - cross-entropy as a rowwise computation ------------------===//
#include "compiler/Fuse/Rowwise/RowBuilder.h"

using namespace mlir;

namespace swamla {

/// The target that stands for "no loss here".
constexpr int32_t ignoredTarget = -100;

//===----------------------------------------------------------------------===//
// target_weight
//===----------------------------------------------------------------------===//

RowwiseDomain TargetWeightOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), 1, extent(getTargets(), 0));
  return domain.in(0, domain.column()).out(domain.row()).take();
}

// Counts below 2^24 are exact in f32, whatever the order of summation.
SmallVector<Value> TargetWeightOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  Value one = row.constant(1.0);
  Value kept = row.notEqual(row[0], row.integer(ignoredTarget));
  Value count = row.rowSum(row.select(kept, one, row.constant(0.0)));
  return row.results({row.div(one, row.maximum(one, count))});
}

//===----------------------------------------------------------------------===//
// cross_entropy_rows and its gradient
//===----------------------------------------------------------------------===//

namespace {
/// Cross-entropy at one point of a row of logits.
class CrossEntropy {
public:
  CrossEntropy(const RowBuilder &row, Value logit, Value target, Value weight, int64_t classes,
               double smoothing)
      : row(row), weight(weight), classes(classes), smoothing(smoothing) {
    zero = row.constant(0.0);
    kept = row.notEqual(target, row.integer(ignoredTarget));
    isTarget = row.equal(row.index(1), target);
    shifted = row.sub(logit, row.rowMax(logit));
    exponential = row.exp(shifted);
    sum = row.rowSum(exponential);
  }

  /// -sum_c q_c log p_c, with q_c = smoothing / (classes - 1) for the wrong classes and 1 -
  /// smoothing for the right one; times weight.
  Value loss() const {
    Value logSum = row.log(sum);
    Value ofTarget = row.sub(row.rowSum(row.select(isTarget, shifted, zero)), logSum);
    Value gain = ofTarget;
    if (smoothing > 0.0) {
      Value ofAll =
          row.sub(row.rowSum(shifted), row.mul(logSum, row.constant(static_cast<double>(classes))));
      gain = row.add(row.mul(ofTarget, row.constant(1.0 - smoothing)),
                     row.mul(row.sub(ofAll, ofTarget), row.constant(wrongShare())));
    }
    return row.select(kept, row.mul(row.neg(gain), weight), zero);
  }

  /// (p_c - q_c) weight dloss
  Value logitCotangent(Value dloss) const {
    Value q = row.select(isTarget, row.constant(1.0 - smoothing), row.constant(wrongShare()));
    Value p = row.mul(exponential, row.div(row.constant(1.0), sum));
    Value difference = row.sub(p, q);
    return row.select(kept, row.mul(difference, row.mul(weight, dloss)), zero);
  }

private:
  double wrongShare() const {
    return classes > 1 ? smoothing / static_cast<double>(classes - 1) : 0.0;
  }

  const RowBuilder &row;
  Value weight, zero, kept, isTarget, shifted, exponential, sum;
  int64_t classes;
  double smoothing;
};
} // namespace

RowwiseDomain CrossEntropyRowsOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), extent(getLogits(), 0), extent(getLogits(), 1));
  return domain.in(0, domain.element())
      .in(1, domain.row())
      .in(2, domain.first())
      .out(domain.row())
      .take();
}

SmallVector<Value> CrossEntropyRowsOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  CrossEntropy entropy(row, row[0], row[1], row[2], extent(getLogits(), 1),
                       getSmoothing().convertToDouble());
  return row.results({entropy.loss()});
}

// The logits are the largest tensor of a step: their cotangent takes over the buffer.
RowwiseDomain CrossEntropyRowsGradOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), extent(getLogits(), 0), extent(getLogits(), 1));
  return domain.in(1, domain.row())
      .in(2, domain.first())
      .in(3, domain.first())
      .out(domain.row())
      .out(domain.element(), /*init=*/0)
      .take();
}

SmallVector<Value> CrossEntropyRowsGradOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  Value target = row[0], weight = row[1], dloss = row[2], logit = row[4];
  CrossEntropy entropy(row, logit, target, weight, extent(getLogits(), 1),
                       getSmoothing().convertToDouble());
  return row.results({entropy.loss(), entropy.logitCotangent(dloss)});
}

} // namespace swamla
