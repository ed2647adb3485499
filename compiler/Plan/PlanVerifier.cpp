//===- PlanVerifier.cpp - does every op read what it should? --------------===//
#include "compiler/Plan/PlanVerifier.h"

#include "compiler/Plan/Liveness.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace swamla {

namespace {
/// Marks the words of an element after its first.
constexpr uint64_t kRest = uint64_t(1) << 63;

/// Names of elements, and of the words in memory that hold them: 0 is garbage; what a program finds
/// in a buffer, and what an op writes, gets new names.
using Names = std::vector<uint64_t>;

class PlanVerifier {
public:
  explicit PlanVerifier(ProgramPlan &plan) : plan(plan) {
    for (const Place &place : plan.places)
      wordBytes = std::min(wordBytes, bytesPerElement(place));
  }
  LogicalResult run();

private:
  static int64_t bytesPerElement(const Place &place) {
    return place.value ? elementBytes(cast<RankedTensorType>(place.value.getType()))
                       : place.storage->elementBytes;
  }
  int64_t wordsPerElement(const Place &place) const { return bytesPerElement(place) / wordBytes; }
  /// Calls `visit(element, word)` for every element of a place, in row-major order; `word` is its
  /// first, counted from the start of the buffer.
  template <typename Visit> void forEachWord(const Place &place, Visit visit);
  Names &memory(const Place &place, int64_t words);
  std::vector<int64_t> allWords(const Place &place);
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
  int64_t wordBytes = 4; ///< those of the smallest element of the plan
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
  int64_t words = wordsPerElement(place), element = 0;
  int64_t base = place.storage->offset / wordBytes + layout.offset * words;
  for (int64_t row = 0; row < layout.rows; ++row)
    for (int64_t col = 0; col < layout.cols; ++col)
      visit(element++, base + words * (row * layout.ld + col / layout.width * layout.headStride +
                                       col % layout.width));
}

std::vector<int64_t> PlanVerifier::allWords(const Place &place) {
  std::vector<int64_t> all;
  forEachWord(place, [&](int64_t, int64_t word) {
    for (int64_t k = 0; k < wordsPerElement(place); ++k)
      all.push_back(word + k);
  });
  return all;
}

Names &PlanVerifier::memory(const Place &place, int64_t words) {
  Names &names = buffers[place.storage->buffer];
  // The arena starts as garbage; other buffers hold something before the program runs, elements of
  // one size.
  while (static_cast<int64_t>(names.size()) < words) {
    uint64_t name = place.storage->isArena ? 0 : nextName++;
    names.push_back(name);
    for (int64_t k = 1; k < wordsPerElement(place); ++k)
      names.push_back(place.storage->isArena ? 0 : name | kRest);
  }
  return names;
}

Names PlanVerifier::read(const Place &place) {
  Names names(place.layout.rows * place.layout.cols);
  int64_t words = wordsPerElement(place);
  forEachWord(place, [&](int64_t element, int64_t word) {
    const Names &held = memory(place, word + words);
    bool isWhole = !(held[word] & kRest);
    for (int64_t k = 1; k < words; ++k)
      isWhole &= held[word + k] == (held[word] | kRest);
    names[element] = isWhole ? held[word] : 0;
  });
  return names;
}

void PlanVerifier::write(const Place &place, const Names &names) {
  int64_t words = wordsPerElement(place);
  forEachWord(place, [&](int64_t element, int64_t word) {
    Names &held = memory(place, word + words);
    held[word] = names[element];
    for (int64_t k = 1; k < words; ++k)
      held[word + k] = names[element] | kRest;
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
                           << place.storage->offset + place.layout.offset * bytesPerElement(place);
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
  std::vector<int64_t> reads = allWords(from), writes = allWords(to);
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
  if (auto set = dyn_cast<SetScalingOp>(op))
    return checkHolds(&op, plan.storedAt.lookup(&op), set.getValue(), "the scaling state");
  return success();
}

LogicalResult PlanVerifier::run() {
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
