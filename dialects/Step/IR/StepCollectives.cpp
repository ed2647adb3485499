//===- StepCollectives.cpp - verifiers of what many ranks do --------------===//
#include "dialects/Step/IR/StepDialect.h"

#include "dialects/Step/IR/ElementTypes.h"
#include "dialects/Step/IR/StepVerifiers.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace swamla::step;

namespace {
bool overlap(ViewAttr x, ViewAttr y) {
  return x.getBuffer() == y.getBuffer() && x.getOffset() < y.getOffset() + y.getBytes() &&
         y.getOffset() < x.getOffset() + x.getBytes();
}

bool isAllReduce(StringRef kind) { return kind == "all_reduce_sum" || kind == "all_reduce_max"; }

/// Every view of an op of a program, wherever it stands among its attributes.
template <typename Visit> void forEachView(Operation *op, Visit visit) {
  op->getAttrDictionary().walk([&](ViewAttr view) { visit(view); });
}
} // namespace

//===----------------------------------------------------------------------===//
// One collective
//===----------------------------------------------------------------------===//

LogicalResult CollectiveOp::verify() {
  bool isKnown = isAllReduce(getKind()) || getKind() == "reduce_scatter_sum" ||
                 getKind() == "all_gather"; /*collective_c1*/
  if (!isKnown)
    return emitOpError() << "kind is \"" << getKind()
                         << "\", expected all_reduce_sum, all_reduce_max, reduce_scatter_sum or "
                            "all_gather";
  bool isMoved = getKind() == "all_gather" && (getElement().isBF16() || isF8(getElement()));
  if (!getElement().isF32() && !isMoved) /*collective_c2*/
    return emitOpError() << "has elements of " << getElement()
                         << ", expected f32, or bf16 or an f8 in an all_gather";
  auto ranks = static_cast<int64_t>(getRanks());
  if (ranks < 2) /*collective_c3*/
    return emitOpError() << "has " << ranks << " ranks, expected two or more";
  if (isAllReduce(getKind()) ? getFrom() != getTo() : overlap(getFrom(), getTo())) /*collective_c4*/
    return emitOpError() << "reads " << getFrom() << " and writes " << getTo() << ", expected "
                         << (isAllReduce(getKind()) ? "one view" : "views without a common byte");
  uint64_t whole = getFrom().getBytes(), piece = getTo().getBytes();
  if (getKind() == "all_gather")
    std::swap(whole, piece);
  if (!isAllReduce(getKind()) && whole != piece * getRanks()) /*collective_c5*/
    return emitOpError() << "has pieces of " << piece << " bytes and " << whole
                         << " in all, expected " << piece * getRanks() << " for " << ranks
                         << " ranks";
  return success();
}

LogicalResult CollectiveOp::verifySymbolUses(SymbolTableCollection &symbols) {
  uint64_t element = getElement().getIntOrFloatBitWidth() / 8; /*collective_c6*/
  if (failed(verifyView(*this, symbols, getFrom(), "what it reads", element)))
    return failure();
  return verifyView(*this, symbols, getTo(), "what it writes", element);
}

//===----------------------------------------------------------------------===//
// Those of a program
//===----------------------------------------------------------------------===//

/// Fails where an op touches what a collective that has not been waited for works on.
static LogicalResult verifyApart(Operation *op, ArrayRef<CollectiveOp> running) {
  LogicalResult result = success();
  forEachView(op, [&](ViewAttr view) {
    if (failed(result))
      return;
    for (CollectiveOp collective : running)
      if (collective &&
          (overlap(view, collective.getFrom()) || overlap(view, collective.getTo()))) {
        result = op->emitOpError()
                 << "touches " << view << " while the collective \"" << collective.getLabel()
                 << "\" works on it; expected it before that or behind its wait";
        return;
      }
  });
  return result;
}

LogicalResult swamla::step::verifyCollectives(ProgramOp program) {
  SmallVector<CollectiveOp> running; ///< by number; null once it has been waited for
  for (Operation &op : program.getBody().front()) {
    if (auto wait = dyn_cast<CollectiveWaitOp>(op)) {
      uint64_t number = wait.getCollective();
      if (number >= running.size() || !running[number])
        return op.emitOpError() << "waits for collective " << number << ", expected one of the "
                                << running.size() << " before it, that nothing has waited for yet";
      running[number] = nullptr;
      continue;
    }
    if (failed(verifyApart(&op, running)))
      return failure();
    if (auto collective = dyn_cast<CollectiveOp>(op))
      running.push_back(collective);
  }
  for (CollectiveOp collective : running)
    if (collective)
      return collective.emitOpError() << "is never waited for; expected a step.collective_wait "
                                         "behind it in the same program";
  return success();
}
