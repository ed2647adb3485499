//===- ExecProgram.cpp - generic functions, compiled and run --------------===//
#include "tests/exec/ExecProgram.h"

#include "compiler/Autodiff/Passes.h"
#include "compiler/Frontend/ModelBuilder.h"
#include "compiler/Fuse/Passes.h"
#include "compiler/Optimizer/Passes.h"
#include "compiler/Pipelines/Compile.h"
#include "compiler/Pipelines/RegisterPasses.h"
#include "compiler/Precision/Passes.h"
#include "compiler/Remat/Passes.h"
#include "runtime/train/ParamTable.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <cstring>

using namespace mlir;

namespace swamla::test {

namespace {
constexpr llvm::StringLiteral kDifferentiate = "swamla.differentiate";
constexpr llvm::StringLiteral kName = "swamla.name";

/// A model whose parameters functions may read, and whose programs a step.bin must have.
Config hostModel() {
  Config config;
  config.vocabSize = 11;
  config.blockSize = 4;
  config.nLayer = 1;
  config.nEmbd = 6;
  config.nHead = 1;
  config.swaLayersPerCycle = 1;
  config.mlaLayersPerCycle = 0;
  return config;
}

/// Names for the slots of arguments and results.
void nameSlots(func::FuncOp func) {
  Builder builder(func.getContext());
  for (unsigned i = 0; i < func.getNumArguments(); ++i)
    func.setArgAttr(i, kName, builder.getStringAttr("arg" + std::to_string(i)));
  for (unsigned i = 0; i < func.getNumResults(); ++i)
    func.setResultAttr(i, kName, builder.getStringAttr("result" + std::to_string(i)));
}

ExecFunction describe(func::FuncOp func) {
  ExecFunction result;
  result.name = func.getSymName().str();
  result.reference = func;
  for (BlockArgument argument : func.getArguments()) {
    unsigned number = argument.getArgNumber();
    ExecInput &input = result.inputs.emplace_back();
    input.name = "arg" + std::to_string(number);
    input.type = cast<RankedTensorType>(argument.getType());
    input.isFloat = isa<FloatType>(input.type.getElementType());
    if (auto below = func.getArgAttrOfType<IntegerAttr>(number, "swamla.below"))
      input.below = below.getInt();
    input.ignored = func.getArgAttr(number, "swamla.ignored") != nullptr;
  }
  func.walk([&](GetParamOp op) {
    ExecInput &input = result.inputs.emplace_back();
    input.name = op.getParam().str();
    input.type = cast<RankedTensorType>(op.getResult().getType());
    input.isParam = true;
  });
  for (Type type : func.getResultTypes())
    result.results.push_back(cast<RankedTensorType>(type));
  return result;
}

/// What the phases remat to optimizer do, without merging row-wise ops.
LogicalResult runWithoutFusion(ModuleOp module, bool bf16) {
  PassManager passes(module.getContext(), ModuleOp::getOperationName());
  passes.addNestedPass<func::FuncOp>(createRematPass());
  passes.addNestedPass<func::FuncOp>(
      createSetPrecisionPass({bf16 ? Precision::Bf16 : Precision::Fp32}));
  passes.addPass(createGroupMatmulsPass());
  passes.addNestedPass<func::FuncOp>(createChunkLossPass());
  passes.addNestedPass<func::FuncOp>(createFormFusedPass());
  passes.addNestedPass<func::FuncOp>(createAccumulateGradsPass());
  passes.addPass(createLayoutParamsPass());
  passes.addPass(createBuildOptimizerPass());
  passes.addNestedPass<func::FuncOp>(createFormFusedPass()); // of the optimizer
  passes.addNestedPass<func::FuncOp>(createSplitReductionsPass());
  return passes.run(module);
}

LogicalResult differentiate(ModuleOp module) {
  PassManager passes(module.getContext(), ModuleOp::getOperationName());
  passes.addPass(createAutodiffPass({/*wrtArgs=*/true}));
  return passes.run(module);
}

FailureOr<std::vector<char>> compileFrom(ModuleOp module, const ExecVariant &variant) {
  CompileOptions options;
  options.checkpoint = variant.checkpoint;
  options.precision = variant.precision;
  options.from = Phase::Autodiff;
  if (failed(differentiate(module)))
    return failure();
  if (!variant.fuse) {
    if (failed(runWithoutFusion(module, variant.precision == "bf16")))
      return failure();
    options.from = Phase::Optimizer;
  }
  return compileModule(module, options);
}
} // namespace

/// Copies the functions of a file into the module, and keeps them as they are in `sources`.
LogicalResult ExecProgram::addFunctions(const std::string &path) {
  // Parameters that they name are in the module, not in the file.
  ParserConfig config(context.get(), /*verifyAfterParse=*/false);
  sources = parseSourceFile<ModuleOp>(path, config);
  if (!sources)
    return failure();
  for (auto func : sources->getOps<func::FuncOp>()) {
    nameSlots(func);
    table.push_back(describe(func));
    auto differentiated = cast<func::FuncOp>(func->clone()), forward = differentiated.clone();
    forward.setSymName((func.getSymName() + ".forward").str());
    forward->removeAttr(kDifferentiate);
    module->push_back(differentiated);
    module->push_back(forward);
  }
  return verify(*module);
}

Status ExecProgram::load(const std::vector<char> &bytes, unsigned threads) {
  std::vector<std::byte> content(bytes.size());
  std::memcpy(content.data(), bytes.data(), bytes.size());
  Result<StepFile> loaded = StepFile::fromBytes(std::move(content), "the compiled functions");
  if (!loaded.isOk())
    return std::move(loaded).takeStatus();
  file.emplace(*std::move(loaded));
  DeviceOptions options;
  options.threads = threads;
  options.poison = true;
  SWAMLA_TRY(device, Device::create(*file, options));
  return Status::ok();
}

Result<std::unique_ptr<ExecProgram>> ExecProgram::compile(const std::string &path,
                                                          const ExecVariant &variant) {
  std::unique_ptr<ExecProgram> program(new ExecProgram);
  DialectRegistry registry;
  registerAllSwamlaDialects(registry);
  program->context = std::make_unique<MLIRContext>(registry);
  std::string errors;
  ScopedDiagnosticHandler handler(program->context.get(), [&](Diagnostic &diagnostic) {
    llvm::raw_string_ostream stream(errors);
    stream << diagnostic.getLocation() << ": " << diagnostic << "\n";
    for (Diagnostic &note : diagnostic.getNotes())
      stream << "  " << note << "\n";
    return success();
  });
  program->module = buildModel(hostModel(), "host", *program->context);
  CompileOptions toExpand;
  toExpand.batch = 2;
  toExpand.checkpoint = variant.checkpoint;
  toExpand.precision = variant.precision;
  toExpand.until = Phase::Expand;
  FailureOr<std::vector<char>> bytes = failure();
  if (succeeded(runPhases(*program->module, toExpand)) && succeeded(program->addFunctions(path)))
    bytes = compileFrom(*program->module, variant);
  if (failed(bytes))
    return internalError(errors);
  SWAMLA_RETURN_IF_ERROR(program->load(*bytes, variant.threads));
  return program;
}

const ExecFunction &ExecProgram::function(StringRef name) const {
  return *llvm::find_if(table, [&](const ExecFunction &f) { return f.name == name; });
}

size_t ExecProgram::countOps(const std::string &program) const {
  return file->step().programs()->Get(*file->findProgram(program))->ops()->size();
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

Status ExecProgram::writeSlot(const std::string &slot, const HostTensor &tensor, bool isFloat) {
  if (isFloat) {
    std::vector<float> values(tensor.values.begin(), tensor.values.end());
    return device->writeSlot(slot, values);
  }
  std::vector<int32_t> values(tensor.values.begin(), tensor.values.end());
  return device->writeSlot(slot, values);
}

Result<HostTensor> ExecProgram::readSlot(const std::string &slot, RankedTensorType type) {
  HostTensor tensor(type);
  std::vector<float> values(tensor.values.size());
  SWAMLA_RETURN_IF_ERROR(device->readSlot(slot, values));
  llvm::copy(values, tensor.values.begin());
  return tensor;
}

uint64_t ExecProgram::paramOffset(const std::string &name) const {
  for (const schema::Param *param : *file->step().params())
    if (param->name()->string_view() == name)
      return param->offset() * sizeof(float);
  llvm::report_fatal_error("a function reads a parameter that the host model has not");
}

Status ExecProgram::writeInputs(const std::string &program, const ExecFunction &function,
                                const HostTensors &inputs) {
  for (auto [input, tensor] : llvm::zip_equal(function.inputs, inputs)) {
    if (!input.isParam) {
      SWAMLA_RETURN_IF_ERROR(writeSlot(program + "." + input.name, tensor, input.isFloat));
      continue;
    }
    std::vector<float> values(tensor.values.begin(), tensor.values.end());
    SWAMLA_RETURN_IF_ERROR(device->upload(*file->findBuffer(schema::BufferKind::Params),
                                          paramOffset(input.name),
                                          std::as_bytes(std::span(values))));
  }
  return refreshWorkingCopies(*device);
}

Status ExecProgram::clearGradients() {
  unsigned grads = *file->findBuffer(schema::BufferKind::Grads);
  std::vector<std::byte> zeros(file->step().buffers()->Get(grads)->bytes());
  return device->upload(grads, 0, zeros);
}

Result<HostTensors> ExecProgram::forward(const ExecFunction &function, const HostTensors &inputs) {
  std::string program = function.name + ".forward";
  SWAMLA_RETURN_IF_ERROR(writeInputs(program, function, inputs));
  SWAMLA_RETURN_IF_ERROR(device->run(*file->findProgram(program)));
  HostTensors results;
  for (auto [i, type] : llvm::enumerate(function.results)) {
    SWAMLA_TRY(HostTensor result, readSlot(program + ".result" + std::to_string(i), type));
    results.push_back(std::move(result));
  }
  return results;
}

Result<ExecProgram::Gradient> ExecProgram::gradient(const ExecFunction &function,
                                                    const HostTensors &inputs,
                                                    const HostTensors &cotangents) {
  SWAMLA_RETURN_IF_ERROR(clearGradients());
  SWAMLA_RETURN_IF_ERROR(writeInputs(function.name, function, inputs));
  for (auto [i, cotangent] : llvm::enumerate(cotangents)) {
    std::string slot = function.name + ".d_result" + std::to_string(i);
    // The cotangent of a loss is a scalar of the runtime.
    bool isLoss = !file->findSlot(slot);
    SWAMLA_RETURN_IF_ERROR(writeSlot(isLoss ? "loss_scale" : slot, cotangent, true));
  }
  SWAMLA_RETURN_IF_ERROR(device->run(*file->findProgram(function.name)));
  Gradient gradient;
  for (auto [i, type] : llvm::enumerate(function.results)) {
    SWAMLA_TRY(HostTensor result, readSlot(function.name + ".result" + std::to_string(i), type));
    gradient.results.push_back(std::move(result));
  }
  for (const ExecInput &input : function.inputs) {
    if (!input.isFloat)
      continue;
    if (!input.isParam) {
      SWAMLA_TRY(HostTensor cotangent, readSlot(function.name + ".d_" + input.name, input.type));
      gradient.cotangents.push_back(std::move(cotangent));
      continue;
    }
    HostTensor cotangent(input.type);
    std::vector<float> values(cotangent.values.size());
    SWAMLA_RETURN_IF_ERROR(device->download(*file->findBuffer(schema::BufferKind::Grads),
                                            paramOffset(input.name),
                                            std::as_writable_bytes(std::span(values))));
    llvm::copy(values, cotangent.values.begin());
    gradient.cotangents.push_back(std::move(cotangent));
  }
  return gradient;
}

} // namespace swamla::test
