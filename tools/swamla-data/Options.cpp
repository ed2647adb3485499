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
  swamla-data fetch fineweb --shards 10 --val

Exit codes: 0 success; 1 it failed (disk, permissions, network, shards that are there already); 2 wrong options or bad
input; 130 interrupted. In all cases but the first tokenize makes no shard, and fetch keeps those that are complete.

Environment of fetch: SWAMLA_DATA is the folder of the sets ($XDG_CACHE_HOME/swamla/data, ~/.cache/swamla/data); HF_ENDPOINT
the hub (https://huggingface.co); HF_TOKEN is sent to it, and nowhere else.)";

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
    declareFetch();
    app.require_subcommand(1);
  }

  Options finish() {
    Options options;
    options.verbose = verbose;
    if (inspect->parsed()) {
      options.inspect = std::move(i);
      return options;
    }
    if (fetch->parsed()) {
      f.set = findDataSet(setName);
      if (f.shards == 0 && !f.val)
        throw CLI::ValidationError("--shards 0", "fetches nothing without --val");
      if (f.shards > f.set->trainShards)
        throw CLI::ValidationError(
            "--shards", fmt::format("{}; {} has {}", f.shards, f.set->name, f.set->trainShards));
      options.fetch = f;
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

  void declareFetch() {
    constexpr uint64_t kMostShards = 9999, kMostRetries = 1000, kMostSeconds = 3600;
    CLI::App &command =
        *(fetch = app.add_subcommand("fetch", "download ready-made shards of GPT-2 tokens"));
    command.add_option("set", setName, dataSetNames())
        ->type_name("SET")
        ->required()
        ->check(CLI::Validator(
            [](std::string &name) {
              return findDataSet(name)
                         ? std::string()
                         : fmt::format("{}; expected one of {}", name, dataSetNames());
            },
            ""));
    command.add_option("--shards", f.shards, "training shards, from the first on")
        ->type_name("N")
        ->check(whole(0, kMostShards))
        ->capture_default_str();
    command.add_flag("--val", f.val, "the validation shard too");
    command
        .add_option("--retries", f.retries,
                    "attempts in a row that may bring nothing, after the first")
        ->type_name("N")
        ->check(whole(0, kMostRetries))
        ->capture_default_str();
    command
        .add_option("--timeout", f.timeout,
                    "seconds until a connection that stands still is given up")
        ->type_name("S")
        ->check(whole(1, kMostSeconds))
        ->capture_default_str();
  }

  CLI::App &app;
  bool verbose = false;
  TokenizeFlags t;
  InspectFlags i;
  FetchFlags f;
  std::string separator, setName;
  CLI::App *tokenize = nullptr, *inspect = nullptr, *fetch = nullptr;
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
