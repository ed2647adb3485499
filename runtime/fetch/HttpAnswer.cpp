//===- HttpAnswer.cpp - what a server says in front of a file's bytes -----===//

#include "runtime/fetch/HttpAnswer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace swamla {
namespace {

constexpr int kOk = 200, kPartial = 206;
constexpr int kBadRange = 416;
constexpr size_t kMaxEtag = 256;

bool equalNoCase(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  size_t begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos)
    return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

/// Digits and nothing else, that fit.
std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// Two things with a separator between them.
struct Halves {
  std::string_view left, right;
};
std::optional<Halves> split(std::string_view text, char separator) {
  size_t at = text.find(separator);
  if (at == std::string_view::npos)
    return std::nullopt;
  return Halves{text.substr(0, at), text.substr(at + 1)};
}

std::optional<ContentRange> contentRange(std::string_view text) {
  constexpr std::string_view unit = "bytes ";
  if (text.size() < unit.size() || !equalNoCase(text.substr(0, unit.size()), unit))
    return std::nullopt;
  std::optional<Halves> whole = split(trimmed(text.substr(unit.size())), '/');
  std::optional<Halves> ends = whole ? split(whole->left, '-') : std::nullopt;
  if (!ends)
    return std::nullopt;
  std::optional<uint64_t> first = number(ends->left), last = number(ends->right);
  std::optional<uint64_t> total = number(whole->right);
  if (!first || !last || *last < *first || (!total && whole->right != "*") ||
      (total && *total <= *last))
    return std::nullopt;
  return ContentRange{*first, *last, total};
}

/// The text if it is an entity tag (RFC 9110, 8.8.3): it goes back to the server, and into a file.
std::string entityTag(std::string_view text) {
  std::string_view opaque = text.starts_with("W/") ? text.substr(2) : text;
  bool valid = text.size() <= kMaxEtag && opaque.size() >= 2 && opaque.front() == '"' &&
               opaque.back() == '"' &&
               std::ranges::all_of(opaque.substr(1, opaque.size() - 2),
                                   [](char c) { return c > ' ' && c < '\x7f' && c != '"'; });
  return valid ? std::string(text) : std::string();
}

/// Whether a request that was answered so may be answered better later.
bool isTransient(int status) {
  constexpr int kTimeout = 408, kTooEarly = 425, kTooMany = 429;
  constexpr int kTransientServer[] = {500, 502, 503, 504};
  return status == kTimeout || status == kTooEarly || status == kTooMany ||
         std::ranges::find(kTransientServer, status) != std::end(kTransientServer);
}

std::string adviceFor(int status) {
  switch (status) {
  case 401:
    return "401 (not authorised): set HF_TOKEN to a token of the hub that may read it";
  case 403:
    return "403 (forbidden): set HF_TOKEN to a token of the hub that may read it";
  case 404:
    return "404 (not found): check HF_ENDPOINT";
  case 429:
    return "429 (too many requests)";
  default:
    return fmt::format("{}", status);
  }
}

BodyUse problem(BodyUse::Kind kind, bool retry, std::string text) {
  BodyUse use;
  use.kind = kind;
  use.problem = std::move(text);
  use.retry = retry;
  return use;
}

BodyUse judgeRest(const HttpAnswer &answer, const Asked &asked) {
  if (!answer.range)
    return problem(BodyUse::Drop, true, "206 without a Content-Range that can be read");
  if (answer.range->first != asked.from)
    return problem(BodyUse::Drop, true,
                   fmt::format("bytes from {} were asked for, and came from {}", asked.from,
                               answer.range->first));
  BodyUse use;
  use.kind = BodyUse::Append;
  use.whole = asked.whole;
  if (asked.linked.etag.empty() && !answer.etag.empty() && answer.etag != asked.whole.etag)
    return problem(BodyUse::Drop, true, "the file has changed at the server");
  if (std::optional<uint64_t> total = answer.range->total) {
    if (use.whole.bytes && *total != *use.whole.bytes)
      return problem(BodyUse::Drop, true,
                     fmt::format("the file had {} bytes and now has {}", *use.whole.bytes, *total));
    use.whole.bytes = total;
  }
  return use;
}

BodyUse judgeWhole(const HttpAnswer &answer, const Asked &asked) {
  BodyUse use;
  use.kind = BodyUse::StartOver;
  use.whole = asked.linked;
  if (use.whole.etag.empty())
    use.whole.etag = answer.etag;
  if (answer.length && use.whole.bytes && *answer.length != *use.whole.bytes)
    return problem(BodyUse::Refuse, true,
                   fmt::format("the server sends {} bytes (Content-Length) of a file that has {} "
                               "(X-Linked-Size)",
                               *answer.length, *use.whole.bytes));
  if (answer.length)
    use.whole.bytes = answer.length;
  return use;
}

} // namespace

bool HttpAnswer::isRedirect() const {
  constexpr int kRedirects[] = {301, 302, 303, 307, 308};
  return std::ranges::find(kRedirects, status) != std::end(kRedirects);
}

bool isStrongEtag(std::string_view etag) { return etag.starts_with('"'); }

void HttpAnswerParser::line(std::string_view text) {
  constexpr std::string_view protocol = "HTTP/";
  if (text.starts_with(protocol)) {
    parsed = {};
    std::optional<Halves> status = split(trimmed(text), ' ');
    std::string_view digits = status ? status->right.substr(0, 3) : std::string_view();
    parsed.status = static_cast<int>(number(digits).value_or(0));
    return;
  }
  std::optional<Halves> field = split(text, ':');
  if (!field)
    return;
  std::string_view name = field->left, value = trimmed(field->right);
  if (equalNoCase(name, "content-length"))
    parsed.length = number(value);
  else if (equalNoCase(name, "content-range"))
    parsed.range = contentRange(value);
  else if (equalNoCase(name, "etag"))
    parsed.etag = entityTag(value);
  else if (equalNoCase(name, "x-linked-etag"))
    parsed.linkedEtag = entityTag(value);
  else if (equalNoCase(name, "x-linked-size"))
    parsed.linkedSize = number(value);
}

BodyUse judgeAnswer(const HttpAnswer &answer, const Asked &asked) {
  if (answer.status == kOk)
    return judgeWhole(answer, asked);
  if (answer.status == kPartial && asked.from > 0)
    return judgeRest(answer, asked);
  if (answer.status == kPartial)
    return problem(BodyUse::Refuse, true, "206, a part of the file, when all was asked for");
  if (answer.status == kBadRange)
    return problem(BodyUse::Drop, asked.from > 0,
                   fmt::format("416: it has nothing from byte {} on", asked.from));
  return problem(BodyUse::Refuse, isTransient(answer.status), adviceFor(answer.status));
}

} // namespace swamla
