//===- ExecProgram.h - generic functions, compiled and run ----------------===//
//
// A file of functions goes through the whole compiler beside a small model, and
// runs on the device as step.bin would. A function with the attribute
// `swamla.differentiate` becomes two programs:
//
//   @f.forward   arguments -> results
//   @f           arguments, cotangents of the float results
//                  -> results, cotangents of the float arguments
//
// Parameters that a function reads are arguments, too: their values lie in the
// parameter buffer, and their cotangents are added to the gradient buffer.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/device/Device.h"
#include "tests/exec/Reference.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace swamla::test {

/// How a file is compiled: apart from the precision, nothing here may change a bit of a result.
struct ExecVariant {
  std::string precision = "fp32";
  std::string checkpoint = "none";
  bool fuse = true; ///< merge row-wise ops
  unsigned threads = 1;
};

/// An argument of a function, or a parameter that it reads.
struct ExecInput {
  std::string name; ///< "arg0", or the parameter's
  mlir::RankedTensorType type;
  bool isParam = false;
  bool isFloat = true;
  /// Integers come from [0, below), from the argument attribute `swamla.below`; with
  /// `swamla.ignored` every fifth is -100.
  int64_t below = 0;
  bool ignored = false;
};

struct ExecFunction {
  std::string name;
  mlir::func::FuncOp reference; ///< as written
  std::vector<ExecInput> inputs;
  std::vector<mlir::RankedTensorType> results;

  /// Random values: normal, or integers in their range.
  HostTensors randomInputs(uint32_t seed) const;
  HostTensors evaluate(const HostTensors &inputs) const;
};

class ExecProgram {
public:
  /// Fails with the compiler's diagnostics, or the runtime's message.
  static Result<std::unique_ptr<ExecProgram>> compile(const std::string &path,
                                                      const ExecVariant &variant);

  const std::vector<ExecFunction> &functions() const { return table; }
  const ExecFunction &function(llvm::StringRef name) const;

  /// Runs @f.forward.
  Result<HostTensors> forward(const ExecFunction &function, const HostTensors &inputs);
  /// Runs @f. `cotangents` are those of the float results, in order; the answer has the results,
  /// then the cotangents of the float inputs in order.
  struct Gradient {
    HostTensors results, cotangents;
  };
  Result<Gradient> gradient(const ExecFunction &function, const HostTensors &inputs,
                            const HostTensors &cotangents);
  /// Entries of a program.
  size_t countOps(const std::string &program) const;

private:
  ExecProgram() = default;
  mlir::LogicalResult addFunctions(const std::string &path);
  Status load(const std::vector<char> &bytes, unsigned threads);
  Status writeInputs(const std::string &program, const ExecFunction &function,
                     const HostTensors &inputs);
  Status writeSlot(const std::string &slot, const HostTensor &tensor, bool isFloat);
  Result<HostTensor> readSlot(const std::string &slot, mlir::RankedTensorType type);
  /// Bytes of a parameter in the flat buffers.
  uint64_t paramOffset(const std::string &name) const;
  Status clearGradients();

  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> sources, module;
  std::vector<ExecFunction> table;
  std::optional<StepFile> file;
  std::unique_ptr<Device> device;
};

/// The program of a file of this folder, compiled once for each variant; null, with a failure of
/// the running test, if that is not possible.
ExecProgram *execProgram(const std::string &fileName, const ExecVariant &variant = {});

/// The files of this folder, and the functions of one, found without compiling.
std::vector<std::string> execFiles();
std::vector<std::string> execFunctions(const std::string &fileName);
std::string execPath(const std::string &fileName);

/// The tensors with every number rounded to bf16: what a bf16 program takes them for anyway.
HostTensors roundedToBf16(HostTensors tensors);

/// Random tensors of these types: normal(0, 1), rounded to f32.
HostTensors randomTensors(const std::vector<mlir::RankedTensorType> &types, uint32_t seed);

double dot(const HostTensors &a, const HostTensors &b);
double norm(const HostTensor &tensor);
/// ||a - b|| / ||b||.
double relativeError(const HostTensor &a, const HostTensor &b);

} // namespace swamla::test
