//===- GoldenCase.cpp - what the reference computed -----------------------===//
#include "GoldenCase.h"

#include "compiler/Frontend/ParamTable.h"
#include "runtime/base/Format.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

namespace swamla {

namespace {
constexpr int32_t kIgnoredTarget = -100;
constexpr int64_t kMaxCount = INT32_MAX; ///< of steps and batches: far beyond any file

//===----------------------------------------------------------------------===//
// Hyper-parameters
//===----------------------------------------------------------------------===//

/// Reads the fields of a JSON object, each of which must be there, and nothing else.
class FieldReader {
public:
  FieldReader(const Json &object, std::string where) : object(object), where(std::move(where)) {}

  void read(const char *name, int64_t &to, int64_t least) {
    const Json *value = find(name);
    if (!value)
      return;
    bool fits = value->is_number_integer() && *value >= least && *value <= kMaxCount;
    if (!fits)
      return fail(name, fmt::format("an integer from {} to {}", least, kMaxCount), *value);
    to = value->get<int64_t>();
  }

  /// A number in [least, below).
  void read(const char *name, double &to, double least, double below = HUGE_VAL) {
    const Json *value = find(name);
    if (!value)
      return;
    double number = value->is_number() ? value->get<double>() : std::nan("");
    if (!(number >= least && number < below))
      return fail(name,
                  std::isfinite(below) ? fmt::format("a number in [{}, {})", least, below)
                                       : fmt::format("a finite number of at least {}", least),
                  *value);
    to = number;
  }

  Status finish() {
    for (const auto &[name, value] : object.items())
      if (status.isOk() && !known.contains(name))
        status = dataCorrupt(fmt::format("{}: field {} is unknown", where, swamla::quoted(name)));
    return std::move(status);
  }

private:
  const Json *find(const char *name) {
    known.insert(name);
    const Json *value = findMember(object, name);
    if (!value && status.isOk())
      status = dataCorrupt(fmt::format("{}: field '{}' is missing", where, name));
    return value;
  }
  void fail(const char *name, const std::string &expected, const Json &found) {
    if (status.isOk())
      status = dataCorrupt(fmt::format("{}: field '{}': expected {}, found {}", where, name,
                                       expected, dumpJson(found)));
  }

  const Json &object;
  std::string where;
  std::set<std::string, std::less<>> known;
  Status status;
};

/// A JSON object in the file's __metadata__; `text` is left with how it was written.
Result<Json> metadataObject(const SafetensorsFile &file, const char *key, std::string &text) {
  auto entry = file.metadata().find(key);
  if (entry == file.metadata().end())
    return dataCorrupt(
        fmt::format("{}: __metadata__ has no '{}'; not a golden case", file.path(), key));
  text = entry->second;
  std::string where = fmt::format("{}: __metadata__ '{}'", file.path(), key);
  SWAMLA_TRY(Json object, parseJson(text, where));
  if (!object.is_object())
    return dataCorrupt(
        fmt::format("{}: expected a JSON object, found {}", where, object.type_name()));
  return object;
}

Result<GoldenTraining> readTraining(const SafetensorsFile &file) {
  std::string text;
  SWAMLA_TRY(Json object, metadataObject(file, "train", text));
  FieldReader fields(object, fmt::format("{}: __metadata__ 'train'", file.path()));
  GoldenTraining training;
  fields.read("batch", training.batch, 1);
  fields.read("steps", training.steps, 1);
  fields.read("lr", training.schedule.lr, 0.0);
  fields.read("min_lr", training.schedule.minLr, 0.0);
  fields.read("warmup", training.schedule.warmup, 0);
  fields.read("max_steps", training.schedule.maxSteps, 0);
  fields.read("weight_decay", training.weightDecay, 0.0);
  fields.read("beta1", training.beta1, 0.0, 1.0);
  fields.read("beta2", training.beta2, 0.0, 1.0);
  fields.read("eps", training.eps, 0.0);
  fields.read("grad_clip", training.gradClip, 0.0);
  SWAMLA_RETURN_IF_ERROR(fields.finish());
  if (training.gradClip == 0.0)
    return dataCorrupt(fmt::format("{}: __metadata__ 'train': field 'grad_clip': expected a number "
                                   "above 0, found 0",
                                   file.path()));
  return training;
}

Result<Config> readConfig(const SafetensorsFile &file) {
  std::string text;
  SWAMLA_TRY(Json object, metadataObject(file, "config", text));
  Result<Config> config = configFromJson(text);
  if (!config.isOk())
    return std::move(config).takeStatus().withContext(
        fmt::format("{}: __metadata__ 'config'", file.path()));
  if (config->dropout != 0.0)
    return failedPrecondition(
        fmt::format("{}: __metadata__ 'config': dropout is {}; expected 0, since no two programs "
                    "draw the same masks",
                    file.path(), config->dropout));
  return config;
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

/// Reads tensors by name, checking shapes, and remembers which.
class TensorReader {
public:
  explicit TensorReader(const SafetensorsFile &file) : file(file) {}

  Result<std::vector<float>> floats(const std::string &name, const std::vector<uint64_t> &shape) {
    SWAMLA_TRY(const TensorInfo *info, find(name, shape));
    std::vector<float> values(info->elements);
    SWAMLA_RETURN_IF_ERROR(file.read(*info, values));
    SWAMLA_RETURN_IF_ERROR(checkFinite(name, values));
    return values;
  }

  Result<std::vector<double>> doubles(const std::string &name, const std::vector<uint64_t> &shape) {
    SWAMLA_TRY(const TensorInfo *info, find(name, shape));
    std::vector<double> values(info->elements);
    if (info->type == TensorType::F64) {
      std::span<const std::byte> data = file.data(*info);
      std::memcpy(values.data(), data.data(), data.size());
    } else {
      std::vector<float> narrow(info->elements);
      SWAMLA_RETURN_IF_ERROR(file.read(*info, narrow));
      std::ranges::copy(narrow, values.begin());
    }
    SWAMLA_RETURN_IF_ERROR(checkFinite(name, values));
    return values;
  }

  /// Every value in [0, vocab), or `ignored`.
  Result<std::vector<int32_t>> tokens(const std::string &name, const std::vector<uint64_t> &shape,
                                      int64_t vocab, int32_t ignored) {
    SWAMLA_TRY(const TensorInfo *info, find(name, shape));
    std::vector<int32_t> values(info->elements);
    SWAMLA_RETURN_IF_ERROR(file.read(*info, values));
    for (size_t i = 0; i < values.size(); ++i)
      if ((values[i] < 0 || values[i] >= vocab) && values[i] != ignored)
        return dataCorrupt(
            fmt::format("{}: tensor '{}': element {} is {}, which is no token of a vocabulary "
                        "of {}",
                        file.path(), name, i, values[i], vocab));
    return values;
  }

  Status checkNothingLeft() const {
    for (const TensorInfo &info : file.tensors())
      if (!seen.contains(info.name))
        return dataCorrupt(fmt::format("{}: tensor {} is not part of a case with this config",
                                       file.path(), swamla::quoted(info.name)));
    return Status::ok();
  }

private:
  Result<const TensorInfo *> find(const std::string &name, const std::vector<uint64_t> &shape) {
    const TensorInfo *info = file.find(name);
    if (!info)
      return dataCorrupt(fmt::format("{}: tensor '{}' of shape {} is missing", file.path(), name,
                                     shapeToString(shape)));
    if (!sameShape(info->shape, shape))
      return dataCorrupt(fmt::format("{}: tensor '{}' has shape {}; expected {}, as the config "
                                     "and 'train' say",
                                     file.path(), name, shapeToString(info->shape),
                                     shapeToString(shape)));
    seen.insert(name);
    return info;
  }

  template <typename T>
  Status checkFinite(const std::string &name, const std::vector<T> &values) const {
    auto bad = std::ranges::find_if(values, [](T value) { return !std::isfinite(value); });
    if (bad == values.end())
      return Status::ok();
    return dataCorrupt(
        fmt::format("{}: tensor '{}': element {} is {}; expected finite numbers, which alone can "
                    "be compared with",
                    file.path(), name, bad - values.begin(), *bad));
  }

  const SafetensorsFile &file;
  std::set<std::string, std::less<>> seen;
};

/// A layer has more than one parameter: a file with fewer tensors than layers cannot hold them, and
/// no table of them need be made to see that.
Status checkLayerCount(const SafetensorsFile &file, const Config &config) {
  if (static_cast<uint64_t>(config.nLayer) <= file.tensors().size())
    return Status::ok();
  return dataCorrupt(fmt::format("{}: __metadata__ 'config': n_layer is {}, but the file has only "
                                 "{} tensors",
                                 file.path(), config.nLayer, file.tensors().size()));
}
} // namespace

Result<GoldenCase> readGoldenCase(const SafetensorsFile &file) {
  GoldenCase golden;
  golden.path = file.path();
  SWAMLA_TRY(golden.config, readConfig(file));
  SWAMLA_TRY(golden.training, readTraining(file));
  SWAMLA_RETURN_IF_ERROR(checkLayerCount(file, golden.config));

  TensorReader tensors(file);
  auto steps = static_cast<uint64_t>(golden.training.steps);
  std::vector<uint64_t> tokenShape = {steps, static_cast<uint64_t>(golden.training.batch),
                                      static_cast<uint64_t>(golden.config.blockSize)};
  int64_t vocab = golden.config.vocabSize;
  SWAMLA_TRY(golden.tokens, tensors.tokens("tokens", tokenShape, vocab, /*ignored=*/0));
  SWAMLA_TRY(golden.targets, tensors.tokens("targets", tokenShape, vocab, kIgnoredTarget));
  SWAMLA_TRY(golden.loss, tensors.doubles("loss", {steps}));
  SWAMLA_TRY(golden.gradNorm, tensors.doubles("grad_norm", {steps}));
  for (const ParamSpec &spec : paramTable(golden.config)) {
    GoldenParam param;
    param.name = spec.name;
    param.shape.assign(spec.shape.begin(), spec.shape.end());
    SWAMLA_TRY(param.init, tensors.floats("init/" + spec.name, param.shape));
    SWAMLA_TRY(param.grad, tensors.floats("grad/" + spec.name, param.shape));
    SWAMLA_TRY(param.final, tensors.floats("final/" + spec.name, param.shape));
    golden.params.push_back(std::move(param));
  }
  SWAMLA_RETURN_IF_ERROR(tensors.checkNothingLeft());
  return golden;
}

Result<GoldenCase> loadGoldenCase(const std::string &path) {
  SWAMLA_TRY(SafetensorsFile file, SafetensorsFile::open(path));
  return readGoldenCase(file);
}

} // namespace swamla
