//===- TokenSource.cpp - finding and checking the data files --------------===//

#include "runtime/base/Format.h"
#include "runtime/train/TokenData.h"

#include <algorithm>
#include <filesystem>
#include <glob.h>

namespace swamla {
namespace {

namespace fs = std::filesystem;

/// Files up to this many bytes in all are read whole at the start.
constexpr uint64_t kCheckBytes = uint64_t{256} << 20;
constexpr double kDefaultValFraction = 0.1;

std::string count(uint64_t n) {
  return n < 100'000         ? fmt::format("{}", n)
         : n < 1'000'000'000 ? fmt::format("{:.1f}M", static_cast<double>(n) * 1e-6)
                             : fmt::format("{:.2f}B", static_cast<double>(n) * 1e-9);
}

/// All regular files below `folder`, without hidden ones.
Result<std::vector<std::string>> listFolder(const std::string &folder) {
  std::vector<std::string> paths;
  std::error_code error;
  fs::recursive_directory_iterator it(folder, error), end;
  while (!error && it != end) {
    bool hidden = it->path().filename().string().starts_with(".");
    if (hidden)
      it.disable_recursion_pending();
    else if (it->is_regular_file(error) && !error)
      paths.push_back(it->path().string());
    it.increment(error);
  }
  if (error)
    return failedPrecondition(fmt::format("cannot list folder {}: {}", folder, error.message()));
  if (paths.empty())
    return notFound(fmt::format("folder {} has no files; expected token shards (*.bin) or text "
                                "files",
                                folder));
  return paths;
}

Result<std::vector<std::string>> expandPattern(const std::string &pattern) {
  glob_t matches{};
  int rc = ::glob(pattern.c_str(), GLOB_TILDE, nullptr, &matches);
  std::vector<std::string> paths;
  std::error_code ignored;
  for (size_t i = 0; rc == 0 && i < matches.gl_pathc; ++i)
    if (fs::is_regular_file(matches.gl_pathv[i], ignored))
      paths.emplace_back(matches.gl_pathv[i]);
  ::globfree(&matches);
  if (paths.empty())
    return notFound(fmt::format("no file matches --data {}", swamla::quoted(pattern)));
  return paths;
}

Result<std::vector<std::string>> findFiles(const std::string &spec) {
  std::error_code error;
  fs::file_status status = fs::status(spec, error);
  std::vector<std::string> paths;
  if (fs::is_directory(status)) {
    SWAMLA_TRY(paths, listFolder(spec));
  } else if (fs::exists(status)) {
    paths.push_back(spec);
  } else if (spec.find_first_of("*?[") != std::string::npos) {
    SWAMLA_TRY(paths, expandPattern(spec));
  } else {
    return notFound(
        fmt::format("--data {}: no such file or folder; expected a token shard (*.bin), "
                    "a text file, a folder or a pattern of either, or 'random'",
                    swamla::quoted(spec)));
  }
  std::ranges::sort(paths);
  return paths;
}

bool isValidationName(const std::string &path) {
  return fs::path(path).filename().string().find("val") != std::string::npos;
}

using Files = std::vector<std::shared_ptr<const TokenFile>>;

/// Opens and checks the files; all must be of one kind.
Result<Files> openFiles(const std::vector<std::string> &paths, uint32_t vocabSize) {
  Files files;
  uint64_t checked = 0;
  for (const std::string &path : paths) {
    std::error_code ignored;
    if (fs::file_size(path, ignored) == 0 && !path.ends_with(".bin"))
      continue; // an empty text has no tokens
    SWAMLA_TRY(TokenFile file, TokenFile::open(path));
    if (!files.empty() && files.front()->isShard() != file.isShard())
      return invalidArgument(fmt::format("{} is {} and {} is {}: expected one kind of data",
                                         files.front()->path(),
                                         files.front()->isShard() ? "a token shard" : "text", path,
                                         file.isShard() ? "a token shard" : "text"));
    if (checked + file.bytes() <= kCheckBytes) {
      SWAMLA_RETURN_IF_ERROR(file.check(vocabSize));
      checked += file.bytes();
    }
    files.push_back(std::make_shared<const TokenFile>(std::move(file)));
  }
  return files;
}

/// The two sets of streams that the files make.
struct Split {
  std::vector<TokenStream> train, validation;
};

Split splitShards(const Files &files) {
  Split split;
  for (const auto &file : files) {
    auto &streams = isValidationName(file->path()) ? split.validation : split.train;
    streams.push_back({{{file, 0, file->size()}}});
  }
  return split;
}

/// One stream through all texts, cut once.
Split splitText(const Files &files, double valFraction) {
  uint64_t total = 0;
  for (const auto &file : files)
    total += file->size();
  auto cut = total - static_cast<uint64_t>(static_cast<double>(total) * valFraction);
  TokenStream train, validation;
  uint64_t start = 0;
  for (const auto &file : files) {
    uint64_t inTrain = std::min(file->size(), cut - std::min(cut, start));
    if (inTrain > 0)
      train.pieces.push_back({file, 0, inTrain});
    if (inTrain < file->size())
      validation.pieces.push_back({file, inTrain, file->size()});
    start += file->size();
  }
  Split split;
  split.train.push_back(std::move(train));
  if (!validation.pieces.empty())
    split.validation.push_back(std::move(validation));
  return split;
}

uint64_t tokensOf(const std::vector<TokenStream> &streams) {
  uint64_t sum = 0;
  for (const TokenStream &stream : streams)
    sum += stream.size();
  return sum;
}

Result<TokenData> fromFiles(const std::string &spec, const Files &files,
                            const TokenDataOptions &options) {
  bool shards = files.front()->isShard();
  if (shards && options.valFraction)
    return invalidArgument(
        fmt::format("--val-fraction is for text; {} holds token shards, of which "
                    "those with \"val\" in their name are for validation",
                    spec));
  Split split = shards ? splitShards(files)
                       : splitText(files, options.valFraction.value_or(kDefaultValFraction));
  TokenData data;
  uint64_t trainTokens = tokensOf(split.train), valTokens = tokensOf(split.validation);
  data.description = fmt::format("{} {}{}, {} tokens for training, {} for validation", files.size(),
                                 shards ? "shard" : "text file", files.size() == 1 ? "" : "s",
                                 count(trainTokens), count(valTokens));
  auto train = std::make_unique<StreamSequences>(std::move(split.train), options.blockSize,
                                                 options.vocabSize);
  auto validation = std::make_unique<StreamSequences>(std::move(split.validation),
                                                      options.blockSize, options.vocabSize);
  if (train->sequences() == 0)
    return invalidArgument(fmt::format("{}: {} tokens for training; the model's sequences need {} "
                                       "(its block size, {}, and one more)",
                                       spec, trainTokens, uint64_t{options.blockSize} + 1,
                                       options.blockSize));
  if (validation->sequences() > 0)
    data.validation = std::move(validation);
  else if (shards && valTokens == 0)
    data.notes.push_back("no shard has \"val\" in its name: nothing to validate on");
  else
    data.notes.push_back(fmt::format("{} tokens for validation are too few for one sequence: "
                                     "nothing to validate on",
                                     valTokens));
  data.identity = fmt::format("{} T={} sequences={} tokens={}", shards ? "shards" : "text",
                              options.blockSize, train->sequences(), trainTokens);
  data.train = std::move(train);
  return data;
}

} // namespace

Result<TokenData> openTokenData(const std::string &spec, const TokenDataOptions &options) {
  if (spec == "random") {
    if (options.valFraction)
      return invalidArgument("--val-fraction is for text; random tokens have no validation part");
    TokenData data;
    data.train =
        std::make_unique<RandomSequences>(options.seed, options.blockSize, options.vocabSize);
    data.description = "random tokens";
    data.notes.push_back("random tokens: nothing to learn, and nothing to validate on");
    data.identity = fmt::format("random T={}", options.blockSize);
    return data;
  }
  SWAMLA_TRY(std::vector<std::string> paths, findFiles(spec));
  SWAMLA_TRY(Files files, openFiles(paths, options.vocabSize));
  if (files.empty())
    return notFound(fmt::format("--data {}: all files are empty", swamla::quoted(spec)));
  return fromFiles(spec, files, options);
}

} // namespace swamla
