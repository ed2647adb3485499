//===- StepBin.cpp - from the lowered module to a step.bin ----------------===//
#include "compiler/Target/StepBin/StepBin.h"

#include "dialects/Step/IR/StepDialect.h"
#include "runtime/schema/StepHeader.h"
#include "runtime/schema/step_generated.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"

#include <xxhash.h>

using namespace mlir;

namespace swamla {

namespace {
using flatbuffers::Offset;

schema::DType dtypeOf(Type type) {
  return llvm::TypeSwitch<Type, schema::DType>(type)
      .Case([](Float32Type) { return schema::DType::F32; })
      .Case([](BFloat16Type) { return schema::DType::BF16; })
      .Case([](Float8E4M3FNType) { return schema::DType::F8E4M3; })
      .Case([](Float8E5M2Type) { return schema::DType::F8E5M2; })
      .Case([](IntegerType integer) {
        return integer.getWidth() == 8 ? schema::DType::I8 : schema::DType::I32;
      })
      .Default([](Type) { return schema::DType::I32; });
}

uint64_t bytesOf(Type type) { return type.getIntOrFloatBitWidth() / 8; }

using KernelViews = flatbuffers::Vector<Offset<schema::KernelView>>;
using Predictions = flatbuffers::Vector<Offset<schema::Prediction>>;

class StepWriter {
public:
  StepWriter(ModuleOp module, const StepCode &code, ArrayRef<std::string> options)
      : module(module), code(code), options(options) {}

  /// The flatbuffer; valid as long as the writer.
  FailureOr<ArrayRef<uint8_t>> write();

private:
  Offset<flatbuffers::String> string(StringRef text) {
    return fb.CreateString(text.data(), text.size());
  }
  schema::View view(step::ViewAttr view) {
    return {buffers.lookup(view.getBuffer().getValue()), view.getOffset(), view.getBytes()};
  }
  Offset<flatbuffers::Vector<uint64_t>> shape(Type type) {
    SmallVector<uint64_t> dims;
    for (int64_t dim : cast<RankedTensorType>(type).getShape())
      dims.push_back(static_cast<uint64_t>(dim));
    return fb.CreateVector(dims.data(), dims.size());
  }

  Offset<schema::Buffer> buffer(step::BufferOp op);
  Offset<schema::Param> param(step::ParamOp op);
  Offset<schema::Slot> slot(step::SlotOp op);
  Offset<schema::Op> op(Operation &op);
  Offset<schema::Op> launch(step::LaunchOp op);
  Offset<schema::Op> matmul(step::MatmulOp op);
  Offset<schema::Op> fill(step::FillOp op);
  Offset<schema::Op> collective(step::CollectiveOp op);
  Offset<schema::Op> wait(step::CollectiveWaitOp op);
  Offset<schema::Program> program(step::ProgramOp op);
  FailureOr<Offset<schema::Model>> model();
  Offset<schema::TensorMap> tensorMap(step::TensorMapAttr map);
  Offset<schema::GpuLaunch> gpuLaunch(LLVM::LLVMFuncOp func);
  Offset<KernelViews> kernelViews(LLVM::LLVMFuncOp func);
  Offset<Predictions> predictionTable();
  LogicalResult collectKernels();

  ModuleOp module;
  const StepCode &code;
  ArrayRef<std::string> options;
  flatbuffers::FlatBufferBuilder fb{1 << 20};
  llvm::StringMap<unsigned> buffers, kernels;
  std::vector<Offset<schema::Kernel>> kernelTable;
};
} // namespace

Offset<schema::Buffer> StepWriter::buffer(step::BufferOp op) {
  auto kind = llvm::StringSwitch<schema::BufferKind>(op.getKind())
                  .Case("arena", schema::BufferKind::Arena)
                  .Case("params", schema::BufferKind::Params)
                  .Case("grads", schema::BufferKind::Grads)
                  .Case("state", schema::BufferKind::State)
                  .Case("constants", schema::BufferKind::Constants)
                  .Case("input", schema::BufferKind::Input)
                  .Case("scalars", schema::BufferKind::Scalars)
                  .Case("working", schema::BufferKind::Working)
                  .Case("scaling", schema::BufferKind::Scaling)
                  .Default(schema::BufferKind::Results);
  buffers[op.getSymName()] = buffers.size();
  Offset<flatbuffers::Vector<uint64_t>> ownShape = 0;
  Type element = Float32Type::get(op.getContext());
  if (std::optional<Type> type = op.getType()) {
    element = getElementTypeOrSelf(*type);
    if (isa<RankedTensorType>(*type))
      ownShape = shape(*type);
  }
  return schema::CreateBuffer(fb, string(op.getSymName()), kind, op.getBytes(), dtypeOf(element),
                              ownShape);
}

Offset<schema::Param> StepWriter::param(step::ParamOp op) {
  return schema::CreateParam(fb, string(op.getSymName()), shape(op.getType()), op.getOffset(),
                             op.getInitNormal(), op.getInitValue().convertToDouble(),
                             op.getDecay());
}

Offset<schema::Slot> StepWriter::slot(step::SlotOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  schema::View place = view(op.getView());
  return schema::CreateSlot(fb, string(op.getSymName()), &place, dtypeOf(type.getElementType()),
                            shape(type));
}

Offset<schema::Op> StepWriter::launch(step::LaunchOp op) {
  std::vector<schema::View> views;
  for (auto attribute : op.getViews().getAsRange<step::ViewAttr>())
    views.push_back(view(attribute));
  auto kind = schema::CreateLaunch(fb, kernels.lookup(op.getKernel()),
                                   fb.CreateVectorOfStructs(views), op.getUnits());
  return schema::CreateOp(fb, schema::OpKind::Launch, kind.Union(), string(op.getLabel()),
                          op.getFlops(), op.getBytes());
}

Offset<schema::Op> StepWriter::matmul(step::MatmulOp op) {
  uint64_t m = op.getM(), n = op.getN(), k = op.getK();
  schema::View a = view(op.getA()), b = view(op.getB()), c = view(op.getC()), aScale, bScale;
  bool isScaled = op.getAScale().has_value();
  if (isScaled) {
    aScale = view(*op.getAScale());
    bScale = view(*op.getBScale());
  }
  Type bType = op.getElementTypeOfB();
  auto kind = schema::CreateMatmul(fb, &a, &b, &c, m, n, k, op.getLda(), op.getLdb(), op.getLdc(),
                                   op.getTransposeA(), op.getTransposeB(), op.getAccumulate(),
                                   dtypeOf(op.getAType()), dtypeOf(bType), dtypeOf(op.getCType()),
                                   op.getTf32(), isScaled ? &aScale : nullptr,
                                   isScaled ? &bScale : nullptr, op.getFastAccum());
  uint64_t bytes = m * k * bytesOf(op.getAType()) + k * n * bytesOf(bType) +
                   (op.getAccumulate() ? 2 : 1) * m * n * bytesOf(op.getCType()) + aScale.bytes() +
                   bScale.bytes();
  return schema::CreateOp(fb, schema::OpKind::Matmul, kind.Union(), string(op.getLabel()),
                          2 * m * n * k, bytes);
}

Offset<schema::Op> StepWriter::fill(step::FillOp op) {
  schema::View place = view(op.getView());
  auto kind = schema::CreateFill(fb, &place, op.getValue());
  return schema::CreateOp(fb, schema::OpKind::Fill, kind.Union(), string(op.getLabel()), 0,
                          op.getView().getBytes());
}

Offset<schema::Op> StepWriter::collective(step::CollectiveOp op) {
  auto type = llvm::StringSwitch<schema::CollectiveKind>(op.getKind())
                  .Case("all_reduce_max", schema::CollectiveKind::AllReduceMax)
                  .Case("reduce_scatter_sum", schema::CollectiveKind::ReduceScatterSum)
                  .Case("all_gather", schema::CollectiveKind::AllGather)
                  .Default(schema::CollectiveKind::AllReduceSum);
  schema::View from = view(op.getFrom()), to = view(op.getTo());
  auto kind = schema::CreateCollective(fb, type, &from, &to, dtypeOf(op.getElement()));
  return schema::CreateOp(fb, schema::OpKind::Collective, kind.Union(), string(op.getLabel()), 0,
                          from.bytes() + to.bytes());
}

Offset<schema::Op> StepWriter::wait(step::CollectiveWaitOp op) {
  auto kind = schema::CreateCollectiveWait(fb, op.getCollective());
  return schema::CreateOp(fb, schema::OpKind::CollectiveWait, kind.Union(), string(op.getLabel()));
}

Offset<schema::Op> StepWriter::op(Operation &op) {
  return llvm::TypeSwitch<Operation &, Offset<schema::Op>>(op)
      .Case([&](step::LaunchOp launchOp) { return launch(launchOp); })
      .Case([&](step::MatmulOp matmulOp) { return matmul(matmulOp); })
      .Case([&](step::FillOp fillOp) { return fill(fillOp); })
      .Case([&](step::CollectiveOp collectiveOp) { return collective(collectiveOp); })
      .Case([&](step::CollectiveWaitOp waitOp) { return wait(waitOp); });
}

Offset<schema::Program> StepWriter::program(step::ProgramOp program) {
  std::vector<Offset<schema::Op>> ops;
  for (Operation &entry : program.getBody().front())
    ops.push_back(op(entry));
  return schema::CreateProgram(fb, string(program.getSymName()), fb.CreateVector(ops));
}

FailureOr<Offset<schema::Model>> StepWriter::model() {
  auto info = module->getAttrOfType<DictionaryAttr>("swamla.model_info");
  auto optimizer = module->getAttrOfType<StringAttr>("swamla.optimizer");
  auto state = module->getAttrOfType<StringAttr>("swamla.optimizer_state");
  auto number = [&](StringRef name) { return info ? info.getAs<IntegerAttr>(name) : nullptr; };
  auto text = [&](StringRef name) { return info ? info.getAs<StringAttr>(name) : nullptr; };
  IntegerAttr vocab = number("vocab_size"), seq = number("block_size"), batch = number("batch"),
              params = number("num_params");
  StringAttr name = text("name"), description = text("description");
  auto flops = info ? info.getAs<FloatAttr>("forward_flops_per_token") : nullptr;
  if (!vocab || !seq || !batch || !params || !name || !description || !flops)
    return module.emitError() << "attribute swamla.model_info is missing or incomplete; expected "
                                 "what --swamla-expand sets";
  if (!optimizer)
    return module.emitError() << "has no attribute swamla.optimizer; expected it from "
                                 "--swamla-build-optimizer";
  return schema::CreateModel(fb, string(name), vocab.getInt(), seq.getInt(), batch.getInt(),
                             params.getInt(), flops.getValueAsDouble(), string(optimizer),
                             string(description), state ? string(state) : 0);
}

Offset<schema::TensorMap> StepWriter::tensorMap(step::TensorMapAttr map) {
  SmallVector<uint64_t> dims(map.getDims().asArrayRef()), strides(map.getStrides().asArrayRef());
  SmallVector<uint32_t> box(map.getBox().asArrayRef());
  return schema::CreateTensorMap(
      fb, map.getView(), map.getOffset(), dtypeOf(map.getElement()),
      fb.CreateVector(dims.data(), dims.size()), fb.CreateVector(strides.data(), strides.size()),
      fb.CreateVector(box.data(), box.size()), static_cast<schema::Swizzle>(map.getSwizzle()));
}

/// What a GPU kernel is launched with; null for a kernel of another target.
Offset<schema::GpuLaunch> StepWriter::gpuLaunch(LLVM::LLVMFuncOp func) {
  auto grid = func->getAttrOfType<DenseI64ArrayAttr>("step.grid");
  auto block = func->getAttrOfType<IntegerAttr>("step.block");
  auto shared = func->getAttrOfType<IntegerAttr>("step.shared_bytes");
  if (!grid || grid.size() != 3 || !block)
    return 0;
  std::vector<Offset<schema::TensorMap>> maps;
  if (auto list = func->getAttrOfType<ArrayAttr>("step.tensor_maps"))
    for (auto map : list.getAsRange<step::TensorMapAttr>())
      maps.push_back(tensorMap(map));
  return schema::CreateGpuLaunch(fb, grid[0], grid[1], grid[2], block.getInt(),
                                 shared ? shared.getInt() : 0, fb.CreateVector(maps));
}

/// What step.views says of a kernel; null where there is none.
Offset<KernelViews> StepWriter::kernelViews(LLVM::LLVMFuncOp func) {
  auto views = func->getAttrOfType<ArrayAttr>("step.views");
  if (!views)
    return 0;
  auto numbers = [&](DictionaryAttr view, StringRef name) {
    auto list = view.getAs<DenseI64ArrayAttr>(name);
    if (!list)
      return Offset<flatbuffers::Vector<uint64_t>>(0);
    SmallVector<uint64_t> values(list.asArrayRef());
    return fb.CreateVector(values.data(), values.size());
  };
  std::vector<Offset<schema::KernelView>> table;
  table.reserve(views.size());
  for (auto view : views.getAsRange<DictionaryAttr>()) {
    auto access = llvm::StringSwitch<schema::Access>(view.getAs<StringAttr>("access").getValue())
                      .Case("read", schema::Access::Read)
                      .Case("write", schema::Access::Write)
                      .Default(schema::Access::ReadWrite);
    auto offset = view.getAs<IntegerAttr>("offset");
    auto sizes = numbers(view, "sizes"), strides = numbers(view, "strides");
    table.push_back(schema::CreateKernelView(fb, access,
                                             dtypeOf(view.getAs<TypeAttr>("element").getValue()),
                                             offset ? offset.getInt() : 0, sizes, strides));
  }
  return fb.CreateVector(table);
}

Offset<Predictions> StepWriter::predictionTable() {
  llvm::StringMap<unsigned> programs;
  for (auto program : module.getOps<step::ProgramOp>())
    programs.try_emplace(program.getSymName(), programs.size());
  std::vector<Offset<schema::Prediction>> table;
  table.reserve(code.predictions.size());
  for (const ProgramPrediction &each : code.predictions)
    table.push_back(schema::CreatePrediction(fb, string(each.device), programs.lookup(each.program),
                                             each.ms, each.floorMs));
  return table.empty() ? Offset<Predictions>(0) : fb.CreateVector(table);
}

LogicalResult StepWriter::collectKernels() {
  for (auto func : module.getOps<LLVM::LLVMFuncOp>()) {
    auto views = func->getAttrOfType<IntegerAttr>("step.num_views");
    auto scratch = func->getAttrOfType<IntegerAttr>("step.scratch_bytes");
    if (!views || !scratch)
      continue; // a function that kernels call
    kernels[func.getSymName()] = kernelTable.size();
    kernelTable.push_back(schema::CreateKernel(fb, string(func.getSymName()), views.getInt(),
                                               scratch.getInt(), gpuLaunch(func),
                                               kernelViews(func)));
  }
  LogicalResult found = success();
  module.walk([&](step::LaunchOp op) {
    if (!kernels.contains(op.getKernel()))
      found = op.emitOpError() << "launches @" << op.getKernel()
                               << ", which is no llvm.func with step.num_views and "
                                  "step.scratch_bytes; expected it from --step-lower-kernels";
  });
  return found;
}

FailureOr<ArrayRef<uint8_t>> StepWriter::write() {
  if (failed(collectKernels()))
    return failure();
  FailureOr<Offset<schema::Model>> modelTable = model();
  if (failed(modelTable))
    return failure();
  std::vector<Offset<schema::Buffer>> bufferTable;
  for (auto op : module.getOps<step::BufferOp>())
    bufferTable.push_back(buffer(op));
  std::vector<Offset<schema::Param>> params;
  for (auto op : module.getOps<step::ParamOp>())
    params.push_back(param(op));
  std::vector<Offset<schema::Slot>> slots;
  for (auto op : module.getOps<step::SlotOp>())
    slots.push_back(slot(op));
  std::vector<Offset<schema::Program>> programs;
  for (auto op : module.getOps<step::ProgramOp>())
    programs.push_back(program(op));
  auto maxLive = module->getAttrOfType<IntegerAttr>("step.max_live_bytes");
  auto ranks = module->getAttrOfType<IntegerAttr>("step.ranks");
  auto parallel = module->getAttrOfType<StringAttr>("step.parallel");
  auto target = schema::CreateTarget(fb, string(code.kind), string(code.triple), string(code.cpu));
  auto bytes =
      fb.CreateVector(reinterpret_cast<const uint8_t *>(code.bytes.data()), code.bytes.size());
  Offset<flatbuffers::Vector<uint8_t>> cubin = 0;
  if (!code.cubin.empty())
    cubin =
        fb.CreateVector(reinterpret_cast<const uint8_t *>(code.cubin.data()), code.cubin.size());
  std::vector<std::string> flags(options.begin(), options.end());
  auto root = schema::CreateStep(
      fb, string("swamlac " SWAMLA_VERSION), fb.CreateVectorOfStrings(flags), target, *modelTable,
      fb.CreateVector(bufferTable), fb.CreateVector(params), fb.CreateVector(slots),
      fb.CreateVector(kernelTable), fb.CreateVector(programs), bytes,
      maxLive ? maxLive.getInt() : 0, module->hasAttr("step.single_micro_step"), cubin,
      predictionTable(), ranks ? ranks.getInt() : 1, parallel ? string(parallel) : 0);
  schema::FinishStepBuffer(fb, root);
  return ArrayRef<uint8_t>(fb.GetBufferPointer(), fb.GetSize());
}

FailureOr<std::vector<char>> writeStepBin(ModuleOp module, const StepCode &code,
                                          ArrayRef<std::string> options) {
  StepWriter writer(module, code, options);
  FailureOr<ArrayRef<uint8_t>> content = writer.write();
  if (failed(content))
    return failure();
  StepHeader header = {};
  header.magic = kStepMagic;
  header.version = kStepFormatVersion;
  header.headerBytes = sizeof(StepHeader);
  header.contentBytes = content->size();
  header.checksum = XXH3_64bits(content->data(), content->size());
  std::vector<char> bytes(sizeof(StepHeader) + content->size());
  std::memcpy(bytes.data(), &header, sizeof(StepHeader));
  std::memcpy(bytes.data() + sizeof(StepHeader), content->data(), content->size());
  return bytes;
}

} // namespace swamla
