//===- ConfigJson.cpp - a config from JSON --------------------------------===//
#include "compiler/Frontend/Config.h"

#include <nlohmann/json.hpp>

#include <set>

namespace swamla {

using Json = nlohmann::json;

namespace {
Status mismatch(std::string_view field, std::string_view expected, const Json &found) {
  return invalidArgument(
      fmt::format("config field \"{}\": expected {}, found {}", field, expected, found.dump()));
}

Status read(std::string_view field, const Json &value, int64_t &to) {
  bool fits = value.is_number_integer() &&
              (!value.is_number_unsigned() || value.get<uint64_t>() <= uint64_t(INT64_MAX));
  if (!fits)
    return mismatch(field, "an integer", value);
  to = value.get<int64_t>();
  return Status::ok();
}

Status read(std::string_view field, const Json &value, double &to) {
  if (!value.is_number())
    return mismatch(field, "a number", value);
  to = value.get<double>();
  return Status::ok();
}

Status read(std::string_view field, const Json &value, bool &to) {
  if (!value.is_boolean())
    return mismatch(field, "true or false", value);
  to = value.get<bool>();
  return Status::ok();
}

Status read(std::string_view field, const Json &value, std::optional<double> &to) {
  if (value.is_null()) {
    to.reset();
    return Status::ok();
  }
  return read(field, value, to.emplace());
}
} // namespace

Result<Config> configFromJson(std::string_view text) {
  Json json = Json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!json.is_object())
    return invalidArgument(
        fmt::format("config: expected a JSON object, found {}",
                    json.is_discarded() ? "text that is not JSON" : json.type_name()));
  Config config;
  std::set<std::string, std::less<>> known;
  Status status;
  visitConfigFields(config, [&](const char *name, auto &field, const char *) {
    known.insert(name);
    if (auto entry = json.find(name); status.isOk() && entry != json.end())
      status = read(name, *entry, field);
  });
  SWAMLA_RETURN_IF_ERROR(std::move(status));
  for (const auto &[name, value] : json.items())
    if (!known.contains(name))
      return invalidArgument(
          fmt::format("config field \"{}\": unknown; this model family has no such field", name));
  SWAMLA_RETURN_IF_ERROR(validate(config));
  return config;
}

} // namespace swamla
