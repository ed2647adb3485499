//===- MatmulTuner.h - the fastest algorithm of each matmul ---------------===//
#pragma once

#include "runtime/cuda/LtMatmul.h"

#include <optional>
#include <vector>

namespace swamla {

/// A distinct problem of a program. Without an algorithm cuBLASLt has none for it.
struct PlannedMatmul {
  LtMatmul matmul;
  std::string label;  ///< of the first op that has it
  uint64_t calls = 0; ///< in a training step, as its weight in the search
  std::optional<MatmulAlgorithm> algorithm;
};

/// Chooses algorithms for problems: from the cache; else the fastest of the heuristic's candidates,
/// as far as the time goes; else the heuristic's first.
class MatmulTuner {
public:
  /// Device memory that the search may overwrite; more is allocated where it is too small.
  struct Scratch {
    CUdeviceptr address = 0;
    uint64_t bytes = 0;
  };

  MatmulTuner(const LtLibrary &library, CUstream stream, Scratch scratch)
      : library(library), stream(stream), scratch(scratch) {}

  /// Sets every algorithm. The search takes about `seconds`; 0: no search, and the cache is not
  /// asked either.
  Status choose(std::vector<PlannedMatmul> &matmuls, TuningCache &cache, double seconds);

private:
  /// Takes what the cache has; returns the others.
  std::vector<PlannedMatmul *> takeCached(std::vector<PlannedMatmul> &matmuls,
                                          const TuningCache &cache) const;
  Status search(std::vector<PlannedMatmul *> &missing, TuningCache &cache, double seconds);
  Status prepareScratch(const std::vector<PlannedMatmul *> &missing);
  Status fillScratch(schema::DType type);
  Result<MatmulAlgorithm> fastest(const PlannedMatmul &matmul,
                                  const std::vector<MatmulAlgorithm> &candidates, double seconds);

  const LtLibrary &library;
  CUstream stream;
  Scratch scratch;
  DeviceMemory own; ///< where `scratch` was too small
};

} // namespace swamla
