//===- Passes.td - from tensors to places --------------------*- tablegen -*-===//
#ifndef SWAMLA_PLAN_PASSES_TD
#define SWAMLA_PLAN_PASSES_TD

include "mlir/Pass/PassBase.td"

def PlanPass : Pass<"swamla-plan", "::mlir::ModuleOp"> {
  let summary = "give every tensor a place in memory and turn functions into programs of launches";
  let description = [{
    Every function becomes a `step.program` of the same name: the order of its ops is kept, every tensor becomes a place (buffer,
    offset, strides), and every op an entry with views.

    * `split`, `slice_rows` and joins of parts that already lie side by side are views: no bytes move. The parts of other joins are
      produced in the join's own buffer where their producers can address it.
    * An op that starts from a tensor (fused `outs`, matmul `init`) takes over its bytes if nothing reads them later; otherwise it
      starts from a copy. A fused op may also put a fresh result where an operand of the same shape and map dies, if that saves memory.
    * Ops that depend on nothing (tables) run once, in the program `setup`, into the buffer `constants`.
    * Identical kernels are outlined once.
    * What is left lives in one arena that all programs share. The module records its size and the lower bound (the most bytes
      that are live at once): `step.peak_bytes`, `step.max_live_bytes`, `step.peak_program`, `step.live_at_peak`.

    ```mlir
    func.func @eval(%x: tensor<64x32xi32> {swamla.name = "tokens"}) -> (tensor<1xf32> {swamla.name = "loss"}) {
      %w = swamla.get_param @"wte.weight" : tensor<256x128xf32>
      %y = swamla.matmul %a, %w transpose_b : tensor<64x128xf32>, tensor<256x128xf32> -> tensor<64x256xf32>
    ```
    becomes
    ```mlir
    step.buffer @arena kind "arena" bytes 65536
    step.program @eval {
      step.matmul a <@arena, 0, 32768> b <@params, 0, 131072> c <@arena, 32768, 65536> m 64 n 256 k 128 ... label "wte.weight"
    ```
  }];
  let options = [Option<"verify", "verify", "bool", /*default=*/"false",
                        "execute the plan symbolically and fail where an op would read wrong bytes (for tests on small models)">,
                 Option<"shareGrads", "share-grads", "bool", /*default=*/"false",
                        "let activations use the memory of gradients until those are first written (micro steps that overwrite them)">,
                 Option<"tf32", "tf32", "bool", /*default=*/"false", "matmuls of f32 may round their operands to tf32">];
  let dependentDialects = ["::swamla::step::StepDialect", "::swamla::SwamlaDialect"];
  let statistics = [
    Statistic<"numKernels", "kernels", "distinct kernels">,
    Statistic<"numLaunches", "launches", "entries of all programs">,
    Statistic<"numCopies", "copies", "copies that had to be inserted">,
    Statistic<"numTakenOver", "taken-over", "results that took over the bytes of an operand">,
    Statistic<"peakKib", "arena-peak-kib", "size of the arena">,
    Statistic<"maxLiveKib", "arena-lower-bound-kib", "most bytes live at once">];
}

def CompactWorkingPass : Pass<"swamla-compact-working", "::mlir::ModuleOp"> {
  let summary = "working copies of parameters keep only what a program uses";
  let description = [{
    The plan lays out each working copy as the parameters are. With fp8 most weights are read as fp8 and the rest as bf16, so each copy has gaps. This pass moves
    what views name together, in order; a range keeps its offset modulo 256, and with it the alignment of its accesses.

    ```mlir
    step.buffer @working kind "working" bytes 8192
    step.launch @cast_0 [#step.view<@params, 12288, 4096>, #step.view<@working, 6144, 2048>] ...
    ```
    ==>
    ```mlir
    step.buffer @working kind "working" bytes 2048
    step.launch @cast_0 [#step.view<@params, 12288, 4096>, #step.view<@working, 0, 2048>] ...
    ```
  }];
  let dependentDialects = ["::swamla::step::StepDialect"];
  let statistics = [Statistic<"numBytesSaved", "bytes-saved", "bytes that no program uses">];
}

#endif
