//===- VerifyUtils.cpp - what the op verifiers have in common -------------===//
#include "dialects/Swamla/IR/VerifyUtils.h"

using namespace mlir;

namespace swamla {

LogicalResult expectTensor(Operation *op, const Twine &what, RankedTensorType type,
                           ArrayRef<int64_t> shape, Type element) {
  RankedTensorType expected =
      RankedTensorType::get(shape, element ? element : type.getElementType());
  if (type == expected)
    return success();
  return op->emitOpError() << what << ": expected " << expected << ", found " << type;
}

LogicalResult expectTensorOrWider(Operation *op, const Twine &what, RankedTensorType type,
                                  ArrayRef<int64_t> shape, Type element) {
  return expectTensor(op, what, type, shape, type.getElementType().isF32() ? Type() : element);
}

LogicalResult expectRank(Operation *op, const Twine &what, RankedTensorType type, int64_t rank,
                         StringRef form) {
  if (type.getRank() == rank)
    return success();
  return op->emitOpError() << what << ": expected " << form << ", found " << type;
}

LogicalResult expectInt(Operation *op, const Twine &what, int64_t value, int64_t low,
                        std::optional<int64_t> high) {
  if (value >= low && (!high || value <= *high))
    return success();
  InFlightDiagnostic error = op->emitOpError() << what << ": expected ";
  if (high)
    error << low << " to " << *high;
  else
    error << "at least " << low;
  return error << ", found " << value;
}

LogicalResult expectDivides(Operation *op, StringRef divisorName, int64_t divisor,
                            StringRef valueName, int64_t value) {
  if (divisor >= 1 && value % divisor == 0)
    return success();
  return op->emitOpError() << divisorName << ": expected a divisor of " << valueName << " = "
                           << value << ", found " << divisor;
}

LogicalResult expectPositive(Operation *op, const Twine &what, const llvm::APFloat &value) {
  if (value.isFinite() && !value.isNegative() && !value.isZero())
    return success();
  return op->emitOpError() << what << ": expected a number > 0, found " << value.convertToDouble();
}

LogicalResult expectFraction(Operation *op, const Twine &what, const llvm::APFloat &value) {
  double number = value.convertToDouble();
  if (number >= 0.0 && number < 1.0)
    return success();
  return op->emitOpError() << what << ": expected 0 <= " << what << " < 1, found " << number;
}

} // namespace swamla
