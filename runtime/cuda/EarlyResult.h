//===- EarlyResult.h - a number that leaves a program before its end ------===//
//
// The loss is known long before the backward ends, the gradient norm before the
// update ends. Right behind the op that writes such a number a second stream
// copies it to host memory, where it is looked for: whoever waits for it can
// enqueue what comes next while the GPU is still busy.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/cuda/CudaHandles.h"
#include "runtime/program/StepFile.h"

#include <vector>

namespace swamla {

class EarlyResult {
public:
  /// One 4-byte slot. `word`: pinned memory for it.
  EarlyResult(const schema::Slot &slot, unsigned afterOp, CUdeviceptr address, void *word)
      : buffer(slot.view()->buffer()), offset(slot.view()->offset()), op(afterOp), address(address),
        word(static_cast<uint32_t *>(word)) {}

  bool isFor(unsigned wantedBuffer, uint64_t wantedOffset) const {
    return buffer == wantedBuffer && offset == wantedOffset;
  }
  /// The op that touches the slot last.
  unsigned afterOp() const { return op; }
  /// Before a run: the number of the run before must have come.
  Status expect(CUstream compute);
  /// Enqueues the copy on `side`, behind what `compute` has so far.
  Status enqueue(CUstream compute, CUevent event, CUstream side) const;
  /// Waits for the number of the last run.
  Result<uint32_t> wait(CUstream compute) const;

private:
  unsigned buffer;
  uint64_t offset;
  unsigned op;
  CUdeviceptr address;
  uint32_t *word;
  bool expected = false;
};

/// The results that `program` writes and that can leave it early: slots of one number in buffers of
/// kind Results. Each is paired with the index of the op behind which it is final.
std::vector<std::pair<const schema::Slot *, unsigned>> earlySlots(const schema::Step &step,
                                                                  const schema::Program &program);

} // namespace swamla
