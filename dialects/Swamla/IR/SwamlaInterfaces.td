//===- SwamlaInterfaces.td - what passes may ask of an op ----*- tablegen -*-===//
// Passes never switch on op names: they ask one of these. An op that takes part in a phase implements the phase's interface.
#ifndef SWAMLA_INTERFACES_TD
#define SWAMLA_INTERFACES_TD

include "mlir/IR/OpBase.td"

def Swamla_DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::swamla";
  let description = [{
    An op with a reverse-mode rule. The autodiff pass visits the ops of a program backwards and hands each the cotangents of its
    results; the op emits the ops that compute the cotangents of its operands (vector-Jacobian products).
  }];
  let methods = [InterfaceMethod<
    /*desc=*/[{
      Emits the rule at `builder`'s insertion point.
      `cotangents[i]` belongs to result i and is null where nothing depends on that result.
      The answer has one entry for each operand, null where the operand has no cotangent (integers, tables).
      An op may also emit side effects (`swamla.add_grad`).
      Failure means that the op cannot be differentiated as it stands; it has then emitted a diagnostic.
    }],
    /*retTy=*/"::mlir::FailureOr<::llvm::SmallVector<::mlir::Value>>",
    /*methodName=*/"buildGradient",
    /*args=*/(ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$cotangents)>];
}

def Swamla_RowwiseOpInterface : OpInterface<"RowwiseOpInterface"> {
  let cppNamespace = "::swamla";
  let description = [{
    An op that is a row-wise computation: it can be written as a `swamla.fused`, and kernels for every target come from that one form.
    `getRowwiseDomain` gives the iteration space and how operands and results are indexed; `buildRowwiseBody` gives the arithmetic.
  }];
  let methods = [
    InterfaceMethod<[{Iteration space and indexing maps; see RowwiseDomain in RowwiseDomain.h.}],
      "::swamla::RowwiseDomain", "getRowwiseDomain">,
    InterfaceMethod<[{
      Emits the scalar arithmetic of one element. `args` are the elements of the ins, then of the outs' initial values, each with its
      operand's element type. Returns one scalar per result.
    }], "::llvm::SmallVector<::mlir::Value>", "buildRowwiseBody",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$args)>];
}

def Swamla_PrecisionOpInterface : OpInterface<"PrecisionOpInterface"> {
  let cppNamespace = "::swamla";
  let description = [{
    An op with a matrix among its results that is no activation. `swamla-set-precision` makes activations, which the results of all other ops are,
    narrow; it asks this interface about the rest. (Vectors and single numbers are f32 in every precision; so are tables, see SetupTime.)
  }];
  let methods = [InterfaceMethod<[{
      What becomes of result `result`, a matrix of floats; see ResultPrecision in ResultPrecision.h. The types of the operands are decided already.
    }],
    "::swamla::ResultPrecision", "getResultPrecision", (ins "unsigned":$result)>];
}

def Swamla_QuantizableOpInterface : OpInterface<"QuantizableOpInterface"> {
  let cppNamespace = "::swamla";
  let description = [{
    An op that may be a product of a linear layer: y = x W^T, dx = dy W or dW = dy^T x. `swamla-quantize` asks it what its operands are, and replaces
    it by the same product of fp8 operands.
  }];
  let methods = [
    InterfaceMethod<[{What the product is; nothing if its operands cannot be fp8. See QuantizableProduct.h.}],
      "::std::optional<::swamla::QuantizableProduct>", "getQuantizableProduct">,
    InterfaceMethod<[{
      Emits the product of fp8 operands, [m, k] and [n, k], whose scales are of one number each, or of one for each row.
    }], "::mlir::Value", "buildQuantized", (ins "::mlir::OpBuilder &":$builder, "::mlir::Value":$a, "::mlir::Value":$b,
      "::mlir::Value":$aScale, "::mlir::Value":$bScale)>];
}

def Swamla_CostOpInterface : OpInterface<"CostOpInterface"> {
  let cppNamespace = "::swamla";
  let description = [{What an op costs at least: the larger of its two times is the floor of any kernel for it.}];
  let methods = [
    InterfaceMethod<[{Floating-point operations (a multiply-add counts two).}], "uint64_t", "getFlops">,
    InterfaceMethod<[{Bytes that must move: every operand read once, every result written once.}], "uint64_t", "getBytes", (ins),
      /*methodBody=*/"", /*defaultImplementation=*/[{ return ::swamla::defaultBytes($_op); }]>];
}

// A marker for ops whose results are always recomputed in the backward where that frees memory (norm outputs, SwiGLU product):
// one pass over memory that is there anyway.
def Swamla_CheapToRecompute : NativeOpTrait<"CheapToRecompute"> { let cppNamespace = "::swamla"; }
// A marker for ops that read matrices which the forward has saved, and can do with eight bits a number: where those are results of fp8
// products, the backward reads them rounded to f8E4M3FN.
def Swamla_ReadsSavedF8 : NativeOpTrait<"ReadsSavedF8"> { let cppNamespace = "::swamla"; }
// A marker for ops whose value depends on nothing but attributes (tables): computed once at load, by the `setup` program.
def Swamla_SetupTime : NativeOpTrait<"SetupTime"> { let cppNamespace = "::swamla"; }

#endif
