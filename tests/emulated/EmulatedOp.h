//===- EmulatedOp.h - kernel ops, lowered for a GPU and emulated ----------===//
#pragma once

#include "compiler/Emulator/Emulator.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>
#include <string>
#include <vector>

namespace swamla::test {

/// Memory of a kernel op's view.
struct HostView {
  std::span<std::byte> bytes;
  /// Where it begins in its buffer, which is 256-byte aligned: what the generator may assume.
  unsigned offset = 0;

  template <typename T>
  HostView(std::vector<T> &values, unsigned offset = 0)
      : bytes(std::as_writable_bytes(std::span(values))), offset(offset) {}
  HostView(void *data, size_t size, unsigned offset = 0)
      : bytes(static_cast<std::byte *>(data), size), offset(offset) {}
};

/// One kernel op, called @kernel, lowered for sm_90a. It may become several functions.
class EmulatedOp {
public:
  /// `views` are only looked at for their sizes and offsets. `without`: the number of a
  /// synchronisation (a barrier, a wait, an arrival, a fence) that is left out, to see what
  /// happens.
  EmulatedOp(const std::string &text, const std::vector<HostView> &views, int without = -1);

  /// What went wrong, if anything did: diagnostics of the compiler or of the emulator's decoder.
  const std::string &errors() const { return diagnostics; }
  /// Barriers, waits, arrivals and fences in the functions.
  unsigned numSynchronizations() const { return synchronizations; }
  /// The one that was left out.
  const std::string &leftOut() const { return omitted; }
  /// Runs all functions of the op; a fault is a failure of the running test.
  void run(const std::vector<HostView> &views, const EmulationOptions &options = {}) const;
  /// The fault, or nothing.
  std::string tryRun(const std::vector<HostView> &views, const EmulationOptions &options) const;
  /// The functions in the LLVM dialect.
  std::string lowered() const;
  bool usesMatrixUnits() const { return lowered().find("wgmma.mma_async") != std::string::npos; }

private:
  struct Step {
    EmulatedKernel kernel;
    std::vector<size_t> views; ///< of the op
  };
  void lower(const std::string &text, const std::vector<HostView> &views);
  void leaveOut(int without);
  void decode();

  std::string diagnostics, omitted;
  unsigned synchronizations = 0;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<Step> steps;
};

/// Options for a run in order and for some adversarial ones.
std::vector<EmulationOptions> schedules(unsigned adversarial);

} // namespace swamla::test
