//===- CompileOptions.cpp - what may be asked of the compiler -------------===//
#include "compiler/Pipelines/CompileOptions.h"

#include "compiler/Pipelines/Phases.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace swamla {

namespace {
constexpr llvm::StringLiteral kOptionsAttr = "swamla.options";

/// One option whose value is a word: the words that are supported, and the phase that uses it. An
/// option whose words differ between targets has an entry for each, after that of the target.
struct WordOption {
  llvm::StringLiteral name;
  std::optional<std::string> CompileOptions::*member;
  llvm::StringLiteral fallback;
  llvm::StringLiteral supported; ///< separated by |
  llvm::StringLiteral later;     ///< what will be, if anything
  Phase usedBy;
  llvm::StringLiteral target = ""; ///< for which this is the entry; empty: for any
  bool fp8Only = false;            ///< means something only with --precision=fp8
  bool ranksOnly = false;          ///< means something only with two --ranks or more
};

constexpr WordOption kWordOptions[] = {
    {"checkpoint", &CompileOptions::checkpoint, "none", "none|qkv|mlp|attn|block", "",
     Phase::Remat},
    {"micro-steps", &CompileOptions::microSteps, "any", "any|one", "", Phase::Fuse},
    {"optimizer", &CompileOptions::optimizer, "adamw", "adamw|lion", "", Phase::Optimizer},
    {"optimizer-state", &CompileOptions::optimizerState, "fp32", "fp32|bf16|fp8|int8|int4", "",
     Phase::Optimizer},
    {"target", &CompileOptions::target, "cpu", "cpu|cuda", "", Phase::Group},
    {"precision", &CompileOptions::precision, "fp32", "fp32|bf16|fp8", "", Phase::Precision, "cpu"},
    {"precision", &CompileOptions::precision, "fp32", "fp32|tf32|bf16|fp8", "", Phase::Precision,
     "cuda"},
    {"fp8-recipe", &CompileOptions::fp8Recipe, "tensorwise", "tensorwise|delayed|rowwise", "",
     Phase::Quantize, "", /*fp8Only=*/true},
    {"fp8-gradients", &CompileOptions::fp8Gradients, "e4m3", "e4m3|e5m2", "", Phase::Quantize, "",
     /*fp8Only=*/true},
    {"fp8-forward", &CompileOptions::fp8Forward, "fp8", "fp8|bf16", "", Phase::Quantize, "",
     /*fp8Only=*/true},
    {"fp8-head", &CompileOptions::fp8Head, "false", "false|true", "", Phase::Quantize, "",
     /*fp8Only=*/true},
    {"parallel", &CompileOptions::parallel, "ddp", "ddp", "zero1|zero2", Phase::Distribute, "",
     /*fp8Only=*/false, /*ranksOnly=*/true},
    {"mcpu", &CompileOptions::mcpu, "native", "x86-64-v2|x86-64-v3|x86-64-v4|native", "",
     Phase::Lower, "cpu"},
    {"mcpu", &CompileOptions::mcpu, "sm_90a", "sm_90a", "", Phase::Lower, "cuda"}};

struct NumberOption {
  llvm::StringLiteral name;
  std::optional<int64_t> CompileOptions::*member;
  Phase usedBy;
  int64_t fallback = 0; ///< 0: left to the compiler
  /// Of runs with many ranks: stored only where it differs from the fallback.
  bool ranksOnly = false;
};

// `ranks` comes before what it decides about.
constexpr NumberOption kNumberOptions[] = {
    {"batch", &CompileOptions::batch, Phase::Expand},
    {"loss-rows", &CompileOptions::lossRows, Phase::Group},
    {"ranks", &CompileOptions::ranks, Phase::Distribute, 1, /*ranksOnly=*/true},
    {"bucket-mb", &CompileOptions::bucketMb, Phase::Distribute, 0, /*ranksOnly=*/true}};

bool isOneOf(StringRef value, StringRef words) {
  SmallVector<StringRef> list;
  words.split(list, '|');
  return llvm::is_contained(list, value);
}

/// A list of words for people: "adamw or lion".
std::string spellOut(StringRef words) {
  SmallVector<StringRef> list;
  words.split(list, '|');
  std::string text;
  for (auto [i, word] : llvm::enumerate(list))
    text += (i == 0 ? "" : i + 1 == list.size() ? " or " : ", ") + word.str();
  return text;
}

/// An error about an option: it has no place in the file.
InFlightDiagnostic reject(ModuleOp module) {
  return emitError(UnknownLoc::get(module.getContext()));
}

/// Reports an option that differs from what has been used already.
template <typename T>
LogicalResult checkInTime(ModuleOp module, Phase done, StringRef name, Phase usedBy, const T &asked,
                          const T &used) {
  if (asked == used || done < usedBy)
    return success();
  return reject(module) << "--" << name << "=" << asked << " comes too late: phase "
                        << phaseInfo(usedBy).name << " has already run with " << used
                        << "; start from the output of an earlier phase";
}

/// Reports a word that is not supported.
LogicalResult rejectWord(ModuleOp module, const WordOption &option, StringRef value) {
  InFlightDiagnostic error = reject(module) << "--" << option.name << "=" << value;
  auto isOfAnotherTarget = [&](const WordOption &other) {
    return other.name == option.name && isOneOf(value, other.supported);
  };
  if (isOneOf(value, option.later))
    error << " is not supported yet by this release; supported: " << spellOut(option.supported);
  else if (llvm::any_of(kWordOptions, isOfAnotherTarget))
    error << " is not for --target=" << option.target
          << "; supported there: " << spellOut(option.supported);
  else
    error << " is unknown; expected " << spellOut(option.supported);
  return error;
}

LogicalResult resolveWord(ModuleOp module, Phase done, const WordOption &option,
                          DictionaryAttr stored, CompileOptions &options) {
  std::optional<std::string> &value = options.*option.member;
  auto attribute = stored.getAs<StringAttr>(option.name);
  // What an earlier run has stored for another target, and nothing has used, means nothing here.
  if (attribute && done < option.usedBy && !isOneOf(attribute.getValue(), option.supported))
    attribute = nullptr;
  if (!value)
    value = attribute ? attribute.str() : option.fallback.str();
  if (!isOneOf(*value, option.supported))
    return rejectWord(module, option, *value);
  if (!attribute)
    return success();
  return checkInTime(module, done, option.name, option.usedBy, *value, attribute.str());
}

LogicalResult resolveNumber(ModuleOp module, Phase done, const NumberOption &option,
                            DictionaryAttr stored, CompileOptions &options) {
  std::optional<int64_t> &value = options.*option.member;
  auto attribute = stored.getAs<IntegerAttr>(option.name);
  if (value && *value < 1)
    return reject(module) << "--" << option.name << "=" << *value << ": expected at least 1";
  if (!value)
    value = attribute ? attribute.getInt() : option.fallback;
  if (!attribute && !option.ranksOnly)
    return success();
  return checkInTime(module, done, option.name, option.usedBy, *value,
                     attribute ? attribute.getInt() : option.fallback);
}

/// Whether an option of runs with many ranks has nothing to say in this one; fails if it was given
/// all the same.
template <typename T>
FailureOr<bool> isIdle(ModuleOp module, StringRef name, const CompileOptions &options,
                       const std::optional<T> &value) {
  if (name == "ranks" || options.ranks.value_or(1) > 1)
    return false;
  if (value)
    return reject(module) << "--" << name << "=" << *value << " is for many ranks; found --ranks=1";
  return true;
}

/// What does not go together in fp8.
LogicalResult checkFp8(ModuleOp module, const CompileOptions &options) {
  if (options.fp8Recipe == "rowwise" && options.fp8Gradients == "e5m2")
    return reject(module)
           << "--fp8-gradients=e5m2 is for --fp8-recipe=tensorwise and delayed: with "
              "rowwise each row's scale makes up for the range of e4m3";
  return success();
}
} // namespace

LogicalResult resolveOptions(ModuleOp module, Phase done, CompileOptions &options) {
  Builder builder(module.getContext());
  auto stored = module->getAttrOfType<DictionaryAttr>(kOptionsAttr);
  if (!stored)
    stored = builder.getDictionaryAttr({});
  SmallVector<NamedAttribute> resolved;
  for (const NumberOption &option : kNumberOptions) {
    const std::optional<int64_t> &value = options.*option.member;
    FailureOr<bool> idle =
        option.ranksOnly ? isIdle(module, option.name, options, value) : FailureOr<bool>(false);
    if (failed(idle))
      return failure();
    if (*idle)
      continue;
    if (failed(resolveNumber(module, done, option, stored, options)))
      return failure();
    if (!option.ranksOnly || *value != option.fallback)
      resolved.push_back(builder.getNamedAttr(option.name, builder.getI64IntegerAttr(*value)));
  }
  for (const WordOption &option : kWordOptions) {
    if (!option.target.empty() && option.target != *options.target)
      continue;
    if (option.fp8Only && options.precision != "fp8") {
      if (const auto &value = options.*option.member)
        return reject(module) << "--" << option.name << "=" << *value
                              << " is for --precision=fp8; found --precision="
                              << *options.precision;
      continue;
    }
    if (option.ranksOnly) {
      FailureOr<bool> idle = isIdle(module, option.name, options, options.*option.member);
      if (failed(idle))
        return failure();
      if (*idle)
        continue;
    }
    if (failed(resolveWord(module, done, option, stored, options)))
      return failure();
    resolved.push_back(builder.getNamedAttr(
        option.name, builder.getStringAttr((options.*option.member).value_or(""))));
  }
  module->setAttr(kOptionsAttr, builder.getDictionaryAttr(resolved));
  if (failed(checkFp8(module, options)))
    return failure();
  return success();
}

std::vector<std::string> optionsAsFlags(ModuleOp module) {
  std::vector<std::string> flags;
  auto stored = module->getAttrOfType<DictionaryAttr>(kOptionsAttr);
  if (!stored)
    return flags;
  for (NamedAttribute option : stored) {
    std::string flag = "--" + option.getName().str() + "=";
    if (auto number = dyn_cast<IntegerAttr>(option.getValue())) {
      if (number.getInt() != 0) // 0: left to the compiler
        flags.push_back(flag + std::to_string(number.getInt()));
    } else if (auto word = dyn_cast<StringAttr>(option.getValue())) {
      flags.push_back(flag + word.str());
    }
  }
  return flags;
}

} // namespace swamla
