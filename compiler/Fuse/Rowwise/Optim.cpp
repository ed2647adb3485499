//===- Optim.cpp - optimizer steps as rowwise computations ----------------===//
#include "compiler/Fuse/Rowwise/RowBuilder.h"

using namespace mlir;

namespace swamla {

/// Added to the norm before dividing by it, as torch.nn.utils.clip_grad_norm_ does.
constexpr double clipEpsilon = 1e-6;

//===----------------------------------------------------------------------===//
// Gradient norm and clipping
//===----------------------------------------------------------------------===//

RowwiseDomain SquareSumOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), extent(getX(), 0), extent(getX(), 1));
  return domain.in(0, domain.element()).out(domain.row()).take();
}

SmallVector<Value> SquareSumOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  Value x = row[0];
  return row.results({row.rowSum(row.mul(x, x))});
}

RowwiseDomain ClipFactorOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), 1, 1);
  return domain.in(0, domain.row())
      .in(1, domain.row())
      .in(2, domain.row())
      .out(domain.row())
      .out(domain.row())
      .take();
}

SmallVector<Value> ClipFactorOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  Value squares = row[0], scale = row[1], clip = row[2], one = row.constant(1.0);
  Value norm = row.mul(scale, row.sqrt(squares));
  Value ratio = row.div(clip, row.add(norm, row.constant(clipEpsilon)));
  Value clipped = row.mul(scale, row.minimum(one, ratio));
  Value clips = row.greater(clip, row.constant(0.0));
  return row.results({norm, row.select(clips, clipped, scale)});
}

//===----------------------------------------------------------------------===//
// Updates, in place
//===----------------------------------------------------------------------===//

/// Operand number of the gradient.
constexpr unsigned kGradient = 1;

/// The first `states` operands are updated in place, the gradient only if there is a result for it;
/// the others are numbers.
static RowwiseDomain updateDomain(Operation *op, unsigned states) {
  Value p = op->getOperand(0);
  DomainBuilder domain(op->getContext(), extent(p, 0), extent(p, 1));
  for (unsigned i = states, n = op->getNumOperands(); i < n; ++i)
    domain.in(i, domain.first());
  bool zeroesGradient = op->getNumResults() == states;
  if (!zeroesGradient)
    domain.in(kGradient, domain.element());
  for (unsigned i = 0; i < states; ++i)
    if (i != kGradient || zeroesGradient)
      domain.out(domain.element(), /*init=*/i);
  return domain.take();
}

/// The elements of the states in the order of the operands: with its gradient only read, an op has
/// that before the others.
static SmallVector<Value> stateElements(const RowBuilder &row, Operation *op, unsigned states,
                                        unsigned numbers) {
  SmallVector<Value> elements;
  for (unsigned i = 0; i < states; ++i)
    elements.push_back(row[numbers + i]);
  if (op->getNumResults() != states)
    std::swap(elements[0], elements[kGradient]);
  return elements;
}

/// `updated` without the gradient where the op has no result for it.
static SmallVector<Value> updateResults(const RowBuilder &row, Operation *op,
                                        SmallVector<Value> updated) {
  if (op->getNumResults() != updated.size())
    updated.erase(updated.begin() + kGradient);
  return row.results(updated);
}

/// p (1 - lr weightDecay), or p without `decay`.
static Value decayed(const RowBuilder &row, Value p, Value lr, Value weightDecay, bool decay) {
  return decay ? row.mul(p, row.sub(row.constant(1.0), row.mul(lr, weightDecay))) : p;
}

/// beta a + (1 - beta) b
static Value average(const RowBuilder &row, Value beta, Value a, Value b) {
  return row.add(row.mul(beta, a), row.mul(row.sub(row.constant(1.0), beta), b));
}

RowwiseDomain AdamwOp::getRowwiseDomain() { return updateDomain(*this, 4); }

SmallVector<Value> AdamwOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  Value factor = row[0], norm = row[1], lr = row[2], beta1 = row[3], beta2 = row[4], eps = row[5];
  Value weightDecay = row[6], correction1 = row[7], correction2 = row[8];
  SmallVector<Value> state = stateElements(row, *this, 4, 9);
  Value p = state[0];
  Value g = row.mul(factor, state[kGradient]);
  Value m = average(row, beta1, state[2], g);
  Value v = average(row, beta2, state[3], row.mul(g, g));
  // What all elements share comes first: one division an element is left.
  Value stepSize = row.div(lr, correction1);
  Value correction = row.div(row.constant(1.0), correction2);
  Value rms = row.add(row.sqrt(row.mul(v, correction)), eps);
  Value step = row.div(row.mul(stepSize, m), rms);
  p = row.sub(decayed(row, p, lr, weightDecay, getDecay()), step);
  Value changes = row.isFinite(norm);
  return updateResults(row, *this,
                       {row.select(changes, p, state[0]), row.constant(0.0),
                        row.select(changes, m, state[2]), row.select(changes, v, state[3])});
}

RowwiseDomain LionOp::getRowwiseDomain() { return updateDomain(*this, 3); }

SmallVector<Value> LionOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  Value factor = row[0], norm = row[1], lr = row[2], beta1 = row[3], beta2 = row[4];
  Value weightDecay = row[5];
  SmallVector<Value> state = stateElements(row, *this, 3, 6);
  Value p = state[0], m = state[2], zero = row.constant(0.0);
  Value g = row.mul(factor, state[kGradient]);
  Value direction = average(row, beta1, m, g);
  Value sign = row.select(row.greater(direction, zero), row.constant(1.0),
                          row.select(row.greater(zero, direction), row.constant(-1.0), zero));
  p = row.sub(decayed(row, p, lr, weightDecay, getDecay()), row.mul(lr, sign));
  Value next = average(row, beta2, m, g), changes = row.isFinite(norm);
  return updateResults(row, *this,
                       {row.select(changes, p, state[0]), zero, row.select(changes, next, m)});
}

} // namespace swamla
