//===- Passes.td - what stands between phases ----------------*- tablegen -*-===//
#ifndef SWAMLA_PIPELINES_PASSES_TD
#define SWAMLA_PIPELINES_PASSES_TD

include "mlir/Pass/PassBase.td"

def VerifyPhasePass : Pass<"swamla-verify-phase", "::mlir::ModuleOp"> {
  let summary = "reject what a phase should have converted";
  let description = [{
    Read-only. Stands after every phase, so that a forgotten lowering fails where it happened and names the pass to look at.

    ```mlir
    %y = swamla.add %a, %b : tensor<4x8xf32>  // phase=fuse
    // error: 'swamla.add' op is illegal after phase fuse; expected to have been converted by --swamla-form-fused
    ```
  }];
  let options = [Option<"phase", "phase", "std::string", /*default=*/"\"input\"", "the phase that has just run">];
}

def MarkPhasePass : Pass<"swamla-mark-phase", "::mlir::ModuleOp"> {
  let summary = "record on the module which phase has run";
  let description = [{
    Sets the module's attribute `swamla.phase`, from which swamlac knows where to go on when it is given a dump.
  }];
  let options = [Option<"phase", "phase", "std::string", /*default=*/"\"input\"", "the phase that has just run">];
}

#endif
