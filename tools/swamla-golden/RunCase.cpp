//===- RunCase.cpp - compile a case and train it --------------------------===//
#include "RunCase.h"

#include "TrainCase.h"

#include "compiler/Frontend/ModelBuilder.h"
#include "compiler/Pipelines/Compile.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"

namespace swamla {

namespace {
/// Collects the errors that the compiler reports while it lives.
class CompilerErrors {
public:
  explicit CompilerErrors(mlir::MLIRContext &context)
      : handler(&context, [this](mlir::Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error)
            text += (text.empty() ? "" : "; ") + diagnostic.str();
          return mlir::success();
        }) {}

  Status status() const {
    return invalidArgument(text.empty() ? "the compiler failed without a message" : text);
  }

private:
  std::string text;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace

Result<std::vector<char>> compileCase(const GoldenCase &golden, CompileOptions options,
                                      mlir::MLIRContext &context) {
  CompilerErrors errors(context);
  options.batch = golden.training.batch;
  mlir::OwningOpRef<mlir::ModuleOp> module = buildModel(golden.config, "golden", context);
  mlir::FailureOr<std::vector<char>> code = compileModule(*module, options);
  if (mlir::failed(code))
    return errors.status().withContext(golden.path);
  return std::move(*code);
}

Status checkOptions(const CompileOptions &options, mlir::MLIRContext &context) {
  CompilerErrors errors(context);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  CompileOptions resolved = options;
  return mlir::succeeded(resolveOptions(*module, Phase::Input, resolved)) ? Status::ok()
                                                                          : errors.status();
}

Result<GoldenOutcome> runCase(const GoldenCase &golden, const CompileOptions &options,
                              const DeviceOptions &deviceOptions, mlir::MLIRContext &context) {
  SWAMLA_TRY(std::vector<char> bytes, compileCase(golden, options, context));
  SWAMLA_TRY(
      StepFile file,
      StepFile::fromBytes(
          std::vector<std::byte>(reinterpret_cast<const std::byte *>(bytes.data()),
                                 reinterpret_cast<const std::byte *>(bytes.data()) + bytes.size()),
          golden.path + ", compiled"));
  return trainCase(golden, file, deviceOptions);
}

} // namespace swamla
