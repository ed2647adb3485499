//===- TextTokenizerTest.cpp - text to tokens and back --------------------===//
#include "runtime/base/File.h"
#include "runtime/base/Philox.h"
#include "runtime/base/Timer.h"
#include "runtime/text/CharClass.h"
#include "runtime/text/Pieces.h"
#include "runtime/text/TextDecoder.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/text/Utf8.h"
#include "runtime/train/Json.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace swamla {
namespace {

const std::string kFolder = SWAMLA_TINY_BPE;

std::string replaced(std::string_view text) {
  std::string out;
  appendReplacingInvalid(out, text);
  return out;
}

std::vector<std::string> piecesOf(std::string_view text) {
  std::vector<std::string> pieces;
  while (!text.empty()) {
    size_t bytes = firstPiece(text);
    pieces.emplace_back(text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
  return pieces;
}
using Strings = std::vector<std::string>;

Tokenizer load(const std::string &path) {
  auto made = Tokenizer::load(path);
  EXPECT_TRUE(made.isOk()) << made.status().message();
  return *std::move(made);
}

std::vector<TokenId> encode(const Tokenizer &tokenizer, std::string_view text) {
  std::vector<TokenId> tokens;
  TextEncoder(tokenizer).encode(text, tokens);
  return tokens;
}

std::string decode(const Tokenizer &tokenizer, const std::vector<TokenId> &tokens) {
  TextDecoder decoder(tokenizer.vocabulary());
  std::string text;
  for (TokenId token : tokens)
    EXPECT_TRUE(decoder.decode(token, text).isOk());
  decoder.finish(text);
  return text;
}

// What Python's bytes.decode(errors="replace") gives.
TEST(Utf8, ReplacesAsPythonDoes) {
  const std::string r = "\uFFFD";
  EXPECT_EQ(replaced("plain \u00e9\u6771\U0001F642"), "plain \u00e9\u6771\U0001F642");
  EXPECT_EQ(replaced("a\xFF\x80z"), "a" + r + r + "z");
  EXPECT_EQ(replaced("\xE6\x9D"), r);        // cut off
  EXPECT_EQ(replaced("\xE6\x9Dx"), r + "x"); // broken off
  EXPECT_EQ(replaced("\xF0\x9F\x99\xF0\x9F\x99\x82"), r + "\U0001F642");
  EXPECT_EQ(replaced("\xED\xA0\x80"), r + r + r);                 // a surrogate
  EXPECT_EQ(replaced("\xC0\xAF\xE0\x80\xAF"), r + r + r + r + r); // overlong
  EXPECT_EQ(replaced("\xF4\x90\x80\x80"), r + r + r + r);         // above U+10FFFF
}

TEST(Utf8, FindsTheFirstInvalidByte) {
  for (size_t at = 0; at < 40; ++at) {
    std::string text(40, 'x');
    EXPECT_EQ(validUtf8Prefix(text), 40U);
    text[at] = '\x80';
    EXPECT_EQ(validUtf8Prefix(text), at);
  }
}

TEST(CharClasses, AreThoseOfUnicode16) {
  const CharClasses &classes = CharClasses::get();
  size_t count[4] = {};
  for (uint32_t code = 0; code < 0x110000; ++code)
    ++count[static_cast<size_t>(classes[code])];
  // DerivedGeneralCategory.txt 16.0: L 141028, N 1911; PropList.txt: White_Space 25.
  EXPECT_EQ(count[static_cast<size_t>(CharClass::Letter)], 141028U);
  EXPECT_EQ(count[static_cast<size_t>(CharClass::Number)], 1911U);
  EXPECT_EQ(count[static_cast<size_t>(CharClass::Space)], 25U);
  EXPECT_EQ(classes[0x1C8A], CharClass::Letter); // new in 16.0
  EXPECT_EQ(classes[0x088F], CharClass::Other);  // new in 17.0
  EXPECT_EQ(classes[0x85], CharClass::Space);
  EXPECT_EQ(classes[0x200B], CharClass::Other); // a zero width space is none
}

TEST(Pieces, FollowTheDocumentedPattern) {
  EXPECT_EQ(piecesOf("Hello, world's 42!"), (Strings{"Hello", ",", " world", "'s", " 42", "!"}));
  EXPECT_EQ(piecesOf("I'll've 'll 'S 'x ''s"),
            (Strings{"I", "'ll", "'ve", " '", "ll", " '", "S", " '", "x", " ''", "s"}));
  EXPECT_EQ(piecesOf("'re'd're"), (Strings{"'re", "'d", "'re"}));
  EXPECT_EQ(piecesOf("'"), (Strings{"'"}));
  EXPECT_EQ(piecesOf("a  b"), (Strings{"a", " ", " b"}));
  EXPECT_EQ(piecesOf("a \n b"), (Strings{"a", " \n", " b"}));
  EXPECT_EQ(piecesOf("a\nb"), (Strings{"a", "\n", "b"}));
  EXPECT_EQ(piecesOf("a\n\nb"), (Strings{"a", "\n", "\n", "b"}));
  EXPECT_EQ(piecesOf("a \t\n"), (Strings{"a", " \t\n"}));
  EXPECT_EQ(piecesOf(" "), (Strings{" "}));
  EXPECT_EQ(piecesOf("x1\u00b2\u0664"), (Strings{"x", "1\u00b2\u0664"})); // N is more than digits
  EXPECT_EQ(piecesOf("e\u0301"), (Strings{"e", "\u0301"}));               // a mark is no letter
  EXPECT_EQ(piecesOf("\u3000\u3000\u6771"), (Strings{"\u3000", "\u3000", "\u6771"}));
  EXPECT_EQ(piecesOf("\u00a0x"), (Strings{"\u00a0", "x"})); // only U+0020 joins what follows
}

TEST(Pieces, CanBeCutAtSafePlacesOnly) {
  EXPECT_EQ(findSafeCut("ab cd", 0), 2U);
  EXPECT_EQ(findSafeCut("ab  cd", 3), std::string_view::npos); // within white space
  EXPECT_EQ(findSafeCut("\u3000 x", 0), std::string_view::npos);
  EXPECT_EQ(findSafeCut("\u3002 x", 0), 3U);
  EXPECT_EQ(findLastSafeCut("ab cd ef", 7), 5U);
  EXPECT_EQ(findLastSafeCut("ab cd ef", 4), 2U);
  EXPECT_EQ(findLastSafeCut("abc", 2), std::string_view::npos);
  EXPECT_EQ(findLastSafeCut("", 0), std::string_view::npos);
}

// tests/data/make_tiny_bpe.py asked tiktoken and Hugging Face's library.
TEST(Tokenizer, EqualsTheReferencesOnKnownTexts) {
  auto text = readFile(kFolder + "/pairs.json", 1 << 20);
  ASSERT_TRUE(text.isOk());
  auto pairs = parseJson({reinterpret_cast<const char *>(text->data()), text->size()}, "pairs");
  ASSERT_TRUE(pairs.isOk()) << pairs.status().message();
  ASSERT_GE(pairs->size(), 15U);
  for (const char *file : {"tokenizer.json", "vocab.bpe"}) {
    Tokenizer tokenizer = load(kFolder + "/" + file);
    TextEncoder encoder(tokenizer);
    for (const Json &pair : *pairs) {
      auto given = pair["text"].get<std::string>();
      auto expected = pair[file].get<std::vector<TokenId>>();
      for (int time = 0; time < 2; ++time) { // without and with the cache
        std::vector<TokenId> tokens;
        encoder.encode(given, tokens);
        EXPECT_EQ(tokens, expected) << file << ": " << given;
      }
      EXPECT_EQ(decode(tokenizer, expected), given);
    }
  }
}

TEST(Tokenizer, EqualsGpt2OnKnownTexts) {
  const char *folder = std::getenv("SWAMLA_GPT2_VOCAB");
  if (!folder)
    GTEST_SKIP() << "SWAMLA_GPT2_VOCAB does not name a folder with vocab.bpe and encoder.json";
  Tokenizer tokenizer = load(folder);
  EXPECT_EQ(tokenizer.vocabulary().size(), 50257U);
  EXPECT_EQ(tokenizer.endOfText(), 50256);
  EXPECT_EQ(encode(tokenizer, "Hello world"), (std::vector<TokenId>{15496, 995}));
  EXPECT_EQ(encode(tokenizer, "<|endoftext|>"),
            (std::vector<TokenId>{27, 91, 437, 1659, 5239, 91, 29}));
  EXPECT_EQ(encode(tokenizer, "\u6771\u4eac\U0001F642  don't"),
            (std::vector<TokenId>{30266, 109, 12859, 105, 8582, 25081, 220, 836, 470}));
}

// The definition, word for word: the lowest rank first, then the leftmost.
std::vector<TokenId> mergeNaively(const Vocabulary &words, std::string_view piece) {
  std::vector<TokenId> tokens;
  for (char c : piece)
    tokens.push_back(words.ofByte(static_cast<uint8_t>(c)));
  for (bool merged = true; merged;) {
    merged = false;
    for (const Merge &merge : words.merges()) {
      for (size_t i = 0; i + 1 < tokens.size() && !merged; ++i)
        if (tokens[i] == merge.left && tokens[i + 1] == merge.right) {
          tokens[i] = merge.result;
          tokens.erase(tokens.begin() + static_cast<ptrdiff_t>(i) + 1);
          merged = true;
        }
      if (merged)
        break;
    }
  }
  return tokens;
}

TEST(Bpe, MergesAsDefinedAtEveryLength) {
  Tokenizer tokenizer = load(kFolder + "/vocab.bpe");
  const Vocabulary &words = tokenizer.vocabulary();
  MergeTable table(words.merges());
  Bpe bpe(words, table);
  RandomStream random(1, "bpe");
  const std::string letters = "thenoudr";
  for (size_t length = 1; length < 200; ++length) {
    std::string piece;
    for (size_t i = 0; i < length; ++i)
      piece.push_back(letters[random.below(length * 1000 + i, letters.size())]);
    std::vector<TokenId> tokens(length);
    tokens.resize(bpe.encode(piece, tokens.data()));
    EXPECT_EQ(tokens, mergeNaively(words, piece)) << piece;
  }
}

TEST(Bpe, TakesAMegabyteOfOneLetterInSeconds) {
  Tokenizer tokenizer = load(kFolder);
  Timer timer;
  size_t bytes = size_t{1} << 20;
  EXPECT_GT(encode(tokenizer, std::string(bytes, 'e')).size(), bytes / 8);
  EXPECT_LT(timer.seconds(), 5.0); // 0.1; with sanitizers 1; if it were quadratic, hours
}

TEST(Tokenizer, ReadsInvalidTextAsReplaced) {
  Tokenizer tokenizer = load(kFolder);
  std::string text = "the \xFFking\xE6\x9D";
  EXPECT_EQ(encode(tokenizer, text), encode(tokenizer, replaced(text)));
  EXPECT_NE(encode(tokenizer, text), encode(tokenizer, "the king"));
}

TEST(TextDecoder, HoldsBackUnfinishedCharacters) {
  Tokenizer tokenizer = load(kFolder);
  const Vocabulary &words = tokenizer.vocabulary();
  TextDecoder decoder(words);
  std::string text;
  auto put = [&](const char *bytes) {
    for (const char *c = bytes; *c; ++c)
      EXPECT_TRUE(decoder.decode(words.ofByte(static_cast<uint8_t>(*c)), text).isOk());
    return std::exchange(text, {});
  };
  EXPECT_EQ(put("a\xF0\x9F\x99"), "a");
  EXPECT_EQ(put("\x82"), "\U0001F642");
  EXPECT_EQ(put("\xE6\x9D"), "");
  EXPECT_EQ(put("x"), "\uFFFDx");
  EXPECT_EQ(put("\x80"), "\uFFFD");
  EXPECT_EQ(put("\xE6"), "");
  decoder.finish(text);
  EXPECT_EQ(text, "\uFFFD");
  Status unknown = decoder.decode(60000, text);
  EXPECT_EQ(unknown.code(), StatusCode::InvalidArgument);
  EXPECT_EQ(unknown.message(), "no token has the id 60000; the vocabulary's are below 457");
}

TEST(TextDecoder, GivesWhatReplacingTheBytesGives) {
  Tokenizer tokenizer = load(kFolder);
  RandomStream random(2, "decode");
  constexpr uint8_t kBytes[] = {'a', 0xE2, 0x80, 0x9D, 0xF0, 0x9F, 0xED, 0xA0, 0xC3, 0xFF};
  for (uint64_t round = 0; round < 2000; ++round) {
    std::string bytes;
    std::vector<TokenId> tokens;
    for (uint64_t i = 0; i < 12; ++i) {
      uint8_t byte = kBytes[random.below(round * 100 + i, std::size(kBytes))];
      bytes.push_back(static_cast<char>(byte));
      tokens.push_back(tokenizer.vocabulary().ofByte(byte));
    }
    ASSERT_EQ(decode(tokenizer, tokens), replaced(bytes));
  }
}

} // namespace
} // namespace swamla
