//===- GoldenCase.h - what the reference computed -------------------------===//
//
// A golden case is a safetensors file in which the reference implementation
// left a short training: where it began, what went in, and what came out.
//
//   __metadata__   `config` and `train`, JSON objects
//   tokens         [steps, batch, T] i32      targets  the same, -100 = ignored
//   init/P         parameter P at the start   grad/P   gradient of step 0's loss, before clipping
//   final/P        P after `steps` steps of AdamW
//   loss           [steps]                    grad_norm  [steps], before clipping
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Frontend/Config.h"
#include "runtime/train/Json.h"
#include "runtime/train/Safetensors.h"
#include "runtime/train/Schedule.h"

#include <cstdint>
#include <string>
#include <vector>

namespace swamla {

/// How the reference trained. Step k (from 0) uses schedule.at(k + 1).
struct GoldenTraining {
  int64_t batch = 0;
  int64_t steps = 0;
  LrSchedule schedule;
  double weightDecay = 0, beta1 = 0, beta2 = 0, eps = 0;
  double gradClip = 0; ///< largest gradient norm
};

/// A parameter of the model, and what the reference says of it.
struct GoldenParam {
  std::string name;
  std::vector<uint64_t> shape;
  std::vector<float> init, grad, final;
};

struct GoldenCase {
  std::string path;
  Config config;
  GoldenTraining training;
  std::vector<int32_t> tokens, targets; ///< step by step, batch x T each
  std::vector<double> loss, gradNorm;   ///< step by step
  std::vector<GoldenParam> params;      ///< in the reference's order

  int64_t tokensPerStep() const { return training.batch * config.blockSize; }
};

/// Reads and checks a case: fields, shapes and values are what they must be, and nothing is
/// missing, left over or not finite. Errors name the file and the tensor or field.
Result<GoldenCase> loadGoldenCase(const std::string &path);
/// The same for a file that has been opened.
Result<GoldenCase> readGoldenCase(const SafetensorsFile &file);

} // namespace swamla
