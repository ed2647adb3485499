//===- TuningCache.cpp - the algorithms that were found fastest -----------===//
#include "runtime/cuda/TuningCache.h"

#include "runtime/base/File.h"
#include "runtime/base/Format.h"
#include "runtime/base/Hash.h"
#include "runtime/base/Log.h"

#include <cctype>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <unistd.h>
#include <vector>

namespace swamla {

namespace fs = std::filesystem;

static constexpr uint64_t kMaxFileBytes = uint64_t{1} << 24;
static constexpr std::string_view kFirstLine = "swamla matmul algorithms, version 1";
static constexpr std::string_view kChecksum = "checksum ";

/// The name of a GPU as part of a file's name: "nvidia-h200-9-0".
static std::string slug(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)))
      result += char(std::tolower(static_cast<unsigned char>(c)));
    else if (!result.empty() && result.back() != '-')
      result += '-';
  }
  while (!result.empty() && result.back() == '-')
    result.pop_back();
  return result;
}

std::optional<std::string> TuningCache::defaultPath(const Environment &environment) {
  const char *xdg = std::getenv("XDG_CACHE_HOME"), *home = std::getenv("HOME");
  fs::path base;
  if (xdg && fs::path(xdg).is_absolute()) // as the XDG specification has it
    base = xdg;
  else if (home && *home)
    base = fs::path(home) / ".cache";
  else
    return std::nullopt;
  return (base / "swamla" /
          fmt::format("matmul-{}-cublaslt-{}.txt", slug(environment.gpu),
                      environment.libraryVersion))
      .string();
}

std::string TuningCache::header() const {
  return fmt::format("{}\n{}, cuBLASLt {}\n", kFirstLine, environment.gpu,
                     environment.libraryVersion);
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// "KEY 8 words of 16 hexadecimal digits".
static bool parseEntry(std::string_view line, std::string &key, MatmulAlgorithm &algorithm) {
  size_t space = line.find(' ');
  key = line.substr(0, space);
  if (!isPlainName(key))
    return false;
  for (uint64_t &word : algorithm) {
    if (space == std::string_view::npos || line.size() < space + 17)
      return false;
    const char *first = line.data() + space + 1;
    auto [end, error] = std::from_chars(first, first + 16, word, 16);
    if (line[space] != ' ' || error != std::errc() || end != first + 16)
      return false;
    space += 17;
  }
  return space == line.size();
}

Status TuningCache::parse(std::string_view text) {
  size_t last = text.rfind(kChecksum);
  if (last == std::string_view::npos || (last > 0 && text[last - 1] != '\n') ||
      text.substr(last) != fmt::format("{}{:016x}\n", kChecksum, hash64(text.substr(0, last))))
    return dataCorrupt("its checksum is missing or wrong");
  if (!text.starts_with(header()))
    return dataCorrupt(fmt::format("it is not of version 1 for {}, cuBLASLt {}", environment.gpu,
                                   environment.libraryVersion));
  text = text.substr(0, last);
  unsigned line = 3;
  for (size_t at = header().size(); at < text.size(); ++line) {
    size_t end = text.find('\n', at);
    std::string key;
    MatmulAlgorithm algorithm;
    if (end == std::string_view::npos || !parseEntry(text.substr(at, end - at), key, algorithm))
      return dataCorrupt(fmt::format("line {} is not a problem and 8 words", line));
    entries.emplace(std::move(key), algorithm);
    at = end + 1;
  }
  return Status::ok();
}

TuningCache TuningCache::load(std::string path, Environment environment) {
  TuningCache cache(std::move(path), std::move(environment));
  Result<std::vector<std::byte>> bytes = readFile(cache.file, kMaxFileBytes);
  Status status;
  if (bytes.isOk())
    status = cache.parse({reinterpret_cast<const char *>(bytes->data()), bytes->size()});
  else if (bytes.status().code() != StatusCode::NotFound)
    status = std::move(bytes).takeStatus();
  if (!status.isOk()) {
    logWarning("the matmul algorithms in {} are not used: {}; it will be written anew", cache.file,
               status.message());
    cache.entries.clear();
  }
  return cache;
}

const MatmulAlgorithm *TuningCache::find(const std::string &key) const {
  auto entry = entries.find(key);
  return entry == entries.end() ? nullptr : &entry->second;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

void TuningCache::insert(const std::string &key, const MatmulAlgorithm &algorithm) {
  entries[key] = algorithm;
  changed = true;
}

std::string TuningCache::format() const {
  std::string text = header();
  for (const auto &[key, algorithm] : entries) {
    text += key;
    for (uint64_t word : algorithm)
      text += fmt::format(" {:016x}", word);
    text += '\n';
  }
  return text + fmt::format("{}{:016x}\n", kChecksum, hash64(text));
}

Status TuningCache::save() {
  if (!changed || file.empty())
    return Status::ok();
  std::error_code error;
  fs::create_directories(fs::path(file).parent_path(), error);
  if (error)
    return failedPrecondition(fmt::format("cannot make the folder {}: {}",
                                          fs::path(file).parent_path().string(), error.message()));
  if (Result<std::vector<std::byte>> bytes = readFile(file, kMaxFileBytes); bytes.isOk()) {
    std::map<std::string, MatmulAlgorithm> own = entries;
    // A damaged file was reported when it was loaded; it is replaced.
    if (!parse({reinterpret_cast<const char *>(bytes->data()), bytes->size()}).isOk())
      entries = std::move(own);
  }
  // Several processes may start at once: each has an aside file of its own.
  std::string aside = fmt::format("{}.{}.tmp", file, ::getpid());
  SWAMLA_TRY(FileWriter writer, FileWriter::create(aside));
  SWAMLA_RETURN_IF_ERROR(writer.append(format()));
  SWAMLA_RETURN_IF_ERROR(writer.finish());
  SWAMLA_RETURN_IF_ERROR(renameDurably(aside, file));
  changed = false;
  return Status::ok();
}

} // namespace swamla
