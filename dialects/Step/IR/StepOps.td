//===- StepOps.td - buffers, kernels, programs ---------------*- tablegen -*-===//
#ifndef STEP_OPS_TD
#define STEP_OPS_TD

include "dialects/Step/IR/StepDialect.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

//===----------------------------------------------------------------------===//
// Module-level facts
//===----------------------------------------------------------------------===//

def Step_BufferOp : Step_Op<"buffer", [Symbol]> {
  let summary = "memory that lives as long as the program";
  let description = [{
    `kind`: `arena` (activations and scratch; contents undefined between programs), `params`, `grads`, `state` (optimizer state, zero at first),
    `constants` (filled by the setup program), `input` (tokens, targets; written by the runtime), `scalars`, `results` (read by the runtime), `working` (bf16 or fp8 copy of `params`, written by `apply` and by the program `cast`),
    `scaling` (fp8: scales and what they follow from, zero at first).
    `type` is for states: a type of number where they have the layout of `params`, but not f32; a tensor where they have a shape of their own.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$kind, I64Attr:$bytes, OptionalAttr<TypeAttr>:$type);
  let assemblyFormat = "$sym_name `kind` $kind `bytes` $bytes (`type` $type^)? attr-dict";
  let hasVerifier = 1;
}

def Step_ParamOp : Step_Op<"param", [Symbol]> {
  let summary = "one entry of the parameter table: a slice of the flat buffers (offset in elements)";
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$type, I64Attr:$offset, BoolAttr:$init_normal, F64Attr:$init_value,
                       UnitAttr:$decay);
  let assemblyFormat = "$sym_name `:` $type `offset` $offset `init_normal` $init_normal `init_value` $init_value (`decay` $decay^)? attr-dict";
  let hasVerifier = 1;
}

def Step_SlotOp : Step_Op<"slot", [Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a named number or array that the runtime writes or reads: where it lies";
  let description = "Inputs (`micro_step.tokens`, ...), scalars (`lr`, ...), results (`micro_step.loss`, `apply.grad_norm`, `logits.logits`, ...).";
  let arguments = (ins SymbolNameAttr:$sym_name, Step_ViewAttr:$view, TypeAttr:$type);
  let assemblyFormat = "$sym_name $view `:` $type attr-dict";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Kernels. Each is generated for the target from this op alone; a launch supplies base addresses and the number of units.
//===----------------------------------------------------------------------===//

def Step_RowKernelOp : Step_Op<"row_kernel", [Symbol, IsolatedFromAbove, SingleBlock]> {
  let summary = "a swamla.fused with its layout decided";
  let description = [{
    `domain`, `row_dims`, the region and its block arguments are swamla.fused's (ins, then outs). The launch's views are in the same order: one base address for
    each in, one for each out; an out that updates in place is read through its own address, and an in may alias an out when both have the same map.

    `maps[i]` gives the element offset from base address i: domain dims, and for a gather symbol s0 (the i32 value of the in that `gather` names),
    to one linear offset. Along the last dim the offset's stride is 0 or 1; an out may be transposed instead: stride 1 along a row dim, a larger one
    along the last dim, and a whole element for each point, so no sum and no initial value that the region reads.
    An out's map lacks dims where swamla.fused's does: see RowwiseDomain.h. A column reduction's map contains `m floordiv R` only with R = `unit_rows`.

    `accumulate` (one flag for each out, default false) says that a column reduction adds to what its out already holds instead of starting from zero:
    the plan sets it where the fused op's out started from a tensor that means something.

    One unit of work is `unit_rows` consecutive values of the first dim (the last unit may be shorter) with all of the others. Units are independent, except that
    a column reduction over all rows requires a single unit.

    CPU entry: `void NAME(void *const *views, int64_t unitBegin, int64_t unitEnd, void *scratch)`.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, DenseI64ArrayAttr:$domain, I64Attr:$row_dims, I64Attr:$num_ins, AffineMapArrayAttr:$maps,
                       OptionalAttr<DenseI64ArrayAttr>:$gather, I64Attr:$unit_rows,
                       OptionalAttr<DenseBoolArrayAttr>:$accumulate);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{$sym_name `domain` $domain `row_dims` $row_dims `ins` $num_ins `maps` $maps (`gather` $gather^)? `unit_rows` $unit_rows
    (`accumulate` $accumulate^)? attr-dict-with-keyword $body}];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getUnits() { return (getDomain()[0] + getUnitRows() - 1) / getUnitRows(); }
    mlir::AffineMap getMap(unsigned i) { return llvm::cast<mlir::AffineMapAttr>(getMaps()[i]).getValue(); }
    unsigned getNumOuts() { return getMaps().size() - getNumIns(); }
  }];
}

def Step_HeadsAttr : AttrDef<Step_Dialect, "Heads"> {
  let mnemonic = "heads";
  let summary = "where an element (row m, head h, column d) lies: m * row_stride + h * head_stride + d elements from the base; d < width";
  let parameters = (ins "int64_t":$heads, "int64_t":$width, "int64_t":$row_stride, "int64_t":$head_stride);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Step_AttentionKernelOp : Step_Op<"attention_kernel", [Symbol]> {
  let summary = "swamla.attention with its layout decided";
  let description = [{
    `element` is the type of q, k, v, shared and out: f32 or bf16.
    Views: q, k, v, [shared,] out, lse. `lse` is f32 [H, M]: that of head h begins h * `lse_stride` elements from the base. `shared` has one head. q's width is k's plus shared's.
    Units: batch x heads x ceil(seq / block_q), block_q chosen by `attentionBlockQ` in compiler/Kernels/AttentionShape.h.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$element, I64Attr:$batch, I64Attr:$seq, F64Attr:$scale, OptionalAttr<I64Attr>:$window, I64Attr:$sink,
                       Step_HeadsAttr:$q, Step_HeadsAttr:$k, Step_HeadsAttr:$v, OptionalAttr<Step_HeadsAttr>:$shared,
                       Step_HeadsAttr:$out, I64Attr:$lse_stride);
  let assemblyFormat = [{$sym_name `element` $element `batch` $batch `seq` $seq `scale` $scale (`window` $window^)? `sink` $sink `q` $q `k` $k `v` $v (`shared` $shared^)?
    `out` $out `lse_stride` $lse_stride attr-dict}];
  let hasVerifier = 1;
}

def Step_AttentionGradKernelOp : Step_Op<"attention_grad_kernel", [Symbol]> {
  let summary = "swamla.attention_grad with its layout decided";
  let description = [{
    `element` is the type of q, k, v, shared, dout and of the results.
    Views: q, k, v, [shared,] dout, lse, delta, dq, dk, dv, [dshared]; with `out`, out in delta's place, and delta, which is then a result, behind the others. lse and delta are
    f32 [H, M], strides as above. dshared has H heads. Every element of the results is written.
    Units: batch x KV heads.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$element, I64Attr:$batch, I64Attr:$seq, F64Attr:$scale, OptionalAttr<I64Attr>:$window, I64Attr:$sink,
                       Step_HeadsAttr:$q, Step_HeadsAttr:$k, Step_HeadsAttr:$v, OptionalAttr<Step_HeadsAttr>:$shared,
                       Step_HeadsAttr:$dout, OptionalAttr<Step_HeadsAttr>:$out, I64Attr:$lse_stride, I64Attr:$delta_stride,
                       Step_HeadsAttr:$dq, Step_HeadsAttr:$dk, Step_HeadsAttr:$dv, OptionalAttr<Step_HeadsAttr>:$dshared);
  let assemblyFormat = [{$sym_name `element` $element `batch` $batch `seq` $seq `scale` $scale (`window` $window^)? `sink` $sink `q` $q `k` $k `v` $v (`shared` $shared^)?
    `dout` $dout (`out` $out^)? `lse_stride` $lse_stride `delta_stride` $delta_stride `dq` $dq `dk` $dk `dv` $dv (`dshared` $dshared^)? attr-dict}];
  let hasVerifier = 1;
}

def Step_ScatterAddKernelOp : Step_Op<"scatter_add_kernel", [Symbol]> {
  let summary = "table[tokens[m], c] += dy[m, c], in order of m";
  let description = [{
    Views: tokens (i32 [rows]), dy (`element` [rows, cols], row stride `dy_stride`), table (f32 [vocab, cols], dense).
    Units: ceil(cols / unit_cols): each owns a strip of columns, so no two units write one element.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$rows, I64Attr:$cols, I64Attr:$vocab, I64Attr:$dy_stride, I64Attr:$unit_cols, TypeAttr:$element);
  let assemblyFormat = "$sym_name `element` $element `rows` $rows `cols` $cols `vocab` $vocab `dy_stride` $dy_stride `unit_cols` $unit_cols attr-dict";
  let hasVerifier = 1;
}

def Step_TensorMapAttr : AttrDef<Step_Dialect, "TensorMap"> {
  let mnemonic = "tensor_map";
  let summary = "a tensor memory accelerator descriptor over a launch's view: `TensorMap` of step.fbs";
  let parameters = (ins "int64_t":$view, "int64_t":$offset, "::mlir::Type":$element, "::mlir::DenseI64ArrayAttr":$dims,
                        "::mlir::DenseI64ArrayAttr":$strides, "::mlir::DenseI64ArrayAttr":$box, "int64_t":$swizzle);
  let assemblyFormat = "`<` struct(params) `>`";
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

def Step_ProgramOp : Step_Op<"program", [Symbol, NoTerminator, SingleBlock]> {
  let summary = "a list of launches: `setup`, `cast`, `micro_step`, `last_micro_step`, `apply`, `eval` or `logits`";
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region MaxSizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Step_LaunchOp : Step_Op<"launch", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a kernel over all of its units";
  let arguments = (ins FlatSymbolRefAttr:$kernel, Step_ViewArrayAttr:$views, I64Attr:$units, StrAttr:$label, I64Attr:$flops, I64Attr:$bytes);
  let assemblyFormat = "$kernel $views `units` $units `label` $label `flops` $flops `bytes` $bytes attr-dict";
}

def Step_MatmulOp : Step_Op<"matmul", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "C = op(A) op(B) + beta C, row-major, accumulated in f32, through the target's BLAS";
  let description = [{
    op(A) is [m, k], op(B) is [k, n], C is [m, n]; leading dimensions in elements. beta is 0 or 1. `types` are A's (and B's, after `x`, where it is another) and C's:
    f32, or bf16 with C in bf16 (beta 0) or f32. `tf32` lets the target round f32 operands to tf32.

    A and B may be f8E4M3FN, or one of them f8E5M2, with C in bf16 (beta 0) or f32. Then there are `scales`, views of f32: C = (sum) * a_scale[m] * b_scale[n] + beta C,
    both one number, or one for each row of op(A) and each column of op(B). Hopper's matrix units multiply f8 only along k: B is transposed and A is not, m, n and k are
    multiples of 16, rows of A, B and C begin at multiples of 16 bytes. `fast_accum` lets the target keep partial sums in what its matrix units have, less than f32.
  }];
  let arguments = (ins Step_ViewAttr:$a, Step_ViewAttr:$b, Step_ViewAttr:$c, OptionalAttr<Step_ViewAttr>:$a_scale, OptionalAttr<Step_ViewAttr>:$b_scale,
                       I64Attr:$m, I64Attr:$n, I64Attr:$k, I64Attr:$lda, I64Attr:$ldb, I64Attr:$ldc, UnitAttr:$transpose_a, UnitAttr:$transpose_b, UnitAttr:$accumulate,
                       TypeAttr:$a_type, OptionalAttr<TypeAttr>:$b_type, TypeAttr:$c_type, UnitAttr:$tf32, UnitAttr:$fast_accum, StrAttr:$label);
  let assemblyFormat = [{`a` $a `b` $b `c` $c (`scales` $a_scale^ `,` $b_scale)? `m` $m `n` $n `k` $k `lda` $lda `ldb` $ldb `ldc` $ldc (`transpose_a` $transpose_a^)?
    (`transpose_b` $transpose_b^)? (`accumulate` $accumulate^)? `types` $a_type (`x` $b_type^)? `,` $c_type (`tf32` $tf32^)? (`fast_accum` $fast_accum^)?
    `label` $label attr-dict}];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// B's element type: A's where it is not written.
    mlir::Type getElementTypeOfB() { return getBType().value_or(getAType()); }
  }];
}

def Step_FillOp : Step_Op<"fill", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "sets every 4-byte word of a view";
  let arguments = (ins Step_ViewAttr:$view, I32Attr:$value, StrAttr:$label);
  let assemblyFormat = "$view `value` $value `label` $label attr-dict";
}

//===----------------------------------------------------------------------===//
// Many ranks. All run the same programs on memory of their own.
//===----------------------------------------------------------------------===//

def Step_CollectiveOp : Step_Op<"collective", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "starts to add up, or to gather, what all ranks have";
  let description = [{
    It starts when the ops before it are done and runs beside those behind it, after the collectives before it. Until its `step.collective_wait` no op
    of the program may touch `from` or `to`.

    | `kind` | |
    |---|---|
    | `all_reduce_sum`, `all_reduce_max` | `from`, which is `to`, becomes the sum or maximum of all ranks' |
    | `reduce_scatter_sum` | `from` is a piece for each rank; rank r's `to` becomes the sum of all ranks' piece r |
    | `all_gather` | rank r's `from` becomes piece r of every rank's `to` |

    Elements are f32; those of an all-gather, which are only moved, also bf16 and f8.
    (C1) `kind` is one of these; (C2) `element` is one of those; (C3) two ranks or more; (C4) `from` and `to` are one view in an all-reduce, and else
    apart; (C5) the larger one is `ranks` times the other; (C6) offsets and sizes are whole elements.
  }];
  let arguments = (ins StrAttr:$kind, Step_ViewAttr:$from, Step_ViewAttr:$to, TypeAttr:$element, I64Attr:$ranks, StrAttr:$label);
  let assemblyFormat = "$kind `from` $from `to` $to `element` $element `ranks` $ranks `label` $label attr-dict";
  let hasVerifier = 1;
}

def Step_CollectiveWaitOp : Step_Op<"collective_wait"> {
  let summary = "ends a collective: all ops behind this one come after it";
  let description = "`collective` counts the program's collectives from 0. Each has one wait, behind it, in the same program.";
  let arguments = (ins I64Attr:$collective, StrAttr:$label);
  let assemblyFormat = "$collective `label` $label attr-dict";
}

#endif
