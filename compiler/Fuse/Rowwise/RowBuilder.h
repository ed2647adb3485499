//===- RowBuilder.h - shorthand for rowwise domains and bodies ------------===//
// What the files of this folder share: each describes a family of primitives by its iteration space
// (getRowwiseDomain) and by the scalar arithmetic of one point of it (buildRowwiseBody).
//===----------------------------------------------------------------------===//
#pragma once

#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/IR/Builders.h"

namespace swamla {

/// Extent `dim` of a value of ranked tensor type.
int64_t extent(mlir::Value tensor, unsigned dim);

/// A RowwiseDomain under construction: `[rows | columns]`, or `[rows, heads | columns]`.
class DomainBuilder {
public:
  /// With `heads` > 0 the domain has two row dims.
  DomainBuilder(mlir::MLIRContext *context, int64_t rows, int64_t columns, int64_t heads = 0);

  mlir::AffineExpr rowDim() const;
  mlir::AffineExpr headDim() const;
  mlir::AffineExpr columnDim() const;
  mlir::AffineExpr constant(int64_t value) const;

  mlir::AffineMap map(llvm::ArrayRef<mlir::AffineExpr> results) const;
  mlir::AffineMap element() const { return map({rowDim(), columnDim()}); } ///< (m, c) -> (m, c)
  mlir::AffineMap row() const { return map(rowDim()); }                    ///< (m, c) -> (m)
  mlir::AffineMap column() const { return map(columnDim()); }              ///< (m, c) -> (c)
  mlir::AffineMap first() const { return map(constant(0)); }               ///< (m, c) -> (0)
  /// Adds an in: operand number `operand`, read through `map`.
  DomainBuilder &in(int64_t operand, mlir::AffineMap map);
  /// Adds an in whose first index is the value of in number `source` at the same point.
  DomainBuilder &gather(int64_t operand, int64_t source);
  /// Adds an out, which starts from operand number `init` or, with -1, is fresh.
  DomainBuilder &out(mlir::AffineMap map, int64_t init = -1);

  RowwiseDomain take() { return std::move(domain); }

private:
  mlir::MLIRContext *context;
  RowwiseDomain domain;
};

/// The position of row m in its sequence, m mod `period`, for a domain of `rows` rows.
mlir::AffineExpr positionOf(mlir::AffineExpr row, int64_t rows, int64_t period);

/// Emits the arithmetic of one point. Everything is f32, whatever the element types: operands are
/// extended when read, results rounded by `results`.
class RowBuilder {
public:
  RowBuilder(mlir::OpBuilder &builder, mlir::Operation *op, mlir::ValueRange args)
      : builder(builder), op(op), loc(op->getLoc()), args(args) {}

  /// The element of in or out number i, extended to f32 where it is a narrower float.
  mlir::Value operator[](unsigned i) const;

  mlir::Value constant(double value) const; ///< f32
  mlir::Value integer(int32_t value) const; ///< i32
  mlir::Value index(int64_t dim) const;     ///< i32

  mlir::Value add(mlir::Value a, mlir::Value b) const;
  mlir::Value sub(mlir::Value a, mlir::Value b) const;
  mlir::Value mul(mlir::Value a, mlir::Value b) const;
  mlir::Value div(mlir::Value a, mlir::Value b) const;
  mlir::Value minimum(mlir::Value a, mlir::Value b) const; ///< NaN if either is
  mlir::Value maximum(mlir::Value a, mlir::Value b) const; ///< NaN if either is
  mlir::Value neg(mlir::Value a) const;
  mlir::Value exp(mlir::Value a) const;
  mlir::Value log(mlir::Value a) const;
  mlir::Value sqrt(mlir::Value a) const;
  mlir::Value rsqrt(mlir::Value a) const;
  mlir::Value tanh(mlir::Value a) const;
  mlir::Value floor(mlir::Value a) const;
  mlir::Value greater(mlir::Value a, mlir::Value b) const;      ///< ordered: false for NaN
  mlir::Value greaterEqual(mlir::Value a, mlir::Value b) const; ///< ordered: false for NaN
  mlir::Value equal(mlir::Value a, mlir::Value b) const;        ///< of i32
  mlir::Value notEqual(mlir::Value a, mlir::Value b) const;     ///< of i32
  mlir::Value isFinite(mlir::Value a) const;                    ///< neither NaN nor infinite
  mlir::Value select(mlir::Value condition, mlir::Value yes, mlir::Value no) const;
  mlir::Value toFloat(mlir::Value integer) const;  ///< i32 to f32
  mlir::Value toInteger(mlir::Value number) const; ///< f32, an integer, to i32
  /// A narrower integer as i32.
  mlir::Value extend(mlir::Value narrow, bool isSigned) const;
  /// The low `bits` bits of an i32.
  mlir::Value truncate(mlir::Value integer, unsigned bits) const;

  // Of i32.
  mlir::Value subtract(mlir::Value a, mlir::Value b) const;
  mlir::Value bitAnd(mlir::Value a, mlir::Value b) const;
  mlir::Value bitOr(mlir::Value a, mlir::Value b) const;
  mlir::Value bitXor(mlir::Value a, mlir::Value b) const;
  mlir::Value shiftLeft(mlir::Value a, mlir::Value b) const;
  mlir::Value shiftRight(mlir::Value a, mlir::Value b) const; ///< zeros come in

  mlir::Value rowSum(mlir::Value a) const;
  mlir::Value rowMax(mlir::Value a) const;
  /// The row's mean, of `width` columns.
  mlir::Value rowMean(mlir::Value a, int64_t width) const;

  /// The logistic function 1 / (1 + exp(-a)).
  mlir::Value sigmoid(mlir::Value a) const;

  /// The op's results, each rounded to its tensor's element type.
  llvm::SmallVector<mlir::Value> results(llvm::ArrayRef<mlir::Value> values) const;

private:
  mlir::OpBuilder &builder;
  mlir::Operation *op;
  mlir::Location loc;
  mlir::ValueRange args;
};

} // namespace swamla
