//===- TokenizerJson.cpp - Hugging Face's tokenizer.json ------------------===//
//
// Such a file can describe many tokenizers. Here it must describe GPT-2's kind:
// byte-level BPE with GPT-2's pattern. What would make other tokens of a text is
// refused by name; what only concerns offsets or Python is ignored.
//
//===----------------------------------------------------------------------===//

#include "runtime/base/Format.h"
#include "runtime/text/VocabularyBuilder.h"
#include "runtime/train/Json.h"

#include <map>

namespace swamla {
namespace {

constexpr unsigned kMaxDepth = 64;

Status unsupported(std::string_view member, const Json &found, std::string_view expected) {
  return invalidArgument(fmt::format("{} is {}; only {} is supported", member,
                                     swamla::quoted(dumpJson(found)), expected));
}

bool isNull(const Json *value) { return !value || value->is_null(); }

/// A member of `object` must be missing or one of these values.
Status requireOneOf(const Json &object, std::string_view path, std::string_view key,
                    std::initializer_list<Json> allowed) {
  const Json *value = findMember(object, key);
  if (!value)
    return Status::ok();
  for (const Json &one : allowed)
    if (*value == one)
      return Status::ok();
  return unsupported(fmt::format("{}{}", path, key), *value, dumpJson(*allowed.begin()));
}

/// A member of the file must be null or of the type ByteLevel.
Status requireByteLevel(const Json &file, std::string_view key) {
  const Json *value = findMember(file, key);
  if (isNull(value) || memberString(*value, "type") == "ByteLevel")
    return Status::ok();
  return unsupported(key, *value, "the type \"ByteLevel\"");
}

Status checkParts(const Json &file) {
  for (const char *key : {"normalizer", "truncation", "padding"})
    SWAMLA_RETURN_IF_ERROR(requireOneOf(file, "", key, {nullptr}));
  for (const char *key : {"pre_tokenizer", "post_processor", "decoder"})
    SWAMLA_RETURN_IF_ERROR(requireByteLevel(file, key));
  const Json *pieces = findMember(file, "pre_tokenizer");
  if (isNull(pieces))
    return invalidArgument("pre_tokenizer is missing; only the type \"ByteLevel\" is supported");
  if (!findMember(*pieces, "add_prefix_space"))
    return dataCorrupt("pre_tokenizer.add_prefix_space is missing; expected false");
  SWAMLA_RETURN_IF_ERROR(requireOneOf(*pieces, "pre_tokenizer.", "add_prefix_space", {false}));
  return requireOneOf(*pieces, "pre_tokenizer.", "use_regex", {true});
}

Status checkModel(const Json &model) {
  SWAMLA_RETURN_IF_ERROR(requireOneOf(model, "model.", "type", {"BPE"}));
  SWAMLA_RETURN_IF_ERROR(requireOneOf(model, "model.", "dropout", {nullptr, 0.0}));
  SWAMLA_RETURN_IF_ERROR(requireOneOf(model, "model.", "ignore_merges", {false}));
  for (const char *key : {"continuing_subword_prefix", "end_of_word_suffix"})
    SWAMLA_RETURN_IF_ERROR(requireOneOf(model, "model.", key, {nullptr, ""}));
  return Status::ok();
}

Result<const Json *> requireMember(const Json &object, std::string_view path, std::string_view key,
                                   Json::value_t type, std::string_view expected) {
  const Json *value = findMember(object, key);
  if (!value || value->type() != type)
    return dataCorrupt(fmt::format("{}{} is {}; expected {}", path, key,
                                   value ? value->type_name() : "missing", expected));
  return value;
}

/// Special tokens by their text.
using Specials = std::map<std::string, uint64_t>;

Result<Specials> readSpecials(const Json &file) {
  Specials specials;
  const Json *added = findMember(file, "added_tokens");
  if (isNull(added))
    return specials;
  if (!added->is_array())
    return dataCorrupt("added_tokens: expected an array");
  for (const Json &token : *added) {
    auto content = memberString(token, "content");
    auto id = memberUint(token, "id");
    const Json *special = findMember(token, "special");
    if (!content || !id || !special || !special->is_boolean())
      return dataCorrupt(fmt::format("added_tokens: {}: expected content, id and special",
                                     swamla::quoted(dumpJson(token))));
    // One that is not special is found in every text, before pieces are.
    if (!special->get<bool>())
      return invalidArgument(
          fmt::format("added_tokens: {} is not special; only special tokens, which "
                      "are never looked for in text, are supported",
                      swamla::quoted(*content)));
    if (!specials.emplace(*content, *id).second)
      return dataCorrupt(fmt::format("added_tokens: {} occurs twice", swamla::quoted(*content)));
  }
  return specials;
}

Status addVocab(VocabularyBuilder &builder, const Json &vocab, const Specials &specials) {
  for (const auto &[token, id] : vocab.items()) {
    if (!id.is_number_unsigned())
      return dataCorrupt(fmt::format("model.vocab: token {}: expected a whole number as its id, "
                                     "found {}",
                                     swamla::quoted(token), id.type_name()));
    auto special = specials.find(token);
    if (special == specials.end() || special->second != id.get<uint64_t>())
      SWAMLA_RETURN_IF_ERROR(builder.addToken(token, id.get<uint64_t>()));
  }
  for (const auto &[text, id] : specials)
    SWAMLA_RETURN_IF_ERROR(builder.addSpecial(text, id));
  return Status::ok();
}

/// A merge is "a b" or ["a", "b"].
Status addMerge(VocabularyBuilder &builder, const Json &merge) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
    return builder.addMerge(merge[0].get_ref<const std::string &>(),
                            merge[1].get_ref<const std::string &>());
  if (!merge.is_string())
    return dataCorrupt(fmt::format("model.merges: found {}; expected \"a b\" or [\"a\", \"b\"]",
                                   swamla::quoted(dumpJson(merge))));
  std::string_view text = merge.get_ref<const std::string &>();
  size_t space = text.find(' ');
  return builder.addMerge(text.substr(0, space),
                          space < text.size() ? text.substr(space + 1) : std::string_view());
}

Result<Vocabulary> build(const Json &file) {
  SWAMLA_RETURN_IF_ERROR(checkParts(file));
  SWAMLA_TRY(const Json *model,
             requireMember(file, "", "model", Json::value_t::object, "an object"));
  SWAMLA_RETURN_IF_ERROR(checkModel(*model));
  SWAMLA_TRY(const Json *vocab, requireMember(*model, "model.", "vocab", Json::value_t::object,
                                              "an object of tokens and their ids"));
  SWAMLA_TRY(const Json *merges, requireMember(*model, "model.", "merges", Json::value_t::array,
                                               "an array of pairs of tokens"));
  VocabularyBuilder builder;
  SWAMLA_TRY(Specials specials, readSpecials(file));
  SWAMLA_RETURN_IF_ERROR(addVocab(builder, *vocab, specials));
  for (const Json &merge : *merges)
    SWAMLA_RETURN_IF_ERROR(addMerge(builder, merge));
  return std::move(builder).finish();
}

} // namespace

Result<Vocabulary> Vocabulary::fromTokenizerJson(std::string_view text, const std::string &name) {
  JsonLimits limits;
  limits.maxDepth = kMaxDepth;
  SWAMLA_TRY(Json file, parseJson(text, name, limits));
  if (!file.is_object())
    return dataCorrupt(fmt::format("{}: expected the object of a tokenizer.json", name));
  Result<Vocabulary> made = build(file);
  if (!made.isOk())
    return std::move(made).takeStatus().withContext(name);
  return made;
}

} // namespace swamla
