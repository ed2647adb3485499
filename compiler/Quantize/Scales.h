//===- Scales.h - the scales of the values of a function ------------------===//
#pragma once

#include "compiler/Quantize/QuantizedValues.h"
#include "compiler/Quantize/ScalingLayout.h"

namespace swamla {

/// Finds or makes the scales of one function.
class Scales {
public:
  Scales(const ScalingLayout &layout, BehindValue &place, mlir::func::FuncOp func);

  /// The scale of an activation or cotangent: of the tensor, or of each row. A value that has one
  /// keeps it, and a site that has one hands it on: what is computed again for the backward has the
  /// numbers of the forward.
  mlir::Value of(mlir::Value x, const Site &site, mlir::Type format);
  /// The scale of a parameter's copy: of the matrix, or of each of its rows.
  mlir::Value ofWeight(mlir::Operation *user, mlir::StringAttr param, int64_t rows);
  /// Stores what this function has seen for the scales of later steps.
  void finish();

private:
  mlir::Value rowAmax(mlir::Value x, mlir::Value init);
  mlir::Value computed(mlir::Value x, mlir::Type format);
  mlir::Value delayed(mlir::Value x, const Site &site);

  const ScalingLayout &layout;
  BehindValue &place;
  mlir::func::FuncOp func;
  bool learns; ///< what the function sees counts for later steps
  llvm::DenseMap<mlir::Value, mlir::Value> byValue;
  std::map<Site, mlir::Value> bySite;
  llvm::DenseMap<mlir::StringAttr, mlir::Value> weights;
  llvm::SmallVector<std::pair<int64_t, mlir::Value>> seen; ///< offset in `amax`, amaxes of rows
};

} // namespace swamla
