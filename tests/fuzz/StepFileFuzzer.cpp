//===- StepFileFuzzer.cpp - arbitrary bytes as step.bin -------------------===//
//
// Loading must answer any bytes with a program or an error. Random bytes rarely
// get past the header's checksum, so the mutator works on the content and seals
// it with a right header most of the time; and it begins with a valid program,
// because nothing random gets past the flatbuffer verifier either.
//
//===----------------------------------------------------------------------===//
#include "runtime/base/Hash.h"
#include "runtime/schema/StepHeader.h"
#include "tests/unit/StepSample.h"

#include <cstdlib>
#include <cstring>

using namespace swamla;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

namespace {
/// What the runtime relies on after loading: reading through the tables must stay in bounds.
uint64_t useProgram(const StepFile &file) {
  const schema::Step &step = file.step();
  uint64_t sum = file.checksum();
  for (const schema::Program *program : *step.programs())
    for (const schema::Op *op : *program->ops()) {
      const schema::Matmul *matmul = op->kind_as_Matmul();
      if (matmul && matmul->a_scale())
        for (const schema::View *view : {matmul->a_scale(), matmul->b_scale()})
          sum += step.buffers()->Get(view->buffer())->bytes() - view->offset() - view->bytes();
      if (const schema::Launch *launch = op->kind_as_Launch()) {
        const schema::Kernel &kernel = *step.kernels()->Get(launch->kernel());
        sum += kernel.name()->size();
        if (kernel.gpu() && kernel.gpu()->tensor_maps())
          for (const schema::TensorMap *map : *kernel.gpu()->tensor_maps())
            sum += launch->views()->Get(map->view())->bytes() - map->offset() + map->dims()->Get(0);
        for (const schema::View *view : *launch->views())
          sum += step.buffers()->Get(view->buffer())->bytes() - view->offset() - view->bytes();
      }
    }
  for (const schema::Slot *slot : *step.slots())
    sum += step.buffers()->Get(slot->view()->buffer())->name()->size();
  for (const char *name : {"micro_step", "apply", "eval", "logits"})
    if (!file.findProgram(name))
      std::abort();
  for (const char *name : {"micro_step.tokens", "eval.loss", "logits.logits"})
    if (!file.findSlot(name))
      std::abort();
  if (file.findBuffer(schema::BufferKind::Working) && !file.findProgram("cast"))
    std::abort();
  if (!file.findBuffer(schema::BufferKind::Params) || !file.findBuffer(schema::BufferKind::Grads))
    std::abort();
  return sum;
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const auto *begin = reinterpret_cast<const std::byte *>(data);
  auto file = StepFile::fromBytes({begin, begin + size}, "step.bin");
  if (!file.isOk()) {
    if (file.status().message().empty())
      std::abort();
    return 0;
  }
  // Used, so that the reads stay.
  [[maybe_unused]] volatile uint64_t sink = useProgram(*file);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  constexpr size_t headerSize = sizeof(StepHeader);
  if (size <= headerSize) {
    schema::StepT step = seed % 2 ? test::sampleCudaStep() : test::sampleStep();
    if (seed / 2 % 2)
      test::opsOf(step, "micro_step").push_back(test::makeF8Matmul());
    std::vector<std::byte> sample = test::fileOf(step);
    if (sample.size() > maxSize)
      return LLVMFuzzerMutate(data, size, maxSize);
    std::memcpy(data, sample.data(), sample.size());
    return sample.size();
  }
  if (seed % 16 == 0) // the header's own checks
    return LLVMFuzzerMutate(data, size, maxSize);
  size_t content = LLVMFuzzerMutate(data + headerSize, size - headerSize, maxSize - headerSize);
  StepHeader header = {kStepMagic, kStepFormatVersion, headerSize, content, 0, {}};
  header.checksum = hash64(std::as_bytes(std::span(data + headerSize, content)));
  std::memcpy(data, &header, headerSize);
  return headerSize + content;
}
