//===- CudaTarget.h - the GPU that kernels are generated for --------------===//
#pragma once

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>

namespace swamla {

/// Threads that execute together.
inline constexpr int64_t kWarpSize = 32;

/// A GPU architecture. Hopper (sm_90a) is the only one: the attention kernels are written for its
/// asynchronous matrix units and its tensor memory accelerator.
struct CudaTarget {
  /// The name that ptxas and step.bin know it by.
  std::string name() const { return "sm_90a"; }
  /// Streaming multiprocessors of an H100 SXM or H200: what grids are sized for.
  int64_t numSms() const { return 132; }
  /// Threads and warps that an SM holds at a time.
  int64_t maxThreadsPerSm() const { return 2048; }
  /// Shared memory that one thread block may have.
  int64_t maxSharedBytes() const { return 227 * 1024; }

  /// Reads "sm_90a". Nullopt for anything else.
  static std::optional<CudaTarget> parse(llvm::StringRef name);
};

} // namespace swamla
