//===- Device.h - where a step program runs -------------------------------===//
//
// A Device owns the memory of one loaded program and runs its programs. There
// is one implementation for each target, in a library of its own; callers see
// this interface only. Host memory and device memory are never assumed to be
// the same: everything crosses through upload and download.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/program/StepFile.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace swamla {

class Communicator;

struct DeviceOptions {
  /// To the other ranks of a program that is for many; it must outlive the device.
  Communicator *communicator = nullptr;
  unsigned threads = 0; ///< CPU threads; 0: all cores this process may use
  bool profile = false; ///< time every op (see Device::profile)
  bool poison = false;  ///< fill the arena with NaN before each program, to show stray reads

  // Of GPUs only.
  unsigned gpu = 0;       ///< which of those that CUDA_VISIBLE_DEVICES leaves
  bool graph = true;      ///< replay programs from CUDA graphs
  double tuneSeconds = 4; ///< to find fast matmul algorithms at the first load; 0: no search
};

/// Accumulated time of one op of one program.
struct OpProfile {
  /// kernel: the kernel's name, "fill", a collective's kind, "wait", or a matmul's problem: "matmul
  /// nt 2048x512x128 bf16->f32
  /// +", with its operands' transposes, m x n x k, types ("e5m2*e4m3->bf16" of A, B and C), and +
  /// if it adds to its result.
  std::string program, label, kernel;
  uint64_t calls = 0;
  double seconds = 0;
  uint64_t flops = 0, bytes = 0; ///< of one call
  bool isMatmul = false;
};

/// What a profile says of an op before it has run.
OpProfile profileOf(const schema::Step &step, const schema::Program &program, const schema::Op &op);

class Device {
public:
  virtual ~Device() = default;

  /// Creates the device that `file`'s target names, allocates and zeroes its buffers, loads its
  /// code and runs `setup`. The file must outlive the device. Fails with FailedPrecondition if this
  /// machine cannot run the code, or if there are not as many ranks as it was compiled for.
  static Result<std::unique_ptr<Device>> create(const StepFile &file, const DeviceOptions &options);

  virtual Status upload(unsigned buffer, uint64_t offset, std::span<const std::byte> data) = 0;
  virtual Status download(unsigned buffer, uint64_t offset, std::span<std::byte> data) = 0;
  /// download() of what `program` left in a result at its last run. It may return as soon as the
  /// run has written it, long before the run ends: what the caller enqueues then keeps the device
  /// busy.
  virtual Status downloadResult(unsigned program, unsigned buffer, uint64_t offset,
                                std::span<std::byte> data) {
    (void)program;
    return download(buffer, offset, data);
  }
  /// Runs a program to its end (or enqueues it; upload, download and wait come after it).
  virtual Status run(unsigned program) = 0;
  /// Runs one op of a program to its end, op number `op`. Called for each op in order it does what
  /// run() does, without graphs, and without the other ranks: collectives do nothing.
  virtual Status runOp(unsigned program, unsigned op) = 0;
  virtual Status wait() = 0;

  /// What the vendor calls it: "NVIDIA H200".
  virtual std::string hardware() const = 0;
  virtual std::string describe() const = 0; ///< "cpu: AMD EPYC, 2 threads, oneDNN 2.6.3"
  virtual uint64_t allocatedBytes() const = 0;
  /// Bytes a second, read and written together, of a copy much larger than the caches: what a
  /// kernel that only moves memory can reach.
  virtual Result<double> measureCopy() = 0;
  virtual std::vector<OpProfile> profile() const = 0; ///< empty without DeviceOptions::profile

  const StepFile &file() const { return *stepFile; }

  /// Conveniences over slots. The slot must exist and have the type and size (an internal error
  /// otherwise).
  Status writeSlot(std::string_view name, std::span<const float> values);
  Status writeSlot(std::string_view name, std::span<const int32_t> values);
  Status readSlot(std::string_view name, std::span<float> values);

protected:
  explicit Device(const StepFile &file) : stepFile(&file) {}

private:
  const StepFile *stepFile;
};

} // namespace swamla
