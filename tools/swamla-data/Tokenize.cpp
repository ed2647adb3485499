//===- Tokenize.cpp - swamla-data tokenize --------------------------------===//

#include "runtime/base/Format.h"
#include "runtime/base/Log.h"
#include "runtime/base/Timer.h"
#include "tools/swamla-data/Commands.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <unistd.h>

namespace swamla::data {
namespace {

namespace fs = std::filesystem;

constexpr double kMega = 1e-6;

volatile std::sig_atomic_t interrupted = 0;
/// The next batch is the last; a second signal ends the program at once.
void onSignal(int signal) {
  interrupted = 1;
  std::signal(signal, SIG_DFL);
}

/// The files of the inputs: those of a folder, also below it, without hidden ones, by their names.
Result<std::vector<std::string>> listFiles(const std::vector<std::string> &inputs) {
  std::vector<std::string> files;
  for (const std::string &input : inputs) {
    std::error_code error;
    if (!fs::is_directory(input, error)) {
      files.push_back(input);
      continue;
    }
    size_t before = files.size();
    for (fs::recursive_directory_iterator it(input, error), end; !error && it != end;
         it.increment(error)) {
      if (it->path().filename().string().starts_with("."))
        it.disable_recursion_pending();
      else if (it->is_regular_file(error))
        files.push_back(it->path().string());
    }
    if (error)
      return failedPrecondition(
          fmt::format("cannot list folder {}: {}", swamla::quoted(input), error.message()));
    if (files.size() == before)
      return notFound(fmt::format("folder {} has no files", swamla::quoted(input)));
    std::sort(files.begin() + static_cast<ptrdiff_t>(before), files.end());
  }
  return files;
}

/// What can be said of the files before hours of work. Returns their bytes.
Result<uint64_t> checkFiles(const std::vector<std::string> &files, TextFormat format) {
  uint64_t bytes = 0;
  for (const std::string &file : files) {
    if (::access(file.c_str(), R_OK) != 0)
      return systemError(errno, "cannot read", file);
    Result<TextFormat> known = formatOf(file, format);
    if (!known.isOk())
      return std::move(known).takeStatus();
    std::error_code ignored;
    if (fs::is_regular_file(file, ignored))
      bytes += fs::file_size(file, ignored);
  }
  return bytes;
}

/// One line that is drawn over itself, on a terminal.
class ProgressLine {
public:
  explicit ProgressLine(uint64_t inputBytes)
      : inputBytes(inputBytes), shown(::isatty(STDERR_FILENO) != 0) {}
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine &) = delete;
  ProgressLine &operator=(const ProgressLine &) = delete;

  void draw(const TokenizeCounts &counts) {
    constexpr double kEvery = 0.2;
    if (!shown || sinceDraw.seconds() < kEvery)
      return;
    sinceDraw.restart();
    double done = static_cast<double>(counts.inputBytes), seconds = sinceStart.seconds();
    double left =
        done > 0 ? std::max(0.0, static_cast<double>(inputBytes) / done - 1) * seconds : 0;
    fmt::print(stderr, "\r\033[K{:.1f} of {:.1f} MB | {:.2f}M tokens | {:.1f} MB/s | {:.0f} s left",
               done * kMega, static_cast<double>(inputBytes) * kMega,
               static_cast<double>(counts.tokens + counts.valTokens) * kMega,
               static_cast<double>(counts.textBytes) * kMega / seconds, left);
    std::fflush(stderr);
    drawn = true;
  }

  void clear() {
    if (std::exchange(drawn, false))
      fmt::print(stderr, "\r\033[K");
  }

private:
  uint64_t inputBytes;
  bool shown, drawn = false;
  Timer sinceStart, sinceDraw;
};

void report(const TokenizeCounts &counts, const std::vector<ShardWriter::Shard> &shards,
            const TokenizeFlags &flags, double seconds) {
  for (const ShardWriter::Shard &shard : shards)
    fmt::print("{}: {} tokens\n", shard.path, withCommas(shard.tokens));
  uint64_t tokens = counts.tokens + counts.valTokens;
  auto textBytes = static_cast<double>(counts.textBytes);
  fmt::print(
      "{} documents ({} for validation), {:.1f} MB of text, {} tokens ({:.2f} bytes each), in "
      "{:.1f} s: {:.1f} MB/s on {} thread{}\n",
      withCommas(counts.documents), withCommas(counts.valDocuments), textBytes * kMega,
      withCommas(tokens), textBytes / static_cast<double>(tokens), seconds,
      textBytes * kMega / seconds, flags.text.threads, flags.text.threads == 1 ? "" : "s");
  if (counts.badDocuments > 0)
    logWarning("{} lines or rows were left out, for they had no text in {} (--skip-bad)",
               withCommas(counts.badDocuments), swamla::quoted(flags.text.field));
}

/// That there is something of what was asked for.
Status checkCounts(const TokenizeCounts &counts, const TokenizeOptions &options) {
  if (counts.documents == 0)
    return invalidArgument(fmt::format("there is no text in the input ({} files, {})",
                                       options.files.size(), formatBytes(counts.inputBytes)));
  bool wanted = options.valFraction > 0 || options.valDocuments > 0;
  if (wanted && counts.valDocuments == 0)
    return invalidArgument(fmt::format("--val-fraction {} of {} documents is none; give a larger "
                                       "one, --val-documents, or --separator to divide text into "
                                       "more documents",
                                       options.valFraction, counts.documents));
  if (counts.valDocuments == counts.documents)
    return invalidArgument(fmt::format("all {} documents are for validation, and none is for "
                                       "training; give a smaller --val-documents",
                                       counts.documents));
  return Status::ok();
}

} // namespace

std::string withCommas(uint64_t number) {
  std::string digits = fmt::format("{}", number);
  constexpr size_t kGroup = 3;
  for (size_t at = digits.size(); at > kGroup;) {
    at -= kGroup;
    digits.insert(at, ",");
  }
  return digits;
}

Status tokenize(const TokenizeFlags &flags) {
  SWAMLA_TRY(Tokenizer tokenizer, Tokenizer::load(flags.tokenizer.path, flags.tokenizer.endOfText));
  TokenizeOptions options = flags.text;
  SWAMLA_TRY(options.files, listFiles(flags.inputs));
  SWAMLA_TRY(uint64_t inputBytes, checkFiles(options.files, options.format));
  SWAMLA_TRY(auto shards, ShardWriter::create(flags.output, flags.shardTokens, flags.overwrite));
  std::signal(SIGINT, onSignal);
  std::signal(SIGTERM, onSignal);
  Timer timer;
  ProgressLine line(inputBytes);
  SWAMLA_TRY(TokenizeCounts counts,
             tokenizeFiles(tokenizer, options, *shards, [&](const TokenizeCounts &soFar) {
               line.draw(soFar);
               return interrupted == 0;
             }));
  SWAMLA_RETURN_IF_ERROR(checkCounts(counts, options));
  SWAMLA_TRY(std::vector<ShardWriter::Shard> made, shards->finish());
  line.clear();
  report(counts, made, flags, timer.seconds());
  return Status::ok();
}

} // namespace swamla::data
