//===- Matmuls.cpp - all matmuls of a program's file ----------------------===//
#include "runtime/cuda/Matmuls.h"

#include "runtime/base/Log.h"
#include "runtime/schema/DTypes.h"

namespace swamla {

/// Calls `use(matmul, op, program)` for each matmul of the file.
template <typename Use> static Status forEachMatmul(const schema::Step &step, Use use) {
  for (const schema::Program *program : *step.programs())
    for (const schema::Op *op : *program->ops())
      if (const schema::Matmul *matmul = op->kind_as_Matmul())
        SWAMLA_RETURN_IF_ERROR(use(*matmul, *op, program->name()->string_view()));
  return Status::ok();
}

uint64_t Matmuls::deviceBytes(const schema::Step &step) {
  uint64_t bytes = 0;
  (void)forEachMatmul(step, [&](const schema::Matmul &, const schema::Op &, std::string_view) {
    bytes = LtLibrary::kWorkspaceBytes;
    return Status::ok();
  });
  return bytes;
}

Status Matmuls::collect(const schema::Step &step) {
  return forEachMatmul(
      step,
      [&](const schema::Matmul &matmul, const schema::Op &op, std::string_view program) -> Status {
        MatmulProblem problem = MatmulProblem::of(matmul);
        auto [entry, isNew] = numbers.try_emplace(problem.key(), unsigned(planned.size()));
        if (isNew) {
          SWAMLA_TRY(LtMatmul lt, LtMatmul::create(problem));
          planned.push_back({std::move(lt), op.label()->str(), 0, {}});
        }
        planned[entry->second].calls += program == "micro_step";
        return Status::ok();
      });
}

Status Matmuls::tune(const GpuInfo &gpu, MatmulTuner::Scratch scratch, double seconds) {
  TuningCache::Environment environment = {fmt::format("{} {}.{}, {} multiprocessors", gpu.name,
                                                      gpu.major, gpu.minor, gpu.multiprocessors),
                                          cublasLtGetVersion()};
  std::optional<std::string> path = TuningCache::defaultPath(environment);
  if (!path && seconds > 0)
    logWarning("neither XDG_CACHE_HOME nor HOME is set: the matmul algorithms are not kept, and "
               "the next run may choose others");
  TuningCache cache = path && seconds > 0 ? TuningCache::load(*path, environment)
                                          : TuningCache::inMemory(environment);
  return MatmulTuner(*library, stream, scratch).choose(planned, cache, seconds);
}

Result<std::unique_ptr<Matmuls>> Matmuls::create(const schema::Step &step, const GpuInfo &gpu,
                                                 CUstream stream, MatmulTuner::Scratch scratch,
                                                 double seconds) {
  std::unique_ptr<Matmuls> result(new Matmuls(stream));
  SWAMLA_RETURN_IF_ERROR(result->collect(step));
  if (result->planned.empty())
    return result;
  SWAMLA_TRY(result->library, LtLibrary::create(stream));
  SWAMLA_RETURN_IF_ERROR(result->tune(gpu, scratch, seconds));
  SWAMLA_RETURN_IF_ERROR(result->startFallback());
  return result;
}

/// For what cuBLASLt has no algorithm. In f8 nothing else has one either.
Status Matmuls::startFallback() {
  for (const PlannedMatmul &plan : planned) {
    if (plan.algorithm)
      continue;
    const MatmulProblem &problem = plan.matmul.problem();
    if (isF8(problem.aType))
      return failedPrecondition(
          fmt::format("{}: cuBLASLt {} has no algorithm on this GPU for the f8 matmul {}; compile "
                      "with another --fp8-recipe, or with --precision=bf16",
                      plan.label, cublasLtGetVersion(), problem.key()));
    logDebug("cuBLASLt has no algorithm for {}; cuBLAS runs it", problem.key());
    if (!fallback) {
      SWAMLA_TRY(fallback,
                 GemmFallback::create(stream, library->workspace(), LtLibrary::kWorkspaceBytes));
    }
  }
  return Status::ok();
}

cublasStatus_t Matmuls::enqueue(unsigned problem, const MatmulOperands &operands) const {
  const PlannedMatmul &plan = planned[problem];
  if (plan.algorithm)
    return plan.matmul.enqueue(*library, *plan.algorithm, operands, stream);
  return fallback->enqueue(plan.matmul.problem(), operands);
}

} // namespace swamla
