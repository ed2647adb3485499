//===- ExecSupport.cpp - inputs and comparisons of the exec tests ---------===//
#include "tests/exec/ExecProgram.h"

#include "runtime/base/Bf16.h"
#include "runtime/base/Philox.h"

#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>

using namespace mlir;

namespace swamla::test {

HostTensors ExecFunction::evaluate(const HostTensors &inputs) const {
  func::FuncOp definition = reference;
  unsigned numArguments = definition.getNumArguments();
  HostTensors arguments(inputs.begin(), inputs.begin() + numArguments);
  return test::evaluate(definition, arguments, [&](StringRef name) -> const HostTensor & {
    size_t i = 0;
    while (!this->inputs[i].isParam || this->inputs[i].name != name)
      ++i;
    return inputs[i];
  });
}

namespace {
HostTensor randomNormal(RankedTensorType type, const RandomStream &random) {
  HostTensor tensor(type);
  std::vector<float> values(tensor.values.size());
  random.fillNormal(values, 0.0, 1.0);
  llvm::copy(values, tensor.values.begin());
  return tensor;
}

HostTensor randomIntegers(const ExecInput &input, const RandomStream &random) {
  HostTensor tensor(input.type);
  for (size_t i = 0; i < tensor.values.size(); ++i)
    tensor.values[i] =
        input.ignored && i % 5 == 1
            ? -100.0
            : static_cast<double>(random.below(i, std::max<int64_t>(1, input.below)));
  return tensor;
}
} // namespace

HostTensors ExecFunction::randomInputs(uint32_t seed) const {
  HostTensors tensors;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    RandomStream random(seed, "input." + std::to_string(i));
    tensors.push_back(input.isFloat ? randomNormal(input.type, random)
                                    : randomIntegers(input, random));
  }
  return tensors;
}

HostTensors randomTensors(const std::vector<RankedTensorType> &types, uint32_t seed) {
  HostTensors tensors;
  for (auto [i, type] : llvm::enumerate(types))
    tensors.push_back(randomNormal(type, RandomStream(seed, "tensor." + std::to_string(i))));
  return tensors;
}

HostTensors roundedToBf16(HostTensors tensors) {
  for (HostTensor &tensor : tensors)
    for (double &value : tensor.values)
      value = toFloat(toBf16(static_cast<float>(value)));
  return tensors;
}

double dot(const HostTensors &a, const HostTensors &b) {
  double sum = 0;
  for (auto [x, y] : llvm::zip_equal(a, b))
    for (auto [u, v] : llvm::zip_equal(x.values, y.values))
      sum += u * v;
  return sum;
}

double norm(const HostTensor &tensor) { return std::sqrt(dot({tensor}, {tensor})); }

double relativeError(const HostTensor &a, const HostTensor &b) {
  HostTensor difference = a;
  for (auto [d, v] : llvm::zip_equal(difference.values, b.values))
    d -= v;
  return norm(difference) / norm(b);
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

std::string execPath(const std::string &fileName) {
  return (std::filesystem::path(SWAMLA_EXEC_FOLDER) / fileName).string();
}

std::vector<std::string> execFiles() {
  std::vector<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator(SWAMLA_EXEC_FOLDER))
    if (entry.path().extension() == ".mlir")
      names.push_back(entry.path().filename().string());
  llvm::sort(names);
  return names;
}

std::vector<std::string> execFunctions(const std::string &fileName) {
  std::vector<std::string> names;
  std::ifstream file(execPath(fileName));
  constexpr std::string_view keyword = "func.func @";
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(keyword))
      names.push_back(line.substr(keyword.size(), line.find('(') - keyword.size()));
  return names;
}

ExecProgram *execProgram(const std::string &fileName, const ExecVariant &variant) {
  static std::map<std::string, std::unique_ptr<ExecProgram>> programs;
  static std::once_flag registered; // the compiler asks MLIR's command line, which must exist
  std::call_once(registered, [] { mlir::registerPassManagerCLOptions(); });
  std::string key = fmt::format("{} {} {} {} {}", fileName, variant.precision, variant.checkpoint,
                                variant.fuse, variant.threads);
  auto [entry, isNew] = programs.try_emplace(key);
  if (isNew) {
    Result<std::unique_ptr<ExecProgram>> program =
        ExecProgram::compile(execPath(fileName), variant);
    if (program.isOk())
      entry->second = *std::move(program);
    else
      ADD_FAILURE() << fileName << " does not compile: " << program.status().message();
  }
  if (!entry->second)
    ADD_FAILURE() << fileName << " has not been compiled";
  return entry->second.get();
}

} // namespace swamla::test
