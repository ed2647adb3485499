//===- MatmulTuner.cpp - the fastest algorithm of each matmul -------------===//
//
// Candidates take turns, so that clocks and temperature are the same for all:
// a first round that loads their code, a round that leaves only those near the
// best, then some more whose median decides. Operands are random numbers: equal
// ones draw less power, and let every algorithm look faster than it is.
//
//===----------------------------------------------------------------------===//
#include "runtime/cuda/MatmulTuner.h"

#include "runtime/base/Bf16.h"
#include "runtime/base/Fp8.h"
#include "runtime/base/Log.h"
#include "runtime/base/Philox.h"
#include "runtime/base/Timer.h"
#include "runtime/schema/DTypes.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace swamla {

namespace {
constexpr unsigned kCandidates = 12;
/// After one round, only what is within this factor of the best stays.
constexpr double kNear = 1.25;
constexpr unsigned kRounds = 5;
/// Random numbers are made once and repeated.
constexpr size_t kPatternElements = size_t(1) << 20;
/// Runs between two events, so that their own time is small: about this long at this speed.
constexpr double kLeastSeconds = 100e-6, kExpectedFlops = 400e12;
constexpr double kMaxRepeats = 16;

/// A candidate and its times so far, in seconds.
struct Entrant {
  const MatmulAlgorithm *algorithm;
  EventHandle begin, end;
  std::vector<double> seconds;

  double median() const {
    std::vector<double> sorted = seconds;
    std::ranges::sort(sorted);
    return sorted[sorted.size() / 2];
  }
};

uint64_t roundUp(uint64_t bytes) {
  return (bytes + MatmulProblem::kMaxAlignment - 1) / MatmulProblem::kMaxAlignment *
         MatmulProblem::kMaxAlignment;
}

/// Space for a matrix with exactly this alignment behind a multiple of kMaxAlignment.
uint64_t placeBytes(uint64_t bytes) { return roundUp(bytes + MatmulProblem::kMaxAlignment); }
/// The bytes behind the matrices that hold scales.
uint64_t scaleBytes(const MatmulProblem &p) {
  return roundUp(p.scalesA() * sizeof(float)) + roundUp(p.scalesB() * sizeof(float));
}
uint64_t scratchBytes(const MatmulProblem &p) {
  return placeBytes(p.bytesA()) + placeBytes(p.bytesB()) + placeBytes(p.bytesC()) + scaleBytes(p);
}

/// Operands in scratch memory, aligned as the program's are and not more.
MatmulOperands place(const MatmulProblem &p, CUdeviceptr base) {
  auto at = [](CUdeviceptr begin, unsigned alignment) {
    return alignment < MatmulProblem::kMaxAlignment ? begin + alignment : begin;
  };
  CUdeviceptr b = base + placeBytes(p.bytesA()), c = b + placeBytes(p.bytesB());
  CUdeviceptr aScale = c + placeBytes(p.bytesC());
  return {at(base, p.alignA), at(b, p.alignB), at(c, p.alignC), aScale,
          aScale + roundUp(p.scalesA() * sizeof(float))};
}

/// The numbers that a problem's matrices are filled with. What is random in one f8 format is so in
/// the other.
schema::DType patternOf(const MatmulProblem &p) {
  return isF8(p.aType) ? schema::DType::F8E4M3 : p.aType;
}
} // namespace

//===----------------------------------------------------------------------===//
// Scratch memory
//===----------------------------------------------------------------------===//

Status MatmulTuner::prepareScratch(const std::vector<PlannedMatmul *> &missing) {
  uint64_t most = 0;
  for (const PlannedMatmul *planned : missing)
    most = std::max(most, scratchBytes(planned->matmul.problem()));
  if (most <= scratch.bytes) {
    scratch.bytes = most; // so that no more of it is filled
    return Status::ok();
  }
  SWAMLA_TRY(own, DeviceMemory::allocate(most, "the search for matmul algorithms", stream));
  scratch = {own.address(), own.size()};
  return Status::ok();
}

Status MatmulTuner::fillScratch(schema::DType type) {
  std::vector<float> values(kPatternElements);
  RandomStream(0, "matmul tuning").fillNormal(values, 0, 1);
  std::vector<Bf16> narrow;
  std::vector<Fp8> narrowest;
  std::span<const std::byte> bytes = std::as_bytes(std::span(values));
  if (type == schema::DType::BF16) {
    narrow.resize(values.size());
    std::ranges::transform(values, narrow.begin(), toBf16);
    bytes = std::as_bytes(std::span(narrow));
  } else if (type == schema::DType::F8E4M3) {
    narrowest.resize(values.size());
    std::ranges::transform(values, narrowest.begin(), [](float v) { return toFp8(v, kE4M3); });
    bytes = std::as_bytes(std::span(narrowest));
  }
  constexpr const char *kWhat = "cannot fill the matrices of the search";
  uint64_t filled = std::min<uint64_t>(bytes.size(), scratch.bytes);
  SWAMLA_RETURN_IF_ERROR(toStatus(cuStreamSynchronize(stream), kWhat));
  SWAMLA_RETURN_IF_ERROR(toStatus(cuMemcpyHtoD(scratch.address, bytes.data(), filled), kWhat));
  while (filled < scratch.bytes) { // doubles
    uint64_t more = std::min(filled, scratch.bytes - filled);
    SWAMLA_RETURN_IF_ERROR(toStatus(
        cuMemcpyDtoDAsync(scratch.address + filled, scratch.address, more, stream), kWhat));
    filled += more;
  }
  return Status::ok();
}

//===----------------------------------------------------------------------===//
// One problem
//===----------------------------------------------------------------------===//

/// Runs every entrant once between its events; those that cannot run drop out.
static Status runRound(const LtLibrary &library, const LtMatmul &matmul,
                       const MatmulOperands &operands, std::vector<Entrant> &entrants,
                       CUstream stream) {
  double expected = std::max(matmul.problem().flops() / kExpectedFlops, 1e-9);
  auto repeats = unsigned(std::clamp(kLeastSeconds / expected, 1.0, kMaxRepeats));
  constexpr const char *kWhat = "cannot time a matmul";
  for (Entrant &entrant : entrants) {
    SWAMLA_RETURN_IF_ERROR(toStatus(cuEventRecord(entrant.begin.get(), stream), kWhat));
    for (unsigned i = 0; i < repeats && entrant.algorithm; ++i)
      if (matmul.enqueue(library, *entrant.algorithm, operands, stream) != CUBLAS_STATUS_SUCCESS)
        entrant.algorithm = nullptr;
    SWAMLA_RETURN_IF_ERROR(toStatus(cuEventRecord(entrant.end.get(), stream), kWhat));
  }
  SWAMLA_RETURN_IF_ERROR(toStatus(cuStreamSynchronize(stream), kWhat));
  std::erase_if(entrants, [](const Entrant &entrant) { return !entrant.algorithm; });
  for (Entrant &entrant : entrants) {
    float ms = 0;
    SWAMLA_RETURN_IF_ERROR(
        toStatus(cuEventElapsedTime(&ms, entrant.begin.get(), entrant.end.get()), kWhat));
    entrant.seconds.push_back(double(ms) * 1e-3 / repeats);
  }
  return Status::ok();
}

Result<MatmulAlgorithm> MatmulTuner::fastest(const PlannedMatmul &planned,
                                             const std::vector<MatmulAlgorithm> &candidates,
                                             double seconds) {
  Timer timer;
  const LtMatmul &matmul = planned.matmul;
  MatmulOperands operands = place(matmul.problem(), scratch.address);
  if (uint64_t words = scaleBytes(matmul.problem()) / sizeof(float)) {
    auto one = std::bit_cast<uint32_t>(1.0F);
    SWAMLA_RETURN_IF_ERROR(toStatus(cuMemsetD32Async(operands.aScale, one, words, stream),
                                    "cannot fill the scales of the search"));
  }
  std::vector<Entrant> entrants;
  for (const MatmulAlgorithm &candidate : candidates) {
    Entrant &entrant = entrants.emplace_back();
    entrant.algorithm = &candidate;
    SWAMLA_TRY(entrant.begin, createEvent(/*timing=*/true));
    SWAMLA_TRY(entrant.end, createEvent(/*timing=*/true));
  }
  SWAMLA_RETURN_IF_ERROR(runRound(library, matmul, operands, entrants, stream));
  if (timer.seconds() > seconds || entrants.empty())
    return candidates.front(); // the first round's times are those of loading code
  for (Entrant &entrant : entrants)
    entrant.seconds.clear();
  SWAMLA_RETURN_IF_ERROR(runRound(library, matmul, operands, entrants, stream));
  if (entrants.empty())
    return candidates.front();
  double best = std::ranges::min_element(entrants, {}, &Entrant::median)->median();
  std::erase_if(entrants, [&](const Entrant &entrant) { return entrant.median() > kNear * best; });
  for (unsigned round = 1; round < kRounds && timer.seconds() < seconds; ++round)
    SWAMLA_RETURN_IF_ERROR(runRound(library, matmul, operands, entrants, stream));
  auto winner = std::ranges::min_element(entrants, {}, &Entrant::median);
  logDebug("matmul {}: {:.1f} us, {:.0f} TFLOP/s, {} candidates", matmul.problem().key(),
           winner->median() * 1e6, matmul.problem().flops() / winner->median() * 1e-12,
           candidates.size());
  return *winner->algorithm;
}

//===----------------------------------------------------------------------===//
// All problems
//===----------------------------------------------------------------------===//

std::vector<PlannedMatmul *> MatmulTuner::takeCached(std::vector<PlannedMatmul> &matmuls,
                                                     const TuningCache &cache) const {
  std::vector<PlannedMatmul *> missing;
  for (PlannedMatmul &planned : matmuls) {
    const MatmulAlgorithm *known = cache.find(planned.matmul.problem().key());
    if (known && planned.matmul.accepts(library, *known))
      planned.algorithm = *known;
    else
      missing.push_back(&planned);
  }
  return missing;
}

Status MatmulTuner::search(std::vector<PlannedMatmul *> &missing, TuningCache &cache,
                           double seconds) {
  Timer timer;
  SWAMLA_RETURN_IF_ERROR(prepareScratch(missing));
  auto weight = [](const PlannedMatmul *planned) {
    return planned->matmul.problem().flops() * double(std::max<uint64_t>(planned->calls, 1));
  };
  // Types together, since the scratch memory holds numbers of one; then the most work first.
  std::ranges::stable_sort(missing, [&](const PlannedMatmul *x, const PlannedMatmul *y) {
    return std::pair(patternOf(x->matmul.problem()), -weight(x)) <
           std::pair(patternOf(y->matmul.problem()), -weight(y));
  });
  double weights = 0;
  for (const PlannedMatmul *planned : missing)
    weights += weight(planned);
  std::optional<schema::DType> filled;
  size_t left = missing.size(), tuned = 0;
  for (PlannedMatmul *planned : missing) {
    const MatmulProblem &problem = planned->matmul.problem();
    if (filled != patternOf(problem))
      SWAMLA_RETURN_IF_ERROR(fillScratch(*(filled = patternOf(problem))));
    SWAMLA_TRY(std::vector<MatmulAlgorithm> candidates,
               planned->matmul.candidates(library, kCandidates));
    double remaining = std::max(seconds - timer.seconds(), 0.0);
    // By weight, but at least half of an equal share: small matmuls are quick to try.
    double share = remaining * std::max(weight(planned) / weights, 0.5 / double(left));
    weights -= weight(planned);
    --left;
    if (candidates.empty())
      continue;
    planned->algorithm = candidates.front();
    if (candidates.size() > 1 && remaining > 0) {
      SWAMLA_TRY(planned->algorithm, fastest(*planned, candidates, share));
    }
    cache.insert(problem.key(), *planned->algorithm);
    ++tuned;
  }
  if (tuned > 0)
    logInfo("tuned  {} matmuls in {:.1f} s{}", tuned, timer.seconds(),
            cache.path().empty() ? "" : "; kept in " + cache.path());
  return Status::ok();
}

Status MatmulTuner::choose(std::vector<PlannedMatmul> &matmuls, TuningCache &cache,
                           double seconds) {
  if (seconds <= 0) {
    for (PlannedMatmul &planned : matmuls) {
      SWAMLA_TRY(std::vector<MatmulAlgorithm> first, planned.matmul.candidates(library, 1));
      if (!first.empty())
        planned.algorithm = first.front();
    }
    return Status::ok();
  }
  std::vector<PlannedMatmul *> missing = takeCached(matmuls, cache);
  if (missing.empty())
    return Status::ok();
  SWAMLA_RETURN_IF_ERROR(search(missing, cache, seconds));
  if (Status status = cache.save(); !status.isOk())
    logWarning("the matmul algorithms are not kept, and the next run may choose others: {}",
               status.message());
  return Status::ok();
}

} // namespace swamla
