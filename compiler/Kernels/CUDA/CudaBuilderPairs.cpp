//===- CudaBuilderPairs.cpp - narrow numbers, several at a time -----------===//
#include "compiler/Kernels/CUDA/CudaBuilder.h"
#include "compiler/Kernels/CUDA/CudaFloat8.h"

#include "dialects/Step/IR/ElementTypes.h"

using namespace mlir;

namespace swamla {

bool isNarrowFloat(Type type) { return type.isBF16() || isF8(type); }

Value CudaBuilder::packPair(Type element, Value low, Value high) {
  return element.isBF16() ? packBf16(low, high) : packF8(*this, element, low, high);
}

std::pair<Value, Value> CudaBuilder::unpackPair(Type element, Value pair) {
  return element.isBF16() ? unpackBf16(pair) : unpackF8(*this, element, pair);
}

Value CudaBuilder::roundTo(Type element, Value value) {
  if (element.isBF16())
    return roundBf16(value);
  return unpackF8(*this, element, packF8(*this, element, value, f32(0.0))).first;
}

Value CudaBuilder::permuteBytes(Value low, Value high, int64_t selector) {
  auto mode = NVVM::PermuteModeAttr::get(getContext(), NVVM::PermuteMode::DEFAULT);
  return NVVM::PermuteOp::create(*this, getI32Type(), low, high, i32(selector), mode);
}

SmallVector<Value> CudaBuilder::loadBytes(int64_t count, Value pointer, bool readOnly) {
  if (count < 4)
    return loadElements(getI8Type(), count, pointer, readOnly);
  SmallVector<Value> bytes;
  for (Value word : loadElements(getI32Type(), count / 4, pointer, readOnly))
    for (int64_t bit = 0; bit < 32; bit += 8) {
      Value low = bit == 0 ? word : shiftRight(word, bit);
      bytes.push_back(arith::TruncIOp::create(*this, getI8Type(), low));
    }
  return bytes;
}

void CudaBuilder::storeBytes(ValueRange bytes, Value pointer) {
  if (bytes.size() < 4)
    return storeElements(getI8Type(), bytes, pointer);
  SmallVector<Value> words;
  for (auto [i, byte] : llvm::enumerate(bytes)) {
    Value wide = arith::ExtUIOp::create(*this, getI32Type(), byte);
    if (i % 4 == 0) {
      words.push_back(wide);
      continue;
    }
    Value shifted = arith::ShLIOp::create(*this, wide, i32(8 * (i % 4)));
    words.back() = arith::OrIOp::create(*this, words.back(), shifted);
  }
  storeElements(getI32Type(), words, pointer);
}

SmallVector<Value> CudaBuilder::loadPairs(Type element, int64_t count, Value pointer,
                                          bool readOnly) {
  if (element.isBF16())
    return loadElements(getI32Type(), count / 2, pointer, readOnly);
  if (count == 2)
    return {load(getI16Type(), pointer, readOnly)};
  SmallVector<Value> pairs;
  auto halves = VectorType::get({2}, getI16Type());
  for (Value word : loadElements(getI32Type(), count / 4, pointer, readOnly)) {
    Value both = LLVM::BitcastOp::create(*this, halves, word);
    for (int64_t half : {0, 1})
      pairs.push_back(LLVM::ExtractElementOp::create(*this, both, i32(half)));
  }
  return pairs;
}

void CudaBuilder::storePairs(Type element, ValueRange pairs, Value pointer) {
  if (element.isBF16())
    return storeElements(getI32Type(), pairs, pointer);
  if (pairs.size() == 1)
    return store(pairs.front(), pointer);
  SmallVector<Value> words;
  auto halves = VectorType::get({2}, getI16Type());
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    Value both = LLVM::PoisonOp::create(*this, halves);
    both = LLVM::InsertElementOp::create(*this, both, pairs[i], i32(0));
    both = LLVM::InsertElementOp::create(*this, both, pairs[i + 1], i32(1));
    words.push_back(LLVM::BitcastOp::create(*this, getI32Type(), both));
  }
  storeElements(getI32Type(), words, pointer);
}

} // namespace swamla
