//===- Json.h - JSON text in and out --------------------------------------===//
//
// A narrow wrapper around nlohmann's library: parsing never throws, rejects
// duplicate keys and deep nesting, and dumping never throws on text that is
// not UTF-8.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace swamla {

using Json = nlohmann::json;

struct JsonLimits {
  size_t maxBytes = size_t{100} << 20;
  unsigned maxDepth = 16;
};

/// Parses one JSON value. `name` says where the text comes from. Fails with DataCorrupt, naming the
/// place: a syntax error, a key that occurs twice in one object, or a limit that is exceeded.
Result<Json> parseJson(std::string_view text, const std::string &name,
                       const JsonLimits &limits = {});

/// JSON text; bytes that are not UTF-8 become U+FFFD. `indent` < 0: one line.
std::string dumpJson(const Json &value, int indent = -1);

/// Member `key` of an object, or null when it is missing or `object` is not an object.
const Json *findMember(const Json &object, std::string_view key);

/// A member as a non-negative integer, a number or a string; nullopt when missing or of another
/// type.
std::optional<uint64_t> memberUint(const Json &object, std::string_view key);
std::optional<double> memberDouble(const Json &object, std::string_view key);
std::optional<std::string> memberString(const Json &object, std::string_view key);

} // namespace swamla
