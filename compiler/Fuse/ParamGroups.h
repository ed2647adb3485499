//===- ParamGroups.h - the parameter groups of a module -------------------===//
#pragma once

#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/IR/BuiltinOps.h"

namespace swamla {

/// Weights that are used as one matrix: the members' rows, in order.
struct ParamGroup {
  mlir::FlatSymbolRefAttr symbol;
  mlir::RankedTensorType type;
  llvm::SmallVector<mlir::StringAttr> members;
};

/// Finds and makes the swamla.param_group ops of a module. A parameter is in one group at most.
class ParamGroups {
public:
  explicit ParamGroups(mlir::ModuleOp module);

  /// The name of the matrix parameter that `value` is read from; null if it is none.
  mlir::StringAttr matrixParamOf(mlir::Value value) const;

  /// The group of exactly these parameters, in any order, made if need be. Null if they cannot be
  /// one: one of them is in another group, their widths or decay groups differ, or there is only
  /// one.
  const ParamGroup *getOrCreate(llvm::ArrayRef<mlir::StringAttr> members);

  /// The group that a parameter is in, or null.
  const ParamGroup *groupOf(mlir::StringAttr param) const { return groupOfParam.lookup(param); }

private:
  const ParamGroup *add(ParamGroupOp op);
  bool areAlike(llvm::ArrayRef<mlir::StringAttr> members) const;
  ParamGroupOp create(llvm::ArrayRef<mlir::StringAttr> members);

  mlir::SymbolTable symbols;
  llvm::SmallVector<std::unique_ptr<ParamGroup>> groups;
  llvm::DenseMap<mlir::StringAttr, const ParamGroup *> groupOfParam;
};

} // namespace swamla
