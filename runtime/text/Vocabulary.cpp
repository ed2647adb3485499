//===- Vocabulary.cpp - finding and reading tokenizer files ---------------===//

#include "runtime/base/File.h"
#include "runtime/base/Format.h"
#include "runtime/text/VocabularyBuilder.h"
#include "runtime/train/Json.h"

#include <filesystem>

namespace swamla {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxFileBytes = uint64_t{64} << 20;

/// The names that merges and ids have in GPT-2's own files, and in Hugging Face's.
struct FilePair {
  const char *merges, *ids;
};
constexpr FilePair kPairs[] = {{"vocab.bpe", "encoder.json"}, {"merges.txt", "vocab.json"}};

Result<std::string> readText(const std::string &path) {
  SWAMLA_TRY(std::vector<std::byte> bytes, readFile(path, kMaxFileBytes));
  return std::string(reinterpret_cast<const char *>(bytes.data()), bytes.size());
}

Result<Vocabulary> loadPair(const fs::path &folder, const FilePair &pair) {
  std::string mergesPath = (folder / pair.merges).string(), idsPath = (folder / pair.ids).string();
  SWAMLA_TRY(std::string merges, readText(mergesPath));
  SWAMLA_TRY(std::string ids, readText(idsPath));
  return Vocabulary::fromGpt2Files(merges, mergesPath, ids, idsPath);
}

Result<Vocabulary> loadFolder(const std::string &folder) {
  std::error_code ignored;
  fs::path json = fs::path(folder) / "tokenizer.json";
  if (fs::exists(json, ignored))
    return Vocabulary::load(json.string());
  for (const FilePair &pair : kPairs)
    if (fs::exists(fs::path(folder) / pair.merges, ignored))
      return loadPair(folder, pair);
  return notFound(fmt::format("folder {} has no tokenizer; expected tokenizer.json, or vocab.bpe "
                              "with encoder.json, or merges.txt with vocab.json",
                              swamla::quoted(folder)));
}

Status addIds(VocabularyBuilder &builder, const Json &ids) {
  for (const auto &[token, id] : ids.items()) {
    if (!id.is_number_unsigned())
      return dataCorrupt(fmt::format("token {}: expected a whole number as its id, found {}",
                                     swamla::quoted(token), id.type_name()));
    SWAMLA_RETURN_IF_ERROR(builder.addToken(token, id.get<uint64_t>()));
  }
  return Status::ok();
}

/// Lines of two tokens; the first may be "#version: 0.2".
Status addMerges(VocabularyBuilder &builder, std::string_view text, const std::string &name) {
  size_t number = 0;
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    if (line.empty() || (number == 1 && line.starts_with("#version")))
      continue;
    size_t space = line.find(' ');
    std::string_view right = space < line.size() ? line.substr(space + 1) : std::string_view();
    Status added = builder.addMerge(line.substr(0, space), right);
    if (!added.isOk())
      return std::move(added).withContext(fmt::format("{}:{}", name, number));
  }
  return Status::ok();
}

} // namespace

std::optional<TokenId> Vocabulary::find(std::string_view bytes) const {
  auto place = byBytes.find(std::string(bytes));
  return place == byBytes.end() ? std::nullopt : std::optional(place->second);
}

Result<Vocabulary> Vocabulary::fromGpt2Files(std::string_view merges, const std::string &mergesName,
                                             std::string_view ids, const std::string &idsName) {
  SWAMLA_TRY(Json json, parseJson(ids, idsName));
  if (!json.is_object())
    return dataCorrupt(fmt::format("{}: expected an object of tokens and their ids", idsName));
  VocabularyBuilder builder;
  Status added = addIds(builder, json);
  if (!added.isOk())
    return std::move(added).withContext(idsName);
  SWAMLA_RETURN_IF_ERROR(addMerges(builder, merges, mergesName));
  Result<Vocabulary> made = std::move(builder).finish();
  if (!made.isOk())
    return std::move(made).takeStatus().withContext(idsName);
  return made;
}

Result<Vocabulary> Vocabulary::load(const std::string &path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    return loadFolder(path);
  fs::path file(path);
  for (const FilePair &pair : kPairs)
    if (file.filename() == pair.merges || file.filename() == pair.ids)
      return loadPair(file.parent_path(), pair);
  SWAMLA_TRY(std::string text, readText(path));
  return fromTokenizerJson(text, path);
}

} // namespace swamla
