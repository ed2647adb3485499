//===- ProgramBuilder.h - primitives of one function, as blocks need them -===//
#pragma once

#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/IR/Builders.h"

#include <string>

namespace swamla {

/// Appends primitives to a function. Every op gets the scope that was set last, and the location of
/// the block it comes from. Activations are tensor<M x C x f32> with M = batch x sequence rows.
class ProgramBuilder : private mlir::OpBuilder::Listener {
public:
  /// Parameters are looked up among the symbols of `module`: all must be declared. Without
  /// `withDropout` none is emitted.
  ProgramBuilder(mlir::ModuleOp module, mlir::func::FuncOp function, int64_t seq, bool withDropout);

  /// Ops from here on belong to `scope`, a part of the model such as "h.3.attn".
  void enter(const mlir::Twine &scope, mlir::Location location);

  mlir::OpBuilder &builder() { return b; }
  mlir::Location loc() const { return location; }
  int64_t seq() const { return sequence; }

  mlir::Value param(const mlir::Twine &name);
  /// x W^T (+ bias): parameters NAME.weight and NAME.bias.
  mlir::Value linear(const mlir::Twine &name, mlir::Value x, bool bias);
  /// The norm of a block: rms or dyt, parameters NAME.*.
  mlir::Value norm(const mlir::Twine &name, mlir::Value x, mlir::Attribute norm);
  mlir::Value layerNorm(const mlir::Twine &name, mlir::Value x, mlir::FloatAttr eps);
  /// Each head's columns [offset, offset + width) rotated by position; the tables are made once per
  /// function.
  mlir::Value rope(mlir::Value x, int64_t heads, int64_t offset, int64_t width,
                   mlir::FloatAttr theta, mlir::FloatAttr factor);
  mlir::Value scaleRows(mlir::Value x, LogitScaleAttr scale);
  /// The columns of every head split into parts of the given widths per head.
  mlir::ValueRange split(mlir::Value x, int64_t heads, llvm::ArrayRef<int64_t> widths);
  mlir::Value add(mlir::Value lhs, mlir::Value rhs);
  /// Emits nothing where p = 0 or the program has no dropout; else takes the next site.
  mlir::Value dropout(mlir::Value x, mlir::FloatAttr p);
  mlir::Value scalar(llvm::StringRef name, mlir::Type element);
  /// The norm, the SwiGLU MLP and the residual sum that end every block; enters the scope NAME.mlp.
  mlir::Value mlp(llvm::StringRef name, mlir::Value x, mlir::Attribute norm,
                  mlir::FloatAttr dropout, bool bias);

private:
  void notifyOperationInserted(mlir::Operation *op, mlir::OpBuilder::InsertPoint) override;
  /// Runs `make` at the start of the function, in scope "setup", unless `key` was made before.
  llvm::SmallVector<mlir::Value> table(const std::string &key,
                                       llvm::function_ref<mlir::Operation *()> make);

  mlir::SymbolTable symbols;
  mlir::func::FuncOp function;
  mlir::OpBuilder b;
  int64_t sequence;
  bool withDropout;
  mlir::Location location;
  mlir::StringAttr scope;
  mlir::Operation *lastTable = nullptr;
  llvm::StringMap<mlir::Operation *> tables;
  mlir::Value dropoutKey;
  int32_t nextSite = 0;
};

/// The blocks: x is the residual stream, and so is the result. Each enters the scopes NAME.attn and
/// NAME.mlp.
mlir::Value expandSwaBlock(SwaBlockOp op, mlir::Value x, ProgramBuilder &program);
mlir::Value expandMlaBlock(MlaBlockOp op, mlir::Value x, ProgramBuilder &program);

} // namespace swamla
