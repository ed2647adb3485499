//===- KernelCosts.cpp - what the ops of a planned module cost ------------===//
#include "compiler/Report/KernelCosts.h"

#include "compiler/Kernels/KernelFacts.h"
#include "dialects/Step/IR/ElementTypes.h"
#include "dialects/Step/IR/StepDialect.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace swamla {

StringRef name(WorkKind kind) {
  constexpr llvm::StringLiteral names[] = {"matmul",
                                           "attention",
                                           "windowed_attention",
                                           "attention_grad",
                                           "windowed_attention_grad",
                                           "row",
                                           "optimizer",
                                           "scatter_add",
                                           "fill"};
  return names[static_cast<size_t>(kind)];
}

namespace {
Arithmetic arithmeticOf(Type element, bool tf32 = false) {
  if (isF8(element))
    return Arithmetic::Fp8;
  if (element.isBF16())
    return Arithmetic::Bf16;
  return tf32 ? Arithmetic::Tf32 : Arithmetic::Fp32;
}

std::string nameOf(Type type) {
  if (isa<Float8E4M3FNType>(type))
    return "e4m3";
  if (isa<Float8E5M2Type>(type))
    return "e5m2";
  return type.isBF16() ? "bf16" : "f32";
}

KernelCost costOf(step::MatmulOp op) {
  Type a = op.getAType(), b = op.getElementTypeOfB(), c = op.getCType();
  auto bytes = [](uint64_t elements, Type type) {
    return elements * (type.getIntOrFloatBitWidth() / 8);
  };
  uint64_t m = op.getM(), n = op.getN(), k = op.getK();
  std::string types = op.getTf32() ? "tf32" : nameOf(a);
  if (a != b)
    types += "x" + nameOf(b);
  if (a != c)
    types += "->" + nameOf(c);
  std::string problem =
      llvm::formatv("matmul {0}{1} {2}x{3}x{4} {5}{6}", op.getTransposeA() ? 't' : 'n',
                    op.getTransposeB() ? 't' : 'n', m, n, k, types, op.getAccumulate() ? " +" : "");
  uint64_t moved =
      bytes(m * k, a) + bytes(k * n, b) + bytes(m * n, c) * (op.getAccumulate() ? 2 : 1);
  return {problem, WorkKind::Matmul, arithmeticOf(a, op.getTf32()), 1, 2 * m * n * k, moved};
}

/// Whether a launch of `apply` touches the parameters.
bool isUpdate(step::ProgramOp program, step::LaunchOp op) {
  auto module = program->getParentOfType<ModuleOp>();
  return program.getSymName() == "apply" &&
         llvm::any_of(op.getViews().getAsRange<step::ViewAttr>(), [&](step::ViewAttr view) {
           auto buffer = module.lookupSymbol<step::BufferOp>(view.getBuffer());
           return buffer && buffer.getKind() == "params";
         });
}

KernelCost costOf(step::ProgramOp program, step::LaunchOp op) {
  Operation *kernel = SymbolTable::lookupNearestSymbolFrom(op, op.getKernelAttr());
  std::optional<KernelWork> work = kernel ? kernelWork(kernel) : std::nullopt;
  KernelCost entry{op.getKernel().str(), WorkKind::Row, Arithmetic::Fp32, 1,
                   op.getFlops(),        op.getBytes()};
  if (work) {
    entry.kind = llvm::StringSwitch<WorkKind>(work->kind)
                     .Case("attention", WorkKind::Attention)
                     .Case("windowed_attention", WorkKind::WindowedAttention)
                     .Case("attention_grad", WorkKind::AttentionGrad)
                     .Case("windowed_attention_grad", WorkKind::WindowedAttentionGrad)
                     .Case("scatter_add", WorkKind::ScatterAdd)
                     .Default(isUpdate(program, op) ? WorkKind::Optimizer : WorkKind::Row);
    entry.arithmetic = arithmeticOf(work->element);
  }
  return entry;
}

/// Adds up the ops of one program.
class Collector {
public:
  explicit Collector(step::ProgramOp program) {
    cost.program = program.getSymName();
    for (Operation &op : program.getBody().front())
      if (std::optional<KernelCost> each = swamla::costOf(program, op))
        add(std::move(*each));
    for (KernelCost &kernel : cost.kernels) {
      kernel.flops /= kernel.calls;
      kernel.bytes /= kernel.calls;
    }
  }

  ProgramCost take() { return std::move(cost); }

private:
  void add(KernelCost entry) {
    auto [found, isNew] = numbers.try_emplace(entry.kernel, cost.kernels.size());
    if (isNew) {
      cost.kernels.push_back(std::move(entry));
      return;
    }
    KernelCost &known = cost.kernels[found->second];
    ++known.calls;
    known.flops += entry.flops;
    known.bytes += entry.bytes;
  }

  ProgramCost cost;
  llvm::StringMap<size_t> numbers;
};
} // namespace

std::optional<KernelCost> costOf(step::ProgramOp program, Operation &op) {
  using Cost = std::optional<KernelCost>;
  return llvm::TypeSwitch<Operation *, Cost>(&op)
      .Case([&](step::LaunchOp launch) { return Cost(costOf(program, launch)); })
      .Case([&](step::MatmulOp matmul) { return Cost(costOf(matmul)); })
      .Case([&](step::FillOp fill) {
        auto bytes = static_cast<uint64_t>(fill.getView().getBytes());
        return Cost({"fill", WorkKind::Fill, Arithmetic::Fp32, 1, 0, bytes});
      })
      .Default([](Operation *) { return Cost(); });
}

std::vector<ProgramCost> collectCosts(ModuleOp module) {
  std::vector<ProgramCost> costs;
  for (auto program : module.getOps<step::ProgramOp>())
    costs.push_back(Collector(program).take());
  return costs;
}

} // namespace swamla
