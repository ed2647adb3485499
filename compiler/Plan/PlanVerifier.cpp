//===- PlanVerifier.cpp - does every op read what it should? --------------===//
#include "compiler/Plan/PlanVerifier.h"

#include "compiler/Plan/Liveness.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace swamla {

namespace {
constexpr int64_t kWord = 4;

/// Names of elements: 0 is garbage; what a program finds in a buffer, and what an op writes, gets
/// new names.
using Names = std::vector<uint64_t>;

class PlanVerifier {
public:
  explicit PlanVerifier(ProgramPlan &plan) : plan(plan) {}
  LogicalResult run();

private:
  /// Calls `visit(element, word)` for every element of a place, in row-major order; words are
  /// counted from the start of the buffer.
  template <typename Visit> void forEachWord(const Place &place, Visit visit);
  Names &memory(const Place &place, int64_t words);
  LogicalResult checkHolds(Operation *op, const Place &place, Value value, const Twine &what);
  void write(const Place &place, const Names &names);
  Names read(const Place &place);
  Names freshNames(Value value);

  LogicalResult checkInPlace(const Step &step, unsigned operand, OpResult result);
  LogicalResult verifyOp(Operation &op);
  LogicalResult execute(const Step &step);
  void defineView(Operation &op);
  Names joinColumns(Operation &op, int64_t heads);

  ProgramPlan &plan;
  llvm::StringMap<Names> buffers;
  llvm::DenseMap<Value, Names> expected;
  size_t nextStep = 0;
  uint64_t nextName = 1;
};

int64_t columnsOfType(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().back();
}
} // namespace

template <typename Visit> void PlanVerifier::forEachWord(const Place &place, Visit visit) {
  const Layout &layout = place.layout;
  int64_t base = place.storage->offset / kWord + layout.offset, element = 0;
  for (int64_t row = 0; row < layout.rows; ++row)
    for (int64_t col = 0; col < layout.cols; ++col)
      visit(element++,
            base + row * layout.ld + col / layout.width * layout.headStride + col % layout.width);
}

Names &PlanVerifier::memory(const Place &place, int64_t words) {
  Names &names = buffers[place.storage->buffer];
  // The arena starts as garbage; other buffers hold something before the program runs.
  while (static_cast<int64_t>(names.size()) < words)
    names.push_back(place.storage->isArena ? 0 : nextName++);
  return names;
}

Names PlanVerifier::read(const Place &place) {
  Names names(place.layout.rows * place.layout.cols);
  forEachWord(place, [&](int64_t element, int64_t word) {
    names[element] = memory(place, word + 1)[word];
  });
  return names;
}

void PlanVerifier::write(const Place &place, const Names &names) {
  forEachWord(place, [&](int64_t element, int64_t word) {
    memory(place, word + 1)[word] = names[element];
  });
}

Names PlanVerifier::freshNames(Value value) {
  Names names(cast<RankedTensorType>(value.getType()).getNumElements());
  for (uint64_t &name : names)
    name = nextName++;
  return names;
}

LogicalResult PlanVerifier::checkHolds(Operation *op, const Place &place, Value value,
                                       const Twine &what) {
  const Names &want = expected[value], found = read(place);
  if (want == found)
    return success();
  auto differ = std::mismatch(want.begin(), want.end(), found.begin(), found.end());
  return op->emitOpError() << "the plan is wrong: element " << differ.first - want.begin() << " of "
                           << what << " is not where it should be, in buffer "
                           << place.storage->buffer << " at byte "
                           << place.storage->offset + place.layout.offset * kWord;
}

/// An op may write over what it reads only where it starts from it, or reads the element before it
/// writes the same one: at the same point of its domain.
LogicalResult PlanVerifier::checkInPlace(const Step &step, unsigned operand, OpResult result) {
  Operation *op = step.op;
  if (step.places[operand] == kNoPlace || tiedResult(op->getOpOperand(operand)) == result)
    return success();
  const Place &from = plan.places[step.places[operand]];
  const Place &to = plan.places[step.places[op->getNumOperands() + result.getResultNumber()]];
  if (from.storage->buffer != to.storage->buffer)
    return success();
  std::vector<int64_t> reads, writes;
  forEachWord(from, [&](int64_t, int64_t word) { reads.push_back(word); });
  forEachWord(to, [&](int64_t, int64_t word) { writes.push_back(word); });
  llvm::DenseSet<int64_t> written(writes.begin(), writes.end());
  if (llvm::none_of(reads, [&](int64_t word) { return written.contains(word); }))
    return success();
  auto fused = dyn_cast<FusedOp>(op);
  if (fused && operand < fused.getIns().size() && fused.getGatherOf(operand) < 0 &&
      fused.getInMap(operand) == fused.getOutMap(result.getResultNumber()) && reads == writes)
    return success();
  return op->emitOpError() << "the plan is wrong: result " << result.getResultNumber()
                           << " is written over operand " << operand
                           << ", which is read at other points";
}

LogicalResult PlanVerifier::execute(const Step &step) {
  if (step.kind == StepKind::Copy) {
    const Place &from = plan.places[step.places[0]];
    if (from.value && failed(checkHolds(step.op, from, from.value, "a copy's source")))
      return failure();
    write(plan.places[step.places[1]], read(from));
    return success();
  }
  if (step.kind == StepKind::Zero)
    return success(); // the op that follows gives the words their names
  unsigned operands = step.op->getNumOperands();
  for (unsigned i = 0; i < operands; ++i)
    if (step.places[i] != kNoPlace &&
        failed(checkHolds(step.op, plan.places[step.places[i]], step.op->getOperand(i),
                          "operand " + Twine(i))))
      return failure();
  for (OpResult result : step.op->getResults())
    for (unsigned i = 0; i < operands; ++i)
      if (failed(checkInPlace(step, i, result)))
        return failure();
  for (auto [i, result] : llvm::enumerate(step.op->getResults())) {
    expected[result] = freshNames(result);
    write(plan.places[step.places[operands + i]], expected[result]);
  }
  for (auto [i, result] : llvm::enumerate(step.op->getResults()))
    if (failed(checkHolds(step.op, plan.places[step.places[operands + i]], result,
                          "result " + Twine(i))))
      return failure(); // two results in one place
  return success();
}

Names PlanVerifier::joinColumns(Operation &op, int64_t heads) {
  Names names;
  int64_t rows =
      static_cast<int64_t>(expected[op.getOperand(0)].size()) / columnsOfType(op.getOperand(0));
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t head = 0; head < heads; ++head)
      for (Value part : op.getOperands()) {
        int64_t cols = columnsOfType(part), width = cols / heads;
        const auto *begin = expected[part].data() + row * cols + head * width;
        names.insert(names.end(), begin, begin + width);
      }
  return names;
}

/// The elements of a view's results, from what the op means, not from where they lie.
void PlanVerifier::defineView(Operation &op) {
  if (auto join = dyn_cast<JoinOp>(op)) {
    expected[join.getResult()] = joinColumns(op, static_cast<int64_t>(join.getHeads()));
  } else if (auto join = dyn_cast<JoinRowsOp>(op)) {
    Names names;
    for (Value part : join.getParts())
      llvm::append_range(names, expected[part]);
    expected[join.getResult()] = std::move(names);
  } else if (auto slice = dyn_cast<SliceRowsOp>(op)) {
    auto type = cast<RankedTensorType>(slice.getResult().getType());
    int64_t row = type.getNumElements() / type.getDimSize(0);
    const auto *begin =
        expected[slice.getSource()].data() + static_cast<int64_t>(slice.getBegin()) * row;
    expected[slice.getResult()] = Names(begin, begin + type.getNumElements());
  } else if (auto split = dyn_cast<SplitOp>(op)) {
    const Names source = expected[split.getSource()];
    auto heads = static_cast<int64_t>(split.getHeads());
    int64_t cols = columnsOfType(split.getSource()), prefix = 0;
    for (Value part : split.getParts()) {
      int64_t width = columnsOfType(part) / heads;
      Names &names = expected[part];
      for (size_t at = 0; at < source.size(); at += cols / heads)
        names.insert(names.end(), source.begin() + static_cast<int64_t>(at) + prefix,
                     source.begin() + static_cast<int64_t>(at) + prefix + width);
      prefix += width;
    }
  }
}

LogicalResult PlanVerifier::verifyOp(Operation &op) {
  while (nextStep < plan.steps.size() && plan.steps[nextStep].op == &op)
    if (failed(execute(plan.steps[nextStep++])))
      return failure();
  defineView(op);
  for (Value result : op.getResults())
    if (plan.placeOf.contains(result) && !expected.contains(result))
      expected[result] = read(plan.at(result)); // persistent: what is there now
  if (auto set = dyn_cast<SetGradOp>(op))
    return checkHolds(&op, plan.storedAt.lookup(&op), set.getValue(), "the gradient");
  if (auto set = dyn_cast<SetFlatOp>(op))
    return checkHolds(&op, plan.storedAt.lookup(&op), set.getValue(), "the value");
  return success();
}

LogicalResult PlanVerifier::run() {
  for (const std::unique_ptr<Storage> &storage : plan.storages)
    if (storage->elementBytes != kWord)
      return plan.func.emitOpError() << "cannot be verified: has elements of "
                                     << storage->elementBytes << " bytes, expected " << kWord;
  for (Value argument : plan.func.getArguments())
    expected[argument] = read(plan.at(argument));
  for (Operation &op : plan.func.getBody().front())
    if (failed(verifyOp(op)))
      return failure();
  Operation *ret = plan.func.getBody().front().getTerminator();
  for (auto [i, place] : llvm::enumerate(plan.resultPlaces))
    if (failed(checkHolds(ret, place, ret->getOperand(i), "result " + Twine(i))))
      return failure();
  return success();
}

LogicalResult verifyPlan(ProgramPlan &plan) { return PlanVerifier(plan).run(); }

} // namespace swamla
