//===- Options.cpp - the command line of swamla-data ----------------------===//

#include "tools/swamla-data/Options.h"

#include "runtime/base/CpuInfo.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <limits>
#include <map>

namespace swamla::data {
namespace {

constexpr const char *kEpilog =
    R"(Examples:
  swamla-data tokenize book.txt --tokenizer gpt2/ -o shards/book --separator '\n\n' --val-fraction 0.05
  swamla-data tokenize crawl/*.jsonl.zst --tokenizer tokenizer.json -o shards/crawl --val-documents 1000
  swamla-data inspect shards/book_train_000001.bin --tokenizer gpt2/ --count 100

Exit codes: 0 success; 1 it failed (disk, permissions, shards that are there already); 2 wrong options or bad input;
130 interrupted. In all cases but the first no shard was made.)";

constexpr uint64_t kMaxShardTokens = std::numeric_limits<int32_t>::max();
constexpr uint64_t kMostThreads = 1024;

/// A check that a value is a whole number in a range.
CLI::Validator whole(uint64_t low, uint64_t high) {
  return {[=](std::string &text) {
            uint64_t value = 0;
            bool number = !text.starts_with("-") && CLI::detail::lexical_cast(text, value);
            return number && value >= low && value <= high
                       ? std::string()
                       : fmt::format("{}; expected a whole number from {} to {}", text, low, high);
          },
          ""};
}

CLI::Validator fraction() {
  return {[](std::string &text) {
            double value = -1;
            bool number = CLI::detail::lexical_cast(text, value);
            return number && value > 0 && value < 1
                       ? std::string()
                       : fmt::format("{}; expected a number above 0 and below 1", text);
          },
          ""};
}

/// \n, \t, \r, \0 and \\ as in C; others are an error.
std::string unescape(const std::string &text) {
  const std::map<char, char> escapes = {
      {'n', '\n'}, {'t', '\t'}, {'r', '\r'}, {'0', '\0'}, {'\\', '\\'}};
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      result.push_back(text[i]);
      continue;
    }
    auto escape = ++i < text.size() ? escapes.find(text[i]) : escapes.end();
    if (escape == escapes.end())
      throw CLI::ValidationError("--separator",
                                 fmt::format("{}; after \\ expected n, t, r, 0 or \\", text));
    result.push_back(escape->second);
  }
  return result;
}

class Declarer {
public:
  explicit Declarer(CLI::App &app) : app(app) {}

  void all() {
    app.add_flag("--verbose", verbose, "more messages, and where errors come from");
    declareTokenize();
    declareInspect();
    app.require_subcommand(1);
  }

  Options finish() {
    Options options;
    options.verbose = verbose;
    if (inspect->parsed()) {
      options.inspect = std::move(i);
      return options;
    }
    t.text.separator = unescape(separator);
    if (t.text.threads == 0)
      t.text.threads = readCpuInfo().usableCores;
    options.tokenize = std::move(t);
    return options;
  }

private:
  static CLI::Option *addTokenizer(CLI::App &command, TokenizerFlags &flags) {
    CLI::Option *path =
        command
            .add_option(
                "--tokenizer", flags.path,
                "GPT-2's vocab.bpe with encoder.json beside it, a tokenizer.json of Hugging "
                "Face, or a folder with either")
            ->type_name("PATH");
    command.add_option("--end-of-text", flags.endOfText, "the token in front of each document")
        ->type_name("TOKEN")
        ->needs(path)
        ->capture_default_str();
    return path;
  }

  void declareTokenize() {
    const std::map<std::string, TextFormat> formats = {{"auto", TextFormat::Auto},
                                                       {"text", TextFormat::Text},
                                                       {"jsonl", TextFormat::JsonLines},
                                                       {"parquet", TextFormat::Parquet}};
    CLI::App &command = *(tokenize = app.add_subcommand("tokenize", "turn text into token shards"));
    command.add_option("inputs", t.inputs, "files, and folders, searched for files")
        ->type_name("INPUT")
        ->required();
    addTokenizer(command, t.tokenizer)->required();
    command
        .add_option("-o,--output", t.output,
                    "shards are PREFIX_train_000001.bin ... and PREFIX_val_000000.bin ...")
        ->type_name("PREFIX")
        ->required();
    command.add_option("--format", t.text.format, "of the files; auto: by their names")
        ->transform(CLI::CheckedTransformer(formats).description(""))
        ->type_name("auto|text|jsonl|parquet")
        ->default_str("auto");
    command
        .add_option("--separator", separator,
                    "what separates the documents of a text file, with \\n for a new line; without "
                    "it a file is one document")
        ->type_name("TEXT");
    command.add_option("--field", t.text.field, "member or column with a document's text")
        ->type_name("NAME")
        ->capture_default_str();
    command.add_flag("--skip-bad", t.text.skipBad,
                     "leave out malformed lines and those without text, and count them");
    CLI::Option *share = command.add_option("--val-fraction", t.text.valFraction,
                                            "share of the documents for validation, evenly spread");
    share->type_name("F")->check(fraction());
    command
        .add_option("--val-documents", t.text.valDocuments,
                    "the first N documents are for validation")
        ->type_name("N")
        ->check(whole(1, std::numeric_limits<int64_t>::max()))
        ->excludes(share);
    command.add_option("--shard-tokens", t.shardTokens, "tokens in a shard")
        ->type_name("N")
        ->check(whole(1, kMaxShardTokens))
        ->capture_default_str();
    command.add_option("--threads", t.text.threads, "that encode (all cores)")
        ->type_name("N")
        ->check(whole(1, kMostThreads));
    command.add_flag("--overwrite", t.overwrite, "replace the shards that PREFIX has already");
    t.text.threads = 0;
  }

  void declareInspect() {
    CLI::App &command = *(inspect = app.add_subcommand("inspect", "print what token shards hold"));
    command.add_option("shards", i.shards, "token shards")->type_name("SHARD")->required();
    addTokenizer(command, i.tokenizer);
    command.add_option("--from", i.from, "first token to show (0)")
        ->type_name("N")
        ->check(whole(0, kMaxShardTokens));
    command.add_option("--count", i.count, "how many tokens to show (64)")
        ->type_name("N")
        ->check(whole(0, kMaxShardTokens));
  }

  CLI::App &app;
  bool verbose = false;
  TokenizeFlags t;
  InspectFlags i;
  std::string separator;
  CLI::App *tokenize = nullptr, *inspect = nullptr;
};

} // namespace

std::optional<Options> parseOptions(int argc, const char *const *argv, int &exitCode) {
  // CLI11 reports by exceptions; they end here.
  try {
    CLI::App app("swamla-data - prepares text for training", "swamla-data");
    app.footer(kEpilog);
    app.set_version_flag("--version", SWAMLA_VERSION);
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    Declarer declarer(app);
    declarer.all();
    try {
      app.parse(argc, argv);
      return declarer.finish();
    } catch (const CLI::Success &done) {
      exitCode = app.exit(done);
    } catch (const CLI::ParseError &error) {
      fmt::print(stderr, "error: {}\nRun swamla-data --help for the options.\n", error.what());
      exitCode = kBadInput;
    }
  } catch (const std::exception &error) {
    fmt::print(stderr, "error: {}\n", error.what());
    exitCode = kBadInput;
  }
  return std::nullopt;
}

} // namespace swamla::data
