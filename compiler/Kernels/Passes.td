//===- Passes.td - lowering of kernels -----------------------*- tablegen -*-===//
#ifndef SWAMLA_KERNELS_PASSES_TD
#define SWAMLA_KERNELS_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerKernelsPass : Pass<"step-lower-kernels", "::mlir::ModuleOp"> {
  let summary = "kernel ops to functions of the target, in the LLVM dialect";
  let description = [{
    Replaces every `step.*_kernel` by the code that the target's generator makes of it, a function of the same name. Nothing but the op goes
    into its kernel, except the alignment of the launches' views on a GPU. The function's attributes say what a launch must supply, and the module's
    what machine it runs on. On a GPU a kernel may become several functions, and each of its launches one launch of each of them.

    ```mlir
    step.row_kernel @double domain [32, 128] row_dims 1 ins 1 maps [...] unit_rows 8 {
    ^bb0(%x: f32, %out: f32):
      %y = arith.addf %x, %x : f32
      swamla.yield %y : f32
    }
    ```
    ==>
    ```mlir
    module attributes {step.target = "cpu", step.architecture = "x86-64-v4"} {
      llvm.func @double(%views: !llvm.ptr, %unitBegin: i64, %unitEnd: i64, %scratch: !llvm.ptr)
          attributes {step.num_views = 2 : i64, step.scratch_bytes = 0 : i64} { ... }
    }
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"cpu\"", "the target: cpu or cuda">,
    Option<"architecture", "arch", "std::string", /*default=*/"\"native\"",
           "what to generate code for; cpu: x86-64-v2, x86-64-v3, x86-64-v4, or native, the best of them that this machine runs; cuda: sm_90a">];
  let statistics = [Statistic<"numKernels", "kernels", "Number of kernels lowered">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect", "::mlir::NVVM::NVVMDialect", "::mlir::scf::SCFDialect", "::mlir::ub::UBDialect",
    "::mlir::vector::VectorDialect"];
}

#endif
