//===- CudaProgram.h - a program as commands of a stream ------------------===//
#pragma once

#include "runtime/cuda/CudaModule.h"
#include "runtime/cuda/EarlyResult.h"
#include "runtime/cuda/Matmuls.h"
#include "runtime/cuda/NcclGroup.h"
#include "runtime/device/Device.h"

#include <variant>

namespace swamla {

/// What all programs of a device share.
struct GpuQueue {
  StreamHandle compute;             ///< everything, in order, but
  StreamHandle side;                ///< results that leave early, and
  StreamHandle collectives;         ///< what ranks do together
  PinnedMemory words;               ///< one for each early result, and a gate at the end
  std::unique_ptr<NcclGroup> ranks; ///< of a program for many
};

class CudaProgram {
public:
  /// `addresses`: of the buffers. `words`: pinned memory for its early results.
  static Result<CudaProgram> create(const schema::Step &step, const schema::Program &table,
                                    const CudaModule &module, const Matmuls &matmuls,
                                    const std::vector<CUdeviceptr> &addresses,
                                    std::span<uint32_t> words);
  /// Words that create needs.
  static size_t wordsNeeded(const schema::Step &step, const schema::Program &table) {
    return earlySlots(step, table).size();
  }

  /// Enqueues the ops. The first run goes op by op, and so loads code; with `graph` the second is
  /// recorded, and then all replay the record. Where collectives cannot be recorded, they part the
  /// record into pieces.
  Status run(const GpuQueue &queue, bool graph);
  /// Runs to the end and adds up the time of each op.
  Status runTimed(const GpuQueue &queue);
  unsigned numOps() const { return unsigned(ops.size()); }
  Status enqueueOp(unsigned index, CUstream compute);
  /// The early result at a place; nullptr: none, or the program has not run yet.
  const EarlyResult *earlyResult(unsigned buffer, uint64_t offset) const;
  /// Appends an entry for each op.
  void appendProfile(const schema::Step &step, std::vector<OpProfile> &profile) const;

private:
  struct MatmulCall {
    unsigned problem;
    MatmulOperands operands;
  };
  struct FillCall {
    CUdeviceptr address;
    uint64_t words;
    uint32_t value;
  };
  struct CollectiveCall {
    GpuCollective call;
    EventHandle ready, done; ///< of what it works on, and of itself
  };
  struct WaitCall {
    unsigned op; ///< the collective's
  };
  struct Op {
    std::variant<GpuLaunch, MatmulCall, FillCall, CollectiveCall, WaitCall> call;
    uint64_t calls = 0;
    double seconds = 0;
  };

  Result<Op> prepare(const schema::Step &step, const schema::Op &op, const CudaModule &module,
                     const std::vector<CUdeviceptr> &addresses);
  Result<Op> prepareTogether(const schema::Op &op, const std::vector<CUdeviceptr> &addresses) const;
  /// Copies of the results that are final behind op `index`.
  Status enqueueResults(unsigned index, const GpuQueue &queue);
  /// Ops [begin, end), with `before(index)` called in front of each.
  template <typename Before>
  Status enqueueRange(unsigned begin, unsigned end, const GpuQueue &queue, Before before);
  /// All ops, one by one.
  Status enqueueAll(const GpuQueue &queue);
  /// Whether an op is a collective or its wait; they go to streams that others share.
  bool isTogether(unsigned index) const;
  Status enqueueTogether(unsigned index, const GpuQueue &queue);
  Status record(const GpuQueue &queue);
  Result<GraphExecHandle> recordRange(unsigned begin, unsigned end, const GpuQueue &queue);
  Status replay(const GpuQueue &queue);
  Status createTimers();

  const schema::Program *table = nullptr;
  const Matmuls *matmuls = nullptr;
  std::vector<Op> ops;
  std::vector<EarlyResult> early;
  EventHandle fork, join; ///< of the side stream
  /// Ops [begin, end), recorded once; without a graph where they cannot be.
  struct Piece {
    unsigned begin, end;
    GraphExecHandle graph;
  };
  std::vector<Piece> pieces;       ///< of the record
  std::vector<EventHandle> timers; ///< before each op and behind the last, when profiling
  uint64_t runs = 0;
};

} // namespace swamla
