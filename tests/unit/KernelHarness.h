//===- KernelHarness.h - compiles kernel ops and calls them ---------------===//
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace swamla::test {

/// Kernel ops in textual form, lowered, compiled, linked, and mapped from memory, as the runtime
/// would have them.
class Kernels {
public:
  /// `architecture` is as for --step-lower-kernels. A failure is one of the running test.
  explicit Kernels(const std::string &text, const std::string &architecture = "native");
  ~Kernels();
  Kernels(const Kernels &) = delete;
  Kernels &operator=(const Kernels &) = delete;

  /// Runs units [begin, end) of a kernel, on memory of the harness or on `ownScratch`.
  void run(const char *name, const std::vector<void *> &views, int64_t begin, int64_t end,
           void *ownScratch = nullptr) const;

  /// Bytes of scratch that the kernels ask for: the largest number.
  size_t scratchBytes() const { return scratch.size(); }

  /// What went wrong, if anything did: diagnostics of the compiler.
  const std::string &errors() const { return diagnostics; }
  /// The kernels in the LLVM dialect.
  const std::string &lowered() const { return loweredText; }
  /// Seconds that the lowering, and LLVM with lld, took.
  double lowerSeconds = 0, compileSeconds = 0;
  size_t codeBytes = 0;

private:
  void compile(const std::string &text, const std::string &architecture);
  void map(const std::vector<char> &object);

  std::string diagnostics, loweredText;
  int file = -1;
  void *library = nullptr;
  std::vector<std::byte> scratch;
};

/// The architectures that this machine runs, best last.
std::vector<std::string> runnableArchitectures();

/// A kernel `cast` of n elements of type `from` to type `to`, by arith.OP.
std::string castText(const char *from, const char *op, const char *to, size_t n);

/// Reproducible numbers in [low, high).
std::vector<float> randomFloats(size_t count, uint32_t seed, float low = -1, float high = 1);

} // namespace swamla::test
