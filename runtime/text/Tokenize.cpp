//===- Tokenize.cpp - files of text to token shards -----------------------===//

#include "runtime/text/Tokenize.h"

#include "runtime/base/Format.h"
#include "runtime/text/Documents.h"
#include "runtime/text/OrderedPipeline.h"

#include <cmath>

namespace swamla {
namespace {

/// A batch, encoded.
struct Encoded {
  std::vector<TokenId> tokens;
  std::vector<size_t> starts; ///< of documents, in `tokens`; what is before goes on with one
  uint64_t textBytes = 0, inputBytes = 0, badDocuments = 0;
};

/// Reads the files one after the other.
class FileSequence {
public:
  explicit FileSequence(const TokenizeOptions &options) : options(options) {}

  Result<bool> next(TextBatch &batch) {
    for (;;) {
      if (!reader) {
        if (file == options.files.size())
          return false;
        SWAMLA_TRY(reader, open(options.files[file++]));
      }
      SWAMLA_TRY(bool more, reader->next(batch));
      if (more)
        return true;
      reader.reset();
    }
  }

private:
  Result<std::unique_ptr<TextReader>> open(const std::string &path) const {
    SWAMLA_TRY(TextFormat format, formatOf(path, options.format));
    if (format == TextFormat::Parquet)
      return readParquet(path, {options.field, options.skipBad});
    SWAMLA_TRY(std::unique_ptr<ByteStream> stream, openByteStream(path));
    return format == TextFormat::JsonLines ? readLines(std::move(stream), path)
                                           : readText(std::move(stream), path, options.separator);
  }

  const TokenizeOptions &options;
  size_t file = 0;
  std::unique_ptr<TextReader> reader;
};

Result<Encoded> encodeBatch(const TextBatch &batch, const TokenizeOptions &options,
                            TokenId endOfText, TextEncoder &encoder) {
  Encoded made;
  made.inputBytes = batch.inputBytes;
  auto add = [&](std::string_view text, bool startsDocument) {
    if (text.empty())
      return;
    if (startsDocument) {
      made.starts.push_back(made.tokens.size());
      made.tokens.push_back(endOfText);
    }
    made.textBytes += text.size();
    encoder.encode(text, made.tokens);
  };
  for (const TextBatch::Part &part : batch.parts)
    add(std::string_view(batch.bytes).substr(part.begin, part.end - part.begin),
        part.startsDocument);
  made.badDocuments = batch.badDocuments;
  if (batch.isLines) {
    SWAMLA_TRY(made.badDocuments, decodeLines(batch, {options.field, options.skipBad},
                                              [&](std::string_view text) { add(text, true); }));
  }
  made.tokens.shrink_to_fit(); // the encoder made room for a token a byte
  return made;
}

/// Gives each document to its series.
class Distributor {
public:
  Distributor(const TokenizeOptions &options, ShardWriter &shards, TokenizeCounts &counts)
      : options(options), shards(shards), counts(counts) {}

  Status add(const Encoded &batch) {
    std::span<const TokenId> tokens = batch.tokens;
    size_t begin = 0;
    for (size_t start : batch.starts) {
      bool validation = isForValidation(counts.documents);
      ++counts.documents;
      counts.valDocuments += validation;
      if (validation == inValidation)
        continue;
      SWAMLA_RETURN_IF_ERROR(write(tokens.subspan(begin, start - begin)));
      begin = start;
      inValidation = validation;
    }
    counts.textBytes += batch.textBytes;
    counts.inputBytes += batch.inputBytes;
    counts.badDocuments += batch.badDocuments;
    return write(tokens.subspan(begin));
  }

private:
  /// A share f: document i is, where the whole part of i f grows.
  bool isForValidation(uint64_t document) const {
    auto before = static_cast<double>(document);
    return document < options.valDocuments || std::floor((before + 1) * options.valFraction) >
                                                  std::floor(before * options.valFraction);
  }

  Status write(std::span<const TokenId> tokens) {
    (inValidation ? counts.valTokens : counts.tokens) += tokens.size();
    return shards.append(
        inValidation ? ShardWriter::Series::Validation : ShardWriter::Series::Train, tokens);
  }

  const TokenizeOptions &options;
  ShardWriter &shards;
  TokenizeCounts &counts;
  bool inValidation = false;
};

} // namespace

Result<TextFormat> formatOf(const std::string &path, TextFormat asked) {
  if (asked != TextFormat::Auto)
    return asked;
  std::string_view name = withoutCompression(path);
  for (std::string_view suffix : {".jsonl", ".ndjson", ".json"})
    if (name.ends_with(suffix))
      return TextFormat::JsonLines;
  if (name.ends_with(".parquet"))
    return TextFormat::Parquet;
  if (name.ends_with(".bin"))
    return invalidArgument(fmt::format("{} is named as token shards are; expected text (say "
                                       "--format text if it is)",
                                       path));
  return TextFormat::Text;
}

Result<TokenizeCounts> tokenizeFiles(const Tokenizer &tokenizer, const TokenizeOptions &options,
                                     ShardWriter &shards,
                                     const std::function<bool(const TokenizeCounts &)> &progress) {
  TokenizeCounts counts;
  FileSequence files(options);
  Distributor distributor(options, shards, counts);
  using Pipeline = OrderedPipeline<TextBatch, Encoded>;
  auto makeWork = [&]() -> Pipeline::Work {
    return [&options, end = tokenizer.endOfText(),
            encoder = std::make_shared<TextEncoder>(tokenizer)](const TextBatch &batch) {
      return encodeBatch(batch, options, end, *encoder);
    };
  };
  auto sink = [&](const Encoded &batch) -> Status {
    SWAMLA_RETURN_IF_ERROR(distributor.add(batch));
    return progress(counts)
               ? Status::ok()
               : Status::error(StatusCode::Unavailable, "interrupted: nothing is kept");
  };
  SWAMLA_RETURN_IF_ERROR(Pipeline::run(
      options.threads, [&](TextBatch &batch) { return files.next(batch); }, makeWork, sink));
  return counts;
}

} // namespace swamla
