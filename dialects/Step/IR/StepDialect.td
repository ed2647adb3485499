//===- StepDialect.td - the scheduled program ----------------*- tablegen -*-===//
#ifndef STEP_DIALECT_TD
#define STEP_DIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"

def Step_Dialect : Dialect {
  let name = "step";
  let cppNamespace = "::swamla::step";
  let summary = "The scheduled training step: buffers with sizes, kernels, and programs that are lists of launches";
  let description = [{
    `swamla` (fused) ──plan──> `step` ──lower──> `step` + LLVM ──emit──> step.bin

    Nothing is left to decide here: every operand is a `#step.view`, a place in a buffer; every op of a program is one entry of
    `runtime/schema/step.fbs`. There are no SSA values outside kernels.

    ```mlir
    step.buffer @arena kind arena bytes 4194304
    step.row_kernel @rms_norm_0 ... { region }
    step.program @micro_step {
      step.launch @rms_norm_0 [#step.view<@arena, 0, 1048576>, ...] units 32 label "h.0.norm1"
      step.matmul a #step.view<...> lda 128 b ... m 2048 n 384 k 128 transpose_b label "h.0.attn.qkv"
    }
    ```
  }];
  let useDefaultAttributePrinterParser = 1;
}

class Step_Op<string mnemonic, list<Trait> traits = []> : Op<Step_Dialect, mnemonic, traits>;

def Step_ViewAttr : AttrDef<Step_Dialect, "View"> {
  let mnemonic = "view";
  let summary = "bytes [offset, offset + bytes) of a buffer: `#step.view<@arena, 1024, 4096>`";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$buffer, "uint64_t":$offset, "uint64_t":$bytes);
  let assemblyFormat = "`<` $buffer `,` $offset `,` $bytes `>`";
}
def Step_ViewArrayAttr : TypedArrayAttrBase<Step_ViewAttr, "array of views">;

#endif
