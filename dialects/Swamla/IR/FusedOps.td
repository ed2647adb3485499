//===- FusedOps.td - row-wise computations as regions --------*- tablegen -*-===//
#ifndef SWAMLA_FUSED_OPS_TD
#define SWAMLA_FUSED_OPS_TD

include "dialects/Swamla/IR/SwamlaDialect.td"
include "dialects/Swamla/IR/SwamlaInterfaces.td"
include "mlir/IR/EnumAttr.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"

def Swamla_FusedOp : Swamla_Op<"fused", [Pure, AttrSizedOperandSegments, IsolatedFromAbove,
    SingleBlockImplicitTerminator<"YieldOp">, DeclareOpInterfaceMethods<Swamla_CostOpInterface, ["getBytes"]>]> {
  let summary = "a row-wise computation given as a region of scalar arithmetic";
  let description = [{
    For every point of the domain `[rows | columns]` the region computes one element of each result from one element of each operand.
    Inside, values are scalars; `swamla.reduce_row` reduces a value over the columns of the row and gives a value that is uniform
    along it. Results are in destination-passing style: result i starts from `outs[i]` (a `tensor.empty`, or a tensor that it updates
    in place) and the region's block arguments are the elements of ins, then of outs, with the operand's element type.

    Indexing maps are described in RowwiseDomain.h. Both targets generate their kernels from this op and from nothing else.

    Example: RMSNorm of a residual sum, which is also kept.

    ```mlir
    %sum, %y = swamla.fused [2048 | 128]
        ins(%x, %dx, %w : tensor<2048x128xf32>, tensor<2048x128xf32>, tensor<128xf32>)
        outs(%e0, %e1 : tensor<2048x128xf32>, tensor<2048x128xf32>)
        maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (c)>,
              affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>] {
    ^bb0(%a: f32, %b: f32, %g: f32, %i0: f32, %i1: f32):
      %s = arith.addf %a, %b : f32
      %q = arith.mulf %s, %s : f32
      %t = swamla.reduce_row add %q : f32
      ...
      swamla.yield %s, %n : f32, f32
    } -> tensor<2048x128xf32>, tensor<2048x128xf32>
    ```

    Constraints:
    (C1) one map for each operand, over the domain's dims; a map has one result for each dim of its operand;
    (C2) `gather`, where given, names for each in the in of type i32 that supplies its symbol, or -1;
    (C3) block arguments are scalars of the operands' element types, the yield has one value for each out, of its element type;
    (C4) an out's map stores all dims or the row dims, no element twice, or is a column reduction (RowwiseDomain.h);
    (C5) result types equal the outs' types;
    (C6) maps stay inside their operands; the value of a gather's symbol is its supplier's business;
    (C7) extents are positive and 1 <= row_dims < number of dims; `swamla.index` names a dim; with `swamla.pair_swap` the last dim is even.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$ins, Variadic<AnyRankedTensor>:$outs,
                       DenseI64ArrayAttr:$domain, I64Attr:$row_dims, AffineMapArrayAttr:$maps,
                       OptionalAttr<DenseI64ArrayAttr>:$gather, OptionalAttr<StrAttr>:$label);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    mlir::AffineMap getInMap(unsigned i) { return llvm::cast<mlir::AffineMapAttr>(getMaps()[i]).getValue(); }
    mlir::AffineMap getOutMap(unsigned i) { return llvm::cast<mlir::AffineMapAttr>(getMaps()[getIns().size() + i]).getValue(); }
    /// The in that supplies symbol s0 of in i's map, or -1.
    int64_t getGatherOf(unsigned i) { return getGather() ? (*getGather())[i] : -1; }
  }];
}

def Swamla_YieldOp : Swamla_Op<"yield", [Pure, Terminator]> {
  let summary = "ends a region: one scalar for each out of a fused op, or the value of a model";
  let arguments = (ins Variadic<AnyType>:$values);
  let builders = [OpBuilder<(ins)>];
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

//===----------------------------------------------------------------------===//
// Scalar operations that only mean something inside a fused region
//===----------------------------------------------------------------------===//

def Swamla_RowReduction : I32EnumAttr<"RowReduction", "how a row is reduced", [
    I32EnumAttrCase<"add", 0>, I32EnumAttrCase<"max", 1>]> { let cppNamespace = "::swamla"; }

class Swamla_RegionOp<string mnemonic, list<Trait> traits = []> : Swamla_Op<mnemonic, !listconcat([Pure], traits)>;

def Swamla_ReduceRowOp : Swamla_RegionOp<"reduce_row", [SameOperandsAndResultType]> {
  let summary = "reduces a value over the columns of its row; the result is uniform along the row";
  let description = "Max ignores nothing: a NaN anywhere gives NaN. The order of summation is fixed by the row's width alone.";
  let arguments = (ins Swamla_RowReduction:$kind, AnyFloat:$value);
  let results = (outs AnyFloat:$result);
  let assemblyFormat = "$kind $value attr-dict `:` type($value)";
}

def Swamla_PairSwapOp : Swamla_RegionOp<"pair_swap", [SameOperandsAndResultType]> {
  let summary = "the value of the neighbour in the pair (2k, 2k+1) of the last column dim";
  let description = "At column c the result is the operand's value at column `c xor 1`. The last dim of the domain must be even.";
  let arguments = (ins AnyFloat:$value);
  let results = (outs AnyFloat:$result);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

def Swamla_IndexOp : Swamla_RegionOp<"index"> {
  let summary = "the point's position along one dim of the domain, as i32";
  let arguments = (ins I64Attr:$dim);
  let results = (outs I32:$result);
  let assemblyFormat = "$dim attr-dict";
}

def Swamla_RandomUniformOp : Swamla_RegionOp<"random_uniform"> {
  let summary = "a uniform number in [0, 1) from a counter-based generator";
  let description = [{
    Philox2x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11) of the counter (linear index of the point in the
    domain, `site`) under the 32-bit `key`: the top 24 bits of the first word, times 2^-24. The same key, site and point give the
    same number on every target, so a mask is recomputed, never stored.
  }];
  let arguments = (ins I32:$key, I32Attr:$site);
  let results = (outs F32:$result);
  let assemblyFormat = "$key `site` `(` $site `)` attr-dict";
}

#endif
