//===- JsonLines.cpp - one document a line --------------------------------===//

#include "runtime/base/Format.h"
#include "runtime/text/Documents.h"
#include "runtime/train/Json.h"

namespace swamla {
namespace {

/// Reads one member of the outermost object and lets the rest go by: a tree of it would take most
/// of the time.
class MemberFinder final : public nlohmann::json_sax<Json> {
public:
  explicit MemberFinder(const std::string &field) : field(field) {}

  bool null() override { return value("null"); }
  bool boolean(bool) override { return value("boolean"); }
  bool number_integer(number_integer_t) override { return value("number"); }
  bool number_unsigned(number_unsigned_t) override { return value("number"); }
  bool number_float(number_float_t, const string_t &) override { return value("number"); }
  bool binary(binary_t &) override { return value("binary"); }
  bool string(string_t &text) override {
    if (!isField)
      return value("string");
    isField = false;
    found = std::move(text);
    return true;
  }
  bool start_object(size_t) override {
    value("object");
    isObject |= depth == 0;
    ++depth;
    return true;
  }
  bool start_array(size_t) override {
    value("array");
    ++depth;
    return true;
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t &name) override {
    if (depth != 1)
      return true;
    isField = name == field;
    if (isField && (found || !otherType.empty())) {
      error = fmt::format("member {} occurs twice", swamla::quoted(field));
      return false;
    }
    if (keys.size() < kMaxKeys)
      keys += (keys.empty() ? "" : ", ") + name;
    return true;
  }

  bool parse_error(size_t, const std::string &, const nlohmann::detail::exception &what) override {
    // "[json.exception....] parse error at ...": the part for people.
    std::string_view text = what.what();
    size_t end = text.find("] ");
    error = fmt::format("not valid JSON: {}",
                        end == std::string_view::npos ? text : text.substr(end + 2));
    return false;
  }

  /// What is wrong with the line, once it was parsed; empty: nothing.
  std::string problem() const {
    if (!error.empty() || found)
      return error;
    if (!isObject)
      return "not an object";
    if (!otherType.empty())
      return fmt::format("member {} is of the type {}", swamla::quoted(field), otherType);
    return fmt::format("no member {}; the object has: {}", swamla::quoted(field),
                       keys.empty() ? "nothing" : keys);
  }

  std::optional<std::string> found;

private:
  static constexpr size_t kMaxKeys = 200; // characters

  bool value(std::string_view type) {
    if (isField)
      otherType = type;
    isField = false;
    return true;
  }
  bool close() {
    --depth;
    return true;
  }

  const std::string &field;
  unsigned depth = 0;
  bool isField = false, isObject = false;
  std::string otherType, keys, error;
};

} // namespace

Result<uint64_t> decodeLines(const TextBatch &batch, const LineOptions &options,
                             const std::function<void(std::string_view)> &document) {
  uint64_t number = batch.firstLine, bad = 0;
  for (std::string_view text = batch.bytes; !text.empty(); ++number) {
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos)
      continue;
    MemberFinder finder(options.field);
    Json::sax_parse(line, &finder);
    std::string problem = finder.problem();
    if (problem.empty())
      document(*finder.found);
    else if (options.skipBad)
      ++bad;
    else
      return dataCorrupt(fmt::format("{}:{}: {}; expected an object with a string {} on each line "
                                     "(--field names the member, --skip-bad leaves such lines out)",
                                     batch.file, number, problem, swamla::quoted(options.field)));
  }
  return bad;
}

} // namespace swamla
