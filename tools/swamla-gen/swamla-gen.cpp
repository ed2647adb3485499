//===- swamla-gen.cpp - prints a model file -------------------------------===//
//   swamla-gen --size small                        a preset
//   swamla-gen --size small --n-layer 4 --bias     ... with any field of it overridden
//   swamla-gen --size small --describe             what it costs
//===----------------------------------------------------------------------===//
#include "Describe.h"
#include "compiler/Frontend/Flops.h"
#include "compiler/Frontend/ModelBuilder.h"
#include "compiler/Frontend/ParamTable.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/IR/Verifier.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/ToolOutputFile.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <functional>
#include <type_traits>

using namespace swamla;

/// n_layer as --n-layer.
static std::string flagOf(std::string field) {
  std::ranges::replace(field, '_', '-');
  return "--" + field;
}

namespace {
/// A flag for each field of a Config, to be laid over a preset.
class ConfigFlags {
public:
  explicit ConfigFlags(CLI::App &app) {
    visitConfigFields(parsed, [&](const char *name, auto &field, const char *help) {
      using Field = std::remove_reference_t<decltype(field)>;
      CLI::Option *option;
      if constexpr (std::is_same_v<Field, bool>)
        option = app.add_flag(flagOf(name) + ",!" + "--no-" + flagOf(name).substr(2), field, help);
      else
        option = app.add_option(flagOf(name), field, help);
      given.emplace_back(option->group("Fields"));
    });
  }

  /// `config` with the fields that were given on the command line.
  void apply(Config &config) {
    size_t index = 0;
    visitConfigFields(config, [&](const char *name, auto &field, const char *) {
      using Field = std::remove_reference_t<decltype(field)>;
      if (given[index++]->count() == 0)
        return;
      visitConfigFields(parsed, [&](const char *other, auto &value, const char *) {
        if constexpr (std::is_same_v<std::remove_reference_t<decltype(value)>, Field>)
          if (std::string_view(other) == name)
            field = value;
      });
    });
  }

  /// The flags that were given, as on a command line, in the order of the fields.
  std::string text() const {
    std::string text;
    size_t index = 0;
    visitConfigFields(parsed, [&](const char *name, const auto &value, const char *) {
      using Field = std::remove_cvref_t<decltype(value)>;
      if (given[index++]->count() == 0)
        return;
      if constexpr (std::is_same_v<Field, bool>)
        text += value ? " " + flagOf(name) : " --no-" + flagOf(name).substr(2);
      else if constexpr (std::is_same_v<Field, std::optional<double>>)
        text += fmt::format(" {} {}", flagOf(name), *value);
      else
        text += fmt::format(" {} {}", flagOf(name), value);
    });
    return text;
  }

private:
  Config parsed;
  std::vector<CLI::Option *> given;
};
} // namespace

static void printModel(const Config &config, const std::string &size, const std::string &flags,
                       mlir::ModuleOp module, llvm::raw_ostream &os) {
  os << fmt::format(
      "// A SWA-MLA language model: {} parameters, {} blocks, {:.3f} MFLOP a token forward.\n"
      "// Made by: swamla-gen --size {}{}\n"
      "// One line a block. `?` is the batch, which swamlac --batch sets.\n",
      formatCount(numElements(paramTable(config))), config.nLayer,
      forwardFlopsPerToken(config) / 1e6, size, flags);
  for (mlir::Operation &op : *module.getBody()) {
    op.print(os);
    os << '\n';
  }
}

static int fail(const std::string &message) {
  llvm::errs() << "swamla-gen: error: " << message << '\n';
  return 1;
}

/// Writes to `path`, which appears only if everything was written.
static int writeModel(const Config &config, const std::string &size, const std::string &flags,
                      const std::string &path) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module = buildModel(config, size, context);
  if (mlir::failed(mlir::verify(*module)))
    return fail("the model does not verify; this is a bug in swamla-gen");
  std::error_code error;
  llvm::ToolOutputFile file(path, error, llvm::sys::fs::OF_Text);
  if (error)
    return fail(path + ": cannot be written: " + error.message());
  printModel(config, size, flags, *module, file.os());
  file.os().flush();
  if (file.os().has_error()) {
    std::string message = file.os().error().message();
    file.os().clear_error();
    return fail(path + ": cannot be written: " + message);
  }
  file.keep();
  return 0;
}

// What CLI11 throws for bad arguments is caught by its macro; what is left is lack of memory.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char **argv) {
  CLI::App app("Prints a model file: a preset, or any field of it overridden.", "swamla-gen");
  std::string size, path = "-";
  bool onlyDescribe = false;
  app.add_option("--size", size, "preset")->required()->check(CLI::IsMember(presetNames()));
  app.add_option("-o,--output", path, "file to write, - for standard output");
  app.add_flag("--describe", onlyDescribe, "print sizes and costs instead of the model");
  ConfigFlags flags(app);
  CLI11_PARSE(app, argc, argv);

  Result<Config> config = preset(size);
  if (!config.isOk())
    return fail(config.status().message());
  flags.apply(*config);
  if (Status status = validate(*config); !status.isOk())
    return fail(status.message());
  if (!onlyDescribe)
    return writeModel(*config, size, flags.text(), path);
  llvm::outs() << describe(*config, size);
  return 0;
}
