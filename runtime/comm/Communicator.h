//===- Communicator.h - what the ranks of a run tell each other -----------===//
//
// A run of many ranks is one process for each; all run the same step.bin. A
// Communicator connects them, in two planes that do not wait for each other:
// collectives of data, called for the ops of a program on whatever thread runs
// those, and small messages of the training loop. Each plane is for one thread
// at a time; the two may be used at once.
//
// Every rank makes the same calls of a plane in the same order with the same
// sizes. A call returns when this rank's part is done. When another rank is
// lost, a call that waits for it fails, and names that rank.
//
// Sums of data are plain sums over ranks, in f32, of rank 0's number, rank 1's,
// and so on, each element in that order whatever the sizes: an all-reduce has
// the bits of a reduce-scatter and an all-gather, and two runs have the same.
// To make a mean of them is up to the program: the runtime sets the slot
// `grad_scale` to 1 / (accumulation * ranks).
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/schema/DTypes.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace swamla {

enum class ReduceOp { Sum, Max };

class Communicator {
public:
  virtual ~Communicator() = default;
  virtual unsigned rank() const = 0;  ///< from 0
  virtual unsigned ranks() const = 0; ///< at least 1

  // Data. F32 or BF16 where something is reduced; bf16 is rounded once, after the sum in f32.

  /// Leaves the reduction of all ranks' `data` in each rank's.
  virtual Status allReduce(std::span<std::byte> data, schema::DType type,
                           ReduceOp op = ReduceOp::Sum) = 0;
  /// Sums `from`, ranks() pieces of to.size() bytes, and leaves piece rank() of the sum in `to`,
  /// which may be that piece of `from`. Nothing else of `from` is changed.
  virtual Status reduceScatter(std::span<const std::byte> from, std::span<std::byte> to,
                               schema::DType type) = 0;
  /// Puts rank r's `from` at piece r of `to`, ranks() * from.size() bytes. `from` may be piece
  /// rank() of `to`.
  virtual Status allGather(std::span<const std::byte> from, std::span<std::byte> to) = 0;

  // Messages.

  /// What each rank has sent, by rank. Also a barrier.
  virtual Result<std::vector<std::string>> exchange(std::string_view mine) = 0;
  /// Puts rank r's numbers at r * mine.size() of `all`, ranks() * mine.size() of them. For a few
  /// numbers in each step: cheaper than exchange().
  virtual Status gatherNumbers(std::span<const double> mine, std::span<double> all) = 0;

  /// Says that this rank is done, and waits until all are. Nothing comes behind it. A communicator
  /// that is destroyed without it is a rank lost to the others.
  virtual Status leave() = 0;
  /// Tells all ranks that this one cannot go on; each of them then ends with `reason` and this
  /// rank's number. From any thread.
  virtual void abort(std::string_view reason) = 0;
};

} // namespace swamla
