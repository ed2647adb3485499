//===- TextShardsTest.cpp - documents to token shards ---------------------===//
#include "runtime/base/File.h"
#include "runtime/text/Documents.h"
#include "runtime/text/Tokenize.h"
#include "runtime/train/TokenFile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

namespace swamla {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

class TextShards : public testing::Test {
protected:
  void SetUp() override {
    folder = fs::temp_directory_path() / fmt::format("swamla-shards-{}", ::getpid());
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  std::string path(const std::string &name) const { return (folder / name).string(); }
  void put(const std::string &name, std::string_view text) const {
    ASSERT_TRUE(writeFileAtomically(path(name), text).isOk());
  }
  Strings files() const {
    Strings names;
    for (const auto &entry : fs::directory_iterator(folder))
      names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
  }

  fs::path folder;
};

std::string gzip(const std::string &text) {
  z_stream state = {};
  EXPECT_EQ(deflateInit2(&state, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(text.size() + 100, '\0');
  state.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(text.data()));
  state.avail_in = static_cast<uInt>(text.size());
  state.next_out = reinterpret_cast<Bytef *>(out.data());
  state.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&state, Z_FINISH), Z_STREAM_END);
  out.resize(state.total_out);
  deflateEnd(&state);
  return out;
}

std::string zstd(const std::string &text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

/// All of a stream, read in bites.
Result<std::string> readAll(ByteStream &stream, size_t bite) {
  std::string text;
  std::vector<char> buffer(bite);
  for (;;) {
    SWAMLA_TRY(size_t count, stream.read(buffer.data(), bite));
    if (count == 0)
      return text;
    text.append(buffer.data(), count);
  }
}

TEST(ByteStream, Decompresses) {
  std::string text;
  for (int i = 0; i < 100000; ++i)
    text += fmt::format("{} ", i * 7919);
  struct Case {
    std::string bytes;
    decltype(&gunzip) open;
  };
  for (const Case &c : {Case{gzip(text), gunzip}, Case{zstd(text), unzstd}}) {
    std::string twice = c.bytes + c.bytes; // several members or frames are one file
    for (size_t bite : {size_t{1000}, size_t{1} << 20}) {
      auto all = readAll(**c.open(memoryStream(twice), "x"), bite);
      ASSERT_TRUE(all.isOk()) << all.status().message();
      EXPECT_EQ(*all, text + text);
    }
    for (size_t cut : {size_t{1}, c.bytes.size() / 2, c.bytes.size() - 1, c.bytes.size() + 7}) {
      auto all = readAll(**c.open(memoryStream(std::string_view(twice).substr(0, cut)), "x"), 4096);
      EXPECT_EQ(all.status().code(), StatusCode::DataCorrupt);
      EXPECT_NE(all.status().message().find("cut off"), std::string::npos)
          << all.status().message();
    }
    std::string broken = c.bytes;
    broken[broken.size() / 2] ^= 0x55;
    EXPECT_FALSE(readAll(**c.open(memoryStream(broken), "x"), 4096).isOk());
    auto not_ = readAll(**c.open(memoryStream("plain text, not compressed"), "x"), 4096);
    EXPECT_NE(not_.status().message().find("damaged"), std::string::npos)
        << not_.status().message();
  }
}

/// The documents of a text, put together from their parts.
Strings documentsOf(const std::string &text, const std::string &separator, size_t batchBytes) {
  auto reader = readText(memoryStream(text), "x", separator, batchBytes);
  Strings documents;
  for (;;) {
    TextBatch batch;
    auto more = reader->next(batch);
    EXPECT_TRUE(more.isOk());
    if (!*more)
      return documents;
    for (const TextBatch::Part &part : batch.parts) {
      if (part.startsDocument)
        documents.emplace_back();
      documents.back() += batch.bytes.substr(part.begin, part.end - part.begin);
    }
  }
}

TEST(Documents, AreSeparatedWhereverBatchesEnd) {
  const std::string text = "one two three--four--\n--five  six----seven eight-nine - ten--";
  const Strings expected = {"one two three", "four", "\n", "five  six", "seven eight-nine - ten"};
  for (size_t batchBytes = 1; batchBytes < 80; ++batchBytes) {
    EXPECT_EQ(documentsOf(text, "--", batchBytes), expected) << batchBytes;
    EXPECT_EQ(documentsOf(text, "", batchBytes), Strings{text}) << batchBytes;
  }
  EXPECT_EQ(documentsOf("", "", 10), Strings{});
  EXPECT_EQ(documentsOf("----", "--", 10), Strings{});
}

Result<Strings> linesOf(const std::string &text, size_t batchBytes, bool skipBad = false,
                        uint64_t *bad = nullptr) {
  auto reader = readLines(memoryStream(text), "f.jsonl", batchBytes);
  Strings documents;
  for (;;) {
    TextBatch batch;
    SWAMLA_TRY(bool more, reader->next(batch));
    if (!more)
      return documents;
    SWAMLA_TRY(uint64_t skipped,
               decodeLines(batch, {"text", skipBad},
                           [&](std::string_view document) { documents.emplace_back(document); }));
    if (bad)
      *bad += skipped;
  }
}

TEST(JsonLines, AreReadWhereverBatchesEnd) {
  const std::string text = R"({"text":"one \u00e9\n","id":1})"
                           "\r\n\n  \n"
                           R"({"meta":{"text":"no","a":[{"text":1}]},"text":"two"})"
                           "\n"
                           R"({"text":""})"
                           "\n"
                           R"({"text":"three"})";
  for (size_t batchBytes = 1; batchBytes < 150; batchBytes += 7) {
    auto documents = linesOf(text, batchBytes);
    ASSERT_TRUE(documents.isOk()) << documents.status().message();
    EXPECT_EQ(*documents, (Strings{"one \u00e9\n", "two", "", "three"}));
  }
}

TEST(JsonLines, NameFileAndLineOfWhatIsWrong) {
  const char *good = "{\"text\":\"x\"}\n";
  const std::pair<const char *, const char *> cases[] = {
      {"{\"text\":\"x\"", "not valid JSON: parse error at line 1, column 12"},
      {"{\"text\":\"\xff\"}", "not valid JSON"},
      {"{\"text\":\"\\ud800\"}", "not valid JSON"},
      {"{\"text\":\"x\"} y", "not valid JSON"},
      {"[\"text\"]", "not an object"},
      {"\"text\"", "not an object"},
      {"[{\"text\":\"x\"}]", "not an object"},
      {"{}", "no member 'text'; the object has: nothing"},
      {"{\"id\":1,\"body\":\"x\"}", "no member 'text'; the object has: id, body"},
      {"{\"text\":null}", "member 'text' is of the type null"},
      {"{\"text\":{\"text\":\"x\"}}", "member 'text' is of the type object"},
      {"{\"text\":\"x\",\"text\":\"y\"}", "member 'text' occurs twice"},
  };
  for (const auto &[line, expected] : cases) {
    std::string text = std::string(good) + good + line + "\n" + good;
    for (size_t batchBytes : {1, 1000}) {
      auto documents = linesOf(text, batchBytes);
      ASSERT_FALSE(documents.isOk()) << line;
      EXPECT_EQ(documents.status().code(), StatusCode::DataCorrupt);
      std::string message = documents.status().message();
      EXPECT_TRUE(message.starts_with(std::string("f.jsonl:3: ") + expected)) << message;
      EXPECT_NE(message.find("expected an object with a string 'text'"), std::string::npos);
      uint64_t bad = 0;
      documents = linesOf(text, batchBytes, true, &bad);
      ASSERT_TRUE(documents.isOk());
      EXPECT_EQ(documents->size(), 3U);
      EXPECT_EQ(bad, 1U);
    }
  }
}

std::vector<TokenId> numbers(size_t count) {
  std::vector<TokenId> tokens(count);
  std::iota(tokens.begin(), tokens.end(), TokenId{0});
  return tokens;
}

TEST_F(TextShards, AreCutAndNumbered) {
  auto writer = ShardWriter::create(path("new/s"), 10, false);
  ASSERT_TRUE(writer.isOk());
  std::vector<TokenId> tokens = numbers(25);
  ASSERT_TRUE((*writer)->append(ShardWriter::Series::Train, std::span(tokens).first(7)).isOk());
  ASSERT_TRUE((*writer)->append(ShardWriter::Series::Validation, tokens).isOk());
  ASSERT_TRUE((*writer)->append(ShardWriter::Series::Train, std::span(tokens).subspan(7)).isOk());
  EXPECT_FALSE(fs::exists(path("new/s_train_000001.bin"))); // nothing yet
  auto shards = (*writer)->finish();
  ASSERT_TRUE(shards.isOk());
  ASSERT_EQ(shards->size(), 6U);
  for (size_t i = 0; i < 3; ++i) {
    const ShardWriter::Shard &shard = (*shards)[i];
    EXPECT_EQ(shard.path, path(fmt::format("new/s_train_{:06}.bin", i + 1)));
    auto file = TokenFile::open(shard.path);
    ASSERT_TRUE(file.isOk()) << file.status().message();
    ASSERT_EQ(file->size(), i == 2 ? 5U : 10U);
    std::vector<int32_t> read(file->size());
    ASSERT_TRUE(file->read(0, read, 65536).isOk());
    EXPECT_EQ(read.front(), static_cast<int32_t>(10 * i));
    EXPECT_EQ(read.back(), static_cast<int32_t>(10 * i + read.size() - 1));
  }
  EXPECT_EQ((*shards)[3].path, path("new/s_val_000000.bin"));
  EXPECT_EQ(fs::directory_iterator(path("new")) != fs::directory_iterator(), true);
}

TEST_F(TextShards, GivenUpLeaveNothing) {
  {
    auto writer = ShardWriter::create(path("s"), 10, false);
    ASSERT_TRUE((*writer)->append(ShardWriter::Series::Train, numbers(25)).isOk());
    EXPECT_EQ(files().size(), 3U); // aside
  }
  EXPECT_EQ(files(), Strings{});
}

TEST_F(TextShards, ReplaceOthersOnlyWhenTold) {
  for (const char *name : {"s_train_000001.bin", "s_train_000007.bin", "s_val_000000.bin",
                           ".s_train_000009.bin.tmp", "s_train_1.bin", "sx_train_000001.bin"})
    put(name, "old");
  auto refused = ShardWriter::create(path("s"), 10, false);
  EXPECT_EQ(refused.status().code(), StatusCode::FailedPrecondition);
  EXPECT_NE(
      refused.status().message().find("s_train_000001.bin is there already (3 shards in all)"),
      std::string::npos)
      << refused.status().message();
  auto writer = ShardWriter::create(path("s"), 10, true);
  ASSERT_TRUE(writer.isOk());
  ASSERT_TRUE((*writer)->append(ShardWriter::Series::Train, numbers(3)).isOk());
  EXPECT_TRUE(fs::exists(path("s_train_000007.bin"))); // until the new ones are complete
  ASSERT_TRUE((*writer)->finish().isOk());
  EXPECT_EQ(files(), (Strings{"s_train_000001.bin", "s_train_1.bin", "sx_train_000001.bin"}));
  EXPECT_EQ(fs::file_size(path("s_train_000001.bin")), kShardHeaderBytes + 6);
}

class TokenizeFiles : public TextShards {
protected:
  /// Tokenizes to a folder; returns the tokens of the two series, joined.
  std::pair<std::vector<int32_t>, std::vector<int32_t>>
  run(const TokenizeOptions &options, const std::string &name, TokenizeCounts &counts) {
    auto tokenizer = Tokenizer::load(SWAMLA_TINY_BPE "/vocab.bpe");
    auto writer = ShardWriter::create(path(name + "/s"), 1 << 20, false);
    auto made =
        tokenizeFiles(*tokenizer, options, **writer, [](const TokenizeCounts &) { return true; });
    EXPECT_TRUE(made.isOk()) << made.status().message();
    counts = *made;
    std::pair<std::vector<int32_t>, std::vector<int32_t>> all;
    auto shards = (*writer)->finish();
    for (const ShardWriter::Shard &shard : *shards) {
      auto file = TokenFile::open(shard.path);
      std::vector<int32_t> tokens(file->size());
      EXPECT_TRUE(file->read(0, tokens, 65536).isOk());
      auto &to = shard.path.find("_val_") == std::string::npos ? all.first : all.second;
      to.insert(to.end(), tokens.begin(), tokens.end());
    }
    return all;
  }
};

/// About 3 MB, so several batches: words of many lengths, and letters beyond ASCII.
std::string longText() {
  std::string text;
  for (size_t i = 0; text.size() < 3'000'000; ++i)
    text += fmt::format("{} the \u00e9{} king's\n", i * 7919 % 10007, i);
  return text;
}

TEST_F(TokenizeFiles, ThreadsAndBatchesChangeNothing) {
  std::string text = longText();
  put("a.txt", text);
  put("b.txt.gz", gzip("the king"));
  TokenizeOptions options;
  options.files = {path("a.txt"), path("b.txt.gz")};
  TokenizeCounts one, four;
  auto expected = run(options, "one", one);
  options.threads = 4;
  EXPECT_EQ(run(options, "four", four), expected);
  EXPECT_EQ(one.documents, 2U);
  EXPECT_EQ(one.textBytes, text.size() + 8);
  EXPECT_EQ(one.tokens, expected.first.size());
  // What the encoder makes of the whole document at once.
  auto tokenizer = Tokenizer::load(SWAMLA_TINY_BPE "/vocab.bpe");
  std::vector<TokenId> whole{tokenizer->endOfText()};
  TextEncoder(*tokenizer).encode(text, whole);
  ASSERT_GT(expected.first.size(), whole.size());
  EXPECT_TRUE(std::equal(whole.begin(), whole.end(), expected.first.begin()));
  EXPECT_EQ(expected.first[whole.size()], tokenizer->endOfText());
}

TEST_F(TokenizeFiles, GivesDocumentsToValidation) {
  put("a.txt", "a|b|c|d|e|f|g|h|i|j");
  TokenizeOptions options;
  options.files = {path("a.txt")};
  options.separator = "|";
  TokenizeCounts counts;
  auto tokenizer = Tokenizer::load(SWAMLA_TINY_BPE "/vocab.bpe");
  auto tokensOf = [&](const char *letters) {
    std::vector<int32_t> tokens;
    for (const char *c = letters; *c; ++c) {
      tokens.push_back(tokenizer->endOfText());
      tokens.push_back(tokenizer->vocabulary().ofByte(static_cast<uint8_t>(*c)));
    }
    return tokens;
  };
  options.valDocuments = 3;
  auto first = run(options, "first", counts);
  EXPECT_EQ(first.second, tokensOf("abc"));
  EXPECT_EQ(first.first, tokensOf("defghij"));
  EXPECT_EQ(counts.valDocuments, 3U);
  options.valDocuments = 0;
  options.valFraction = 0.2;
  auto spread = run(options, "spread", counts);
  EXPECT_EQ(spread.second, tokensOf("ej"));
  EXPECT_EQ(spread.first, tokensOf("abcdfghi"));
  EXPECT_EQ(counts.valTokens, 4U);
}

TEST_F(TokenizeFiles, ReportTheFirstFailure) {
  std::string lines;
  for (int i = 0; i < 200000; ++i)
    lines += i == 150000 || i == 190000 ? "bad\n" : "{\"text\":\"some words\"}\n";
  put("a.jsonl", lines);
  TokenizeOptions options;
  options.files = {path("a.jsonl")};
  auto tokenizer = Tokenizer::load(SWAMLA_TINY_BPE);
  for (unsigned threads : {1U, 3U}) {
    options.threads = threads;
    auto writer = ShardWriter::create(path("out/s"), 1 << 20, false);
    auto made =
        tokenizeFiles(*tokenizer, options, **writer, [](const TokenizeCounts &) { return true; });
    EXPECT_NE(made.status().message().find("a.jsonl:150001: not valid JSON"), std::string::npos)
        << made.status().message();
    auto given =
        tokenizeFiles(*tokenizer, options, **writer, [](const TokenizeCounts &) { return false; });
    EXPECT_EQ(given.status().code(), StatusCode::Unavailable);
  }
  EXPECT_EQ(fs::directory_iterator(path("out")), fs::directory_iterator());
}

TEST(FormatOf, GoesByTheName) {
  auto of = [](const char *name) { return *formatOf(name, TextFormat::Auto); };
  EXPECT_EQ(of("a/b.jsonl"), TextFormat::JsonLines);
  EXPECT_EQ(of("b.json.gz"), TextFormat::JsonLines);
  EXPECT_EQ(of("b.ndjson.zst"), TextFormat::JsonLines);
  EXPECT_EQ(of("b.parquet"), TextFormat::Parquet);
  EXPECT_EQ(of("b.txt.gz"), TextFormat::Text);
  EXPECT_EQ(of("README"), TextFormat::Text);
  EXPECT_EQ(*formatOf("b.bin", TextFormat::Text), TextFormat::Text);
  EXPECT_EQ(formatOf("b.bin", TextFormat::Auto).status().code(), StatusCode::InvalidArgument);
}

} // namespace
} // namespace swamla
