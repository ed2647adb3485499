//===- StepSample.h - small step programs for tests -----------------------===//
//
// Built through flatbuffers' object interface, so that a test states the one
// thing that it changes: `step.buffers[0]->bytes = 3`.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/program/StepFile.h"

#include <cstddef>
#include <string>
#include <vector>

namespace swamla::test {

/// A valid program of a model with vocabulary 16, block size 4, batch 2 and two parameters. All its
/// programs are empty; there are no kernels.
///
/// | buffer  | 0 arena | 1 params | 2 grads | 3 adamw.m | 4 input | 5 scalars | 6 results |
/// | bytes   | 65536   | 512      | 512     | 512       | 256     | 64        | 128       |
schema::StepT emptyStep();
/// The same with one launch, one matmul and one fill in micro_step, and one kernel whose code is a
/// shared object without contents: for reading, not for running.
schema::StepT sampleStep();

/// sampleStep() as for a GPU: the kernel has a launch and a tensor map of its second view, the code
/// is the head of a PTX file.
schema::StepT sampleCudaStep();
/// Adds a buffer `working` (kWorking) and a program `cast` without ops.
void addWorking(schema::StepT &step);

/// Index of one of the buffers above.
enum SampleBuffer : unsigned {
  kArena,
  kParams,
  kGrads,
  kState,
  kInput,
  kScalars,
  kResults,
  kWorking
};

std::unique_ptr<schema::OpT> makeLaunch(unsigned kernel, std::vector<schema::View> views,
                                        uint64_t units);
std::unique_ptr<schema::OpT> makeFill(schema::View view, uint32_t value);
/// A matmul with dense operands at the given places; change what should differ.
std::unique_ptr<schema::OpT> makeMatmul(schema::View a, schema::View b, schema::View c, uint64_t m,
                                        uint64_t n, uint64_t k);
/// In the arena, E5M2 (32 x 48, at byte 0) times E4M3 (16 x 48, at 2048) transposed, in bf16 (at
/// 4096), with a scale each (at 8192 and 8196).
std::unique_ptr<schema::OpT> makeF8Matmul();
/// The ops of a program.
std::vector<std::unique_ptr<schema::OpT>> &opsOf(schema::StepT &step, const std::string &program);

/// An ELF shared object with a header, one empty segment and nothing else.
std::vector<uint8_t> emptySharedObject();

/// The flatbuffer of a step, without header.
std::vector<std::byte> flatbufferOf(const schema::StepT &step);
/// A flatbuffer behind a right header.
std::vector<std::byte> withHeader(const std::vector<std::byte> &content);
/// A whole step.bin.
std::vector<std::byte> fileOf(const schema::StepT &step);
/// Loads a step; the name in errors is "step.bin".
Result<StepFile> loadStep(const schema::StepT &step);

} // namespace swamla::test
