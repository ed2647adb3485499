//===- TextVocabularyTest.cpp - reading tokenizer files -------------------===//
#include "runtime/base/File.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/train/Json.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace swamla {
namespace {

namespace fs = std::filesystem;

const std::string kFolder = SWAMLA_TINY_BPE;

std::string contentOf(const std::string &name) {
  auto bytes = readFile(kFolder + "/" + name, 1 << 20);
  EXPECT_TRUE(bytes.isOk());
  return {reinterpret_cast<const char *>(bytes->data()), bytes->size()};
}

/// The committed tokenizer.json, changed.
template <typename Change> Status loadChanged(Change change) {
  auto json = parseJson(contentOf("tokenizer.json"), "tokenizer.json");
  EXPECT_TRUE(json.isOk());
  change(*json);
  return Vocabulary::fromTokenizerJson(dumpJson(*json), "t.json").takeStatus();
}

void expectRefused(const Status &status, StatusCode code, const char *part) {
  EXPECT_EQ(status.code(), code) << status.message();
  EXPECT_TRUE(status.message().starts_with("t.json: ")) << status.message();
  EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
}

TEST(Vocabulary, BothFormatsSayTheSame) {
  auto hub = Vocabulary::load(kFolder + "/tokenizer.json");
  auto gpt2 = Vocabulary::load(kFolder + "/encoder.json");
  ASSERT_TRUE(hub.isOk() && gpt2.isOk());
  EXPECT_EQ(hub->size(), 457U);
  EXPECT_EQ(gpt2->size(), 457U);
  ASSERT_EQ(hub->merges().size(), gpt2->merges().size());
  for (size_t i = 0; i < hub->merges().size(); ++i)
    EXPECT_EQ(hub->bytes(hub->merges()[i].result), gpt2->bytes(gpt2->merges()[i].result));
  for (unsigned byte = 0; byte < 256; ++byte)
    EXPECT_EQ(hub->bytes(hub->ofByte(static_cast<uint8_t>(byte))),
              std::string(1, static_cast<char>(byte)));
}

TEST(Vocabulary, FindsTheFilesByNames) {
  fs::path folder = fs::temp_directory_path() / fmt::format("swamla-vocabulary-{}", ::getpid());
  fs::create_directories(folder);
  Status none = Vocabulary::load(folder.string()).takeStatus();
  EXPECT_EQ(none.code(), StatusCode::NotFound);
  EXPECT_NE(none.message().find("has no tokenizer; expected"), std::string::npos);
  fs::copy(kFolder + "/vocab.bpe", folder / "merges.txt");
  Status half = Vocabulary::load(folder.string()).takeStatus();
  EXPECT_NE(half.message().find("vocab.json"), std::string::npos) << half.message();
  fs::copy(kFolder + "/encoder.json", folder / "vocab.json");
  EXPECT_TRUE(Vocabulary::load(folder.string()).isOk());
  EXPECT_TRUE(Vocabulary::load((folder / "merges.txt").string()).isOk());
  fs::copy(kFolder + "/tokenizer.json", folder / "mine.json");
  EXPECT_TRUE(Vocabulary::load((folder / "mine.json").string()).isOk());
  fs::remove_all(folder);
}

TEST(Vocabulary, RefusesWhatWouldChangeTokensByName) {
  auto refuse = [](const char *pointer, Json value, const char *part) {
    Status status =
        loadChanged([&](Json &json) { json[Json::json_pointer(pointer)] = std::move(value); });
    expectRefused(status, StatusCode::InvalidArgument, part);
  };
  refuse("/normalizer", {{"type", "NFC"}}, "normalizer is '{\"type\":\"NFC\"}'; only null");
  refuse("/truncation", {{"max_length", 5}}, "truncation is");
  refuse("/pre_tokenizer/type", "Whitespace", "pre_tokenizer is");
  refuse("/pre_tokenizer", nullptr, "pre_tokenizer is missing");
  refuse("/pre_tokenizer/add_prefix_space", true, "pre_tokenizer.add_prefix_space is 'true'");
  refuse("/pre_tokenizer/use_regex", false, "pre_tokenizer.use_regex is 'false'");
  refuse("/post_processor", {{"type", "TemplateProcessing"}}, "post_processor is");
  refuse("/decoder", {{"type", "WordPiece"}}, "decoder is");
  refuse("/model/type", "WordPiece", "model.type is");
  refuse("/model/dropout", 0.1, "model.dropout is");
  refuse("/model/ignore_merges", true, "model.ignore_merges is");
  refuse("/model/end_of_word_suffix", "</w>", "model.end_of_word_suffix is");
  refuse("/model/continuing_subword_prefix", "##", "model.continuing_subword_prefix is");
  refuse("/added_tokens/0/special", false, "'<|endoftext|>' is not special");
  refuse("/model/vocab/he", 70000, "at most 65536 tokens");
}

TEST(Vocabulary, SaysWhatIsDamaged) {
  auto damaged = [](auto change, const char *part) {
    expectRefused(loadChanged(change), StatusCode::DataCorrupt, part);
  };
  damaged([](Json &json) { json.erase("model"); }, "model is missing; expected an object");
  damaged([](Json &json) { json["model"]["vocab"] = 1; }, "model.vocab is number");
  damaged([](Json &json) { json["model"]["merges"][3] = 7; }, "expected \"a b\"");
  damaged([](Json &json) { json["model"]["merges"][3] = "he"; }, "expected two tokens");
  damaged([](Json &json) { json["model"]["merges"][3] = {"he", "zz"}; },
          "merge 3 ('he' and 'zz'): 'zz' is not in the vocabulary");
  damaged([](Json &json) { json["model"]["vocab"]["he"] = 5; }, "have the same id, 5");
  damaged([](Json &json) { json["model"]["vocab"]["he"] = -5; }, "expected a whole number");
  damaged([](Json &json) { json["model"]["vocab"]["\u6771"] = 999; }, "U+6771");
  damaged([](Json &json) { json["model"]["vocab"][""] = 999; }, "token 999 is empty");
  damaged([](Json &json) { json["added_tokens"][0].erase("id"); }, "expected content, id");
  damaged([](Json &json) { json["added_tokens"][0]["id"] = 450; }, "same id, 450");
  damaged(
      [](Json &json) {
        json["model"]["merges"] = Json::array();
        json["model"]["vocab"].erase("A");
      },
      "byte 0x41 has no token");
  EXPECT_EQ(Vocabulary::fromTokenizerJson("[1]", "t").status().message(),
            "t: expected the object of a tokenizer.json");
}

TEST(Vocabulary, NamesTheLineOfABadMerge) {
  std::string ids = contentOf("encoder.json");
  auto load = [&](const char *merges) {
    return Vocabulary::fromGpt2Files(merges, "m.bpe", ids, "e.json").status().message();
  };
  EXPECT_EQ(load("#version: 0.2\r\nh e\r\n"), "");
  EXPECT_EQ(load("#version: 0.2\nh e\nhe\n"),
            "m.bpe:3: merge 1 ('he' and ''): expected two tokens");
  EXPECT_EQ(load("q q\n"), "m.bpe:1: merge 0 ('q' and 'q'): 'qq' is not in the vocabulary");
}

TEST(Tokenizer, NeedsTheEndOfText) {
  EXPECT_TRUE(Tokenizer::load(kFolder, "he").isOk());
  Status status = Tokenizer::load(kFolder, "</s>").takeStatus();
  EXPECT_EQ(status.code(), StatusCode::InvalidArgument);
  EXPECT_NE(status.message().find("has no '</s>'; name the token"), std::string::npos);
}

} // namespace
} // namespace swamla
