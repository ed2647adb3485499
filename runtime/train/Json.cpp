//===- Json.cpp - JSON text in and out ------------------------------------===//

#include "runtime/train/Json.h"

#include <vector>

namespace swamla {
namespace {

/// Builds a value from parser events, so that duplicate keys and depth can be seen: the library's
/// own tree keeps the last of two equal keys and nests without limit.
class TreeBuilder final : public nlohmann::json_sax<Json> {
public:
  explicit TreeBuilder(unsigned maxDepth) : maxDepth(maxDepth) {}

  bool null() override { return add(Json()); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(number_integer_t value) override { return add(Json(value)); }
  bool number_unsigned(number_unsigned_t value) override { return add(Json(value)); }
  bool number_float(number_float_t value, const string_t &) override { return add(Json(value)); }
  bool string(string_t &value) override { return add(Json(std::move(value))); }
  bool binary(binary_t &) override { return fail("binary values are not JSON"); }
  bool start_object(size_t) override { return open(Json::object()); }
  bool start_array(size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t &value) override {
    Json &object = *stack.back();
    if (object.find(value) != object.end())
      return fail(fmt::format("key \"{}\" occurs twice in one object", value));
    pendingKey = std::move(value);
    return true;
  }

  bool parse_error(size_t, const std::string &, const nlohmann::detail::exception &error) override {
    // The library's text is "[json.exception....] parse error at ...": keep what a person can use.
    std::string text = error.what();
    size_t end = text.find("] ");
    return fail(end == std::string::npos ? text : text.substr(end + 2));
  }

  Json root;
  std::string error;

private:
  bool fail(std::string message) {
    if (error.empty())
      error = std::move(message);
    return false;
  }

  Json *place(Json value) {
    if (stack.empty()) {
      root = std::move(value);
      return &root;
    }
    Json &parent = *stack.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[pendingKey] = std::move(value));
  }

  bool add(Json value) {
    place(std::move(value));
    return true;
  }

  bool open(Json value) {
    if (stack.size() >= maxDepth)
      return fail(fmt::format("nested deeper than {} levels", maxDepth));
    stack.push_back(place(std::move(value)));
    return true;
  }

  bool close() {
    stack.pop_back();
    return true;
  }

  unsigned maxDepth;
  // A pointer stays valid while it is here: a container grows only through its last element.
  std::vector<Json *> stack;
  std::string pendingKey;
};

} // namespace

Result<Json> parseJson(std::string_view text, const std::string &name, const JsonLimits &limits) {
  if (text.size() > limits.maxBytes)
    return dataCorrupt(fmt::format("{}: {} bytes of JSON; expected at most {}", name, text.size(),
                                   limits.maxBytes));
  TreeBuilder builder(limits.maxDepth);
  if (!Json::sax_parse(text, &builder))
    return dataCorrupt(fmt::format("{}: not valid JSON: {}", name, builder.error));
  return std::move(builder.root);
}

std::string dumpJson(const Json &value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

const Json *findMember(const Json &object, std::string_view key) {
  if (!object.is_object())
    return nullptr;
  auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

std::optional<uint64_t> memberUint(const Json &object, std::string_view key) {
  const Json *value = findMember(object, key);
  if (!value || !value->is_number_unsigned())
    return std::nullopt;
  return value->get<uint64_t>();
}

std::optional<double> memberDouble(const Json &object, std::string_view key) {
  const Json *value = findMember(object, key);
  if (!value || !value->is_number())
    return std::nullopt;
  return value->get<double>();
}

std::optional<std::string> memberString(const Json &object, std::string_view key) {
  const Json *value = findMember(object, key);
  if (!value || !value->is_string())
    return std::nullopt;
  return value->get<std::string>();
}

} // namespace swamla
