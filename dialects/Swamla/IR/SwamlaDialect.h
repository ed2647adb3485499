//===- SwamlaDialect.h - the swamla dialect -------------------------------===//
#pragma once

#include "dialects/Swamla/IR/QuantizableProduct.h"
#include "dialects/Swamla/IR/ResultPrecision.h"
#include "dialects/Swamla/IR/RowwiseDomain.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace swamla {
/// Traits, see SwamlaInterfaces.td. MLIR's own traits have public constructors too.
// NOLINTBEGIN(bugprone-crtp-constructor-accessibility)
template <typename ConcreteType>
class CheapToRecompute : public mlir::OpTrait::TraitBase<ConcreteType, CheapToRecompute> {};
template <typename ConcreteType>
class ReadsSavedF8 : public mlir::OpTrait::TraitBase<ConcreteType, ReadsSavedF8> {};
template <typename ConcreteType>
class SetupTime : public mlir::OpTrait::TraitBase<ConcreteType, SetupTime> {};
// NOLINTEND(bugprone-crtp-constructor-accessibility)

/// The flat buffer of the parameters' working copies, bf16, for get_flat and set_flat.
inline constexpr llvm::StringLiteral kWorkingBuffer = "working";
/// The flat buffer of the parameters' working copies in E4M3, each divided by its scale.
inline constexpr llvm::StringLiteral kF8WorkingBuffer = "working.e4m3";
/// Their transposes, each matrix where it lies in the others.
inline constexpr llvm::StringLiteral kF8TransposedBuffer = "working.e4m3t";
/// The flat buffer of gradients.
inline constexpr llvm::StringLiteral kGradsBuffer = "grads";

/// The scaling state, for get_scaling and set_scaling, f32: the scale of each site, the amaxes of
/// its rows, and those of earlier steps.
inline constexpr llvm::StringLiteral kScaleBuffer = "scale";
inline constexpr llvm::StringLiteral kAmaxBuffer = "amax";
inline constexpr llvm::StringLiteral kAmaxHistoryBuffer = "amax_history";

/// Bytes of an op's tensor operands and results, each counted once.
uint64_t defaultBytes(mlir::Operation *op);
} // namespace swamla

#include "dialects/Swamla/IR/SwamlaInterfaces.h.inc"

#include "dialects/Swamla/IR/SwamlaDialect.h.inc"
#include "dialects/Swamla/IR/SwamlaEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Swamla/IR/SwamlaAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialects/Swamla/IR/SwamlaOps.h.inc"
