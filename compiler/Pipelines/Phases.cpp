//===- Phases.cpp - the table of phases -----------------------------------===//
//
// The compiler, read from top to bottom. Each phase may rely on what the ones
// before it have left, and nothing else.
//
//===----------------------------------------------------------------------===//
#include "compiler/Pipelines/Phases.h"

#include "compiler/Autodiff/Passes.h"
#include "compiler/Distribute/Passes.h"
#include "compiler/Expand/Passes.h"
#include "compiler/Fuse/Passes.h"
#include "compiler/Kernels/Passes.h"
#include "compiler/Optimizer/Passes.h"
#include "compiler/Pipelines/Passes.h"
#include "compiler/Plan/Passes.h"
#include "compiler/Precision/Passes.h"
#include "compiler/Quantize/Passes.h"
#include "compiler/Remat/Passes.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace swamla {

namespace {
//===----------------------------------------------------------------------===//
// expand: blocks to primitives
//===----------------------------------------------------------------------===//

void populateExpand(OpPassManager &passes, const CompileOptions &options) {
  passes.addPass(createSpecializePass({options.batch.value_or(0)}));
  passes.addPass(createExpandPass());
}

//===----------------------------------------------------------------------===//
// autodiff: forward and backward in one function
//===----------------------------------------------------------------------===//

void populateAutodiff(OpPassManager &passes, const CompileOptions &) {
  // Before differentiation equal ops may be merged: fewer values to save, and one sum of
  // cotangents.
  passes.addNestedPass<func::FuncOp>(createCSEPass());
  passes.addPass(createAutodiffPass());
}

//===----------------------------------------------------------------------===//
// remat: what is saved, what is computed again
//===----------------------------------------------------------------------===//

// From here on no CSE: it would merge the recomputed ops with the saved ones, and undo the phase.

void populateRemat(OpPassManager &passes, const CompileOptions &options) {
  RematPassOptions remat;
  remat.checkpoint = llvm::StringSwitch<Checkpoint>(options.checkpoint.value_or("none"))
                         .Case("qkv", Checkpoint::Qkv)
                         .Case("mlp", Checkpoint::Mlp)
                         .Case("attn", Checkpoint::Attn)
                         .Case("block", Checkpoint::Block)
                         .Default(Checkpoint::None);
  passes.addNestedPass<func::FuncOp>(createRematPass(remat));
}

//===----------------------------------------------------------------------===//
// precision: which tensors are narrow
//===----------------------------------------------------------------------===//

void populatePrecision(OpPassManager &passes, const CompileOptions &options) {
  // tf32 changes no type: it is a matter of the matmuls, and the plan marks them.
  bool narrow = options.precision == "bf16" || options.precision == "fp8";
  SetPrecisionPassOptions precision;
  precision.precision = narrow ? Precision::Bf16 : Precision::Fp32;
  passes.addNestedPass<func::FuncOp>(createSetPrecisionPass(precision));
}

//===----------------------------------------------------------------------===//
// group: the matmuls that will run
//===----------------------------------------------------------------------===//

void populateGroup(OpPassManager &passes, const CompileOptions &options) {
  // Matmuls are grouped while their gradients are still add_grads of parameters by name.
  passes.addPass(createGroupMatmulsPass());
  ChunkLossPassOptions loss;
  loss.rows = options.lossRows.value_or(0);
  // A GPU wants large matmuls, and each chunk adds to the whole gradient of the head.
  if (options.target == "cuda")
    loss.logitsBytes = int64_t(512) << 20;
  passes.addNestedPass<func::FuncOp>(createChunkLossPass(loss));
}

//===----------------------------------------------------------------------===//
// quantize: which matmuls are fp8
//===----------------------------------------------------------------------===//

void populateQuantize(OpPassManager &passes, const CompileOptions &options) {
  // After grouping: a group is one weight with one scale. Before fusion: what makes a value then
  // quantises it, too.
  if (options.precision != "fp8")
    return;
  QuantizePassOptions quantize;
  quantize.recipe = llvm::StringSwitch<Recipe>(options.fp8Recipe.value_or("tensorwise"))
                        .Case("delayed", Recipe::Delayed)
                        .Case("rowwise", Recipe::Rowwise)
                        .Default(Recipe::Tensorwise);
  quantize.gradients = options.fp8Gradients == "e5m2" ? GradientFormat::E5M2 : GradientFormat::E4M3;
  quantize.forward = options.fp8Forward != "bf16";
  quantize.head = options.fp8Head == "true";
  // Where a step is one micro step, transposing costs less than half of what the memory is worth.
  quantize.weightsOnce = options.microSteps == "one";
  passes.addPass(createQuantizePass(quantize));
  passes.addNestedPass<func::FuncOp>(createSaveF8Pass());
}

//===----------------------------------------------------------------------===//
// fuse: few, large ops
//===----------------------------------------------------------------------===//

/// Primitives to fused ops, and those merged.
void addFusion(OpPassManager &passes) {
  passes.addNestedPass<func::FuncOp>(createFormFusedPass());
  passes.addNestedPass<func::FuncOp>(createFuseRowwisePass());
}

/// Reductions over all rows cut into units of work that do not depend on the number of threads.
void addSplitReductions(OpPassManager &passes, const CompileOptions &options) {
  SplitReductionsPassOptions split;
  if (options.target == "cuda")
    split.maxUnits = 264; // two blocks for each multiprocessor
  passes.addNestedPass<func::FuncOp>(createSplitReductionsPass(split));
}

void populateFuse(OpPassManager &passes, const CompileOptions &options) {
  // Only the kernels for matrix units have dout in hand when delta is asked for.
  bool matrixUnits = options.precision != "fp32" && options.precision != "tf32";
  if (options.target == "cuda" && matrixUnits)
    passes.addNestedPass<func::FuncOp>(createFoldDeltaPass());
  addFusion(passes);
  // After merging: an op that has been merged may produce the gradient that is accumulated. Before
  // splitting: the second half of a split reduction is what adds to the gradient.
  passes.addNestedPass<func::FuncOp>(createAccumulateGradsPass({options.microSteps == "one"}));
  addSplitReductions(passes, options);
}

//===----------------------------------------------------------------------===//
// optimizer: @apply over the flat buffers
//===----------------------------------------------------------------------===//

void populateOptimizer(OpPassManager &passes, const CompileOptions &options) {
  // The layout wants the groups that the group phase has made.
  passes.addPass(createLayoutParamsPass());
  bool lion = options.optimizer == "lion";
  auto state = llvm::StringSwitch<OptimizerState>(options.optimizerState.value_or("fp32"))
                   .Case("bf16", OptimizerState::Bf16)
                   .Case("fp8", OptimizerState::Fp8)
                   .Case("int8", OptimizerState::Int8)
                   .Case("int4", OptimizerState::Int4)
                   .Default(OptimizerState::Fp32);
  passes.addPass(createBuildOptimizerPass(
      {lion ? OptimizerKind::Lion : OptimizerKind::Adamw, options.microSteps == "one", state}));
  passes.addPass(createBuildScalingPass()); // nothing without fp8
  addFusion(passes);
  addSplitReductions(passes, options);
}

//===----------------------------------------------------------------------===//
// plan: tensors to places, functions to programs
//===----------------------------------------------------------------------===//

void populatePlan(OpPassManager &passes, const CompileOptions &options) {
  PlanPassOptions plan;
  plan.tf32 = options.precision == "tf32";
  plan.shareGrads = options.microSteps == "one";
  passes.addPass(createPlanPass(plan));
  passes.addPass(createCompactWorkingPass());
}

//===----------------------------------------------------------------------===//
// distribute: what many ranks add up, and when
//===----------------------------------------------------------------------===//

void populateDistribute(OpPassManager &passes, const CompileOptions &options) {
  // After the plan: only there it is known which op is the last to touch a byte of the gradients.
  DistributePassOptions distribute;
  distribute.ranks = options.ranks.value_or(1);
  if (int64_t megabytes = options.bucketMb.value_or(0))
    distribute.bucketBytes = megabytes * 1000000;
  if (distribute.ranks > 1)
    passes.addPass(createDistributePass(distribute));
}

//===----------------------------------------------------------------------===//
// lower: kernels to the target's code
//===----------------------------------------------------------------------===//

void populateLower(OpPassManager &passes, const CompileOptions &options) {
  LowerKernelsPassOptions lower;
  lower.target = options.target.value_or("cpu");
  lower.architecture = options.mcpu.value_or("native");
  passes.addPass(createLowerKernelsPass(lower));
}

void populateNothing(OpPassManager &, const CompileOptions &) {}

constexpr PhaseInfo kPhases[] = {
    {Phase::Input, "input", "the model file, parsed and verified", populateNothing},
    {Phase::Expand, "expand", "blocks to primitives", populateExpand},
    {Phase::Autodiff, "autodiff", "forward and backward in one function", populateAutodiff},
    {Phase::Remat, "remat", "what is saved and what is recomputed", populateRemat},
    {Phase::Precision, "precision", "which tensors are narrow", populatePrecision},
    {Phase::Group, "group", "the matmuls that will run", populateGroup},
    {Phase::Quantize, "quantize", "which matmuls are fp8", populateQuantize},
    {Phase::Fuse, "fuse", "few, large ops", populateFuse},
    {Phase::Optimizer, "optimizer", "the optimizer step over flat buffers", populateOptimizer},
    {Phase::Plan, "plan", "places in memory, programs of launches", populatePlan},
    {Phase::Distribute, "distribute", "what many ranks add up, and when", populateDistribute},
    {Phase::Lower, "lower", "kernels in the LLVM dialect", populateLower},
    {Phase::Emit, "emit", "step.bin", populateNothing}};
} // namespace

ArrayRef<PhaseInfo> allPhases() { return kPhases; }

const PhaseInfo &phaseInfo(Phase phase) { return kPhases[static_cast<unsigned>(phase)]; }

std::optional<Phase> findPhase(StringRef name) {
  for (const PhaseInfo &info : kPhases)
    if (info.name == name)
      return info.phase;
  return std::nullopt;
}

FailureOr<Phase> phaseOf(ModuleOp module) {
  auto name = module->getAttrOfType<StringAttr>("swamla.phase");
  if (!name)
    return Phase::Input;
  if (std::optional<Phase> phase = findPhase(name.getValue()))
    return *phase;
  return module.emitError() << "attribute swamla.phase is " << name
                            << ", which is no phase of this compiler";
}

void buildPipeline(OpPassManager &passes, Phase done, const CompileOptions &options) {
  for (const PhaseInfo &info : kPhases) {
    bool runs = info.phase > done && info.phase <= options.until && info.phase != Phase::Emit;
    if (runs)
      info.populate(passes, options);
    else if (info.phase != done)
      continue; // what the input claims to be is verified, too
    passes.addPass(createVerifyPhasePass({info.name.str()}));
    passes.addPass(createMarkPhasePass({info.name.str()}));
    if (!options.dumpPhases.empty())
      passes.addPass(createDumpPhasePass(options.dumpPhases, info.phase));
  }
}

namespace {
/// Options of the registered pipelines: those of CompileOptions that passes use.
struct PhaseOptions : PassPipelineOptions<PhaseOptions> {
  Option<int64_t> batch{*this, "batch", llvm::cl::desc("sequences in a micro step")};
  Option<std::string> checkpoint{
      *this, "checkpoint", llvm::cl::desc("none, qkv, mlp, attn or block"), llvm::cl::init("none")};
  Option<int64_t> lossRows{*this, "loss-rows", llvm::cl::desc("rows of a chunk of the head")};
  Option<std::string> optimizer{*this, "optimizer", llvm::cl::desc("adamw or lion"),
                                llvm::cl::init("adamw")};
  Option<std::string> optimizerState{*this, "optimizer-state",
                                     llvm::cl::desc("fp32, bf16, fp8, int8 or int4"),
                                     llvm::cl::init("fp32")};
  Option<std::string> precision{*this, "precision", llvm::cl::desc("fp32, tf32, bf16 or fp8"),
                                llvm::cl::init("fp32")};
  Option<std::string> fp8Recipe{*this, "fp8-recipe",
                                llvm::cl::desc("tensorwise, delayed or rowwise"),
                                llvm::cl::init("tensorwise")};
  Option<int64_t> ranks{*this, "ranks", llvm::cl::desc("processes that train one model"),
                        llvm::cl::init(1)};
  Option<std::string> target{*this, "target", llvm::cl::desc("cpu or cuda"), llvm::cl::init("cpu")};
  Option<std::string> mcpu{*this, "mcpu",
                           llvm::cl::desc("cpu: x86-64-v2, -v3, -v4 or native; cuda: sm_90a")};

  CompileOptions asCompileOptions() const {
    CompileOptions options;
    options.batch = batch;
    options.checkpoint = checkpoint;
    options.lossRows = lossRows;
    options.optimizer = optimizer;
    options.optimizerState = optimizerState;
    options.precision = precision;
    options.fp8Recipe = fp8Recipe;
    options.ranks = ranks;
    options.target = target;
    options.mcpu = !mcpu.empty() ? mcpu.getValue() : target == "cuda" ? "sm_90a" : "native";
    options.until = Phase::Lower;
    return options;
  }
};
} // namespace

void registerPhasePipelines() {
  for (const PhaseInfo &info : allPhases()) {
    if (info.populate == populateNothing)
      continue;
    PassPipelineRegistration<PhaseOptions>(
        "swamla-phase-" + info.name.str(), info.help,
        [populate = info.populate](OpPassManager &passes, const PhaseOptions &options) {
          populate(passes, options.asCompileOptions());
        });
  }
  PassPipelineRegistration<PhaseOptions>(
      "swamla-compile", "all phases from input to lower, with their verifiers",
      [](OpPassManager &passes, const PhaseOptions &options) {
        buildPipeline(passes, Phase::Input, options.asCompileOptions());
      });
}

} // namespace swamla
