//===- Shards.cpp - writing token shards ----------------------------------===//

#include "runtime/text/Shards.h"

#include "runtime/base/Format.h"
#include "runtime/train/TokenFile.h"

#include <algorithm>
#include <filesystem>

namespace swamla {
namespace {

namespace fs = std::filesystem;

/// Where a shard is until it is complete.
std::string asideOf(const std::string &path) {
  fs::path file(path);
  return (file.parent_path() / ("." + file.filename().string() + ".tmp")).string();
}

/// Whether a name is `stem`, "_train_" or "_val_", six digits, ".bin".
bool isShardName(std::string_view name, std::string_view stem) {
  constexpr size_t kDigits = 6;
  if (!name.starts_with(stem))
    return false;
  name.remove_prefix(stem.size());
  for (std::string_view series : {"_train_", "_val_"}) {
    if (!name.starts_with(series))
      continue;
    std::string_view rest = name.substr(series.size());
    return rest.size() == kDigits + 4 && rest.ends_with(".bin") &&
           rest.find_first_not_of("0123456789") == kDigits;
  }
  return false;
}

/// The shards that a prefix has already; and what killed runs left of theirs.
struct Existing {
  std::vector<std::string> shards, leftovers;
};

Result<Existing> findExisting(const fs::path &folder, const std::string &stem) {
  Existing found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    if (isShardName(name, stem))
      found.shards.push_back(it->path().string());
    else if (name.starts_with(".") && name.ends_with(".tmp") &&
             isShardName(std::string_view(name).substr(1, name.size() - 5), stem))
      found.leftovers.push_back(it->path().string());
  }
  if (error)
    return failedPrecondition(
        fmt::format("cannot list folder {}: {}", swamla::quoted(folder.string()), error.message()));
  std::ranges::sort(found.shards);
  return found;
}

fs::path folderOf(const std::string &prefix) {
  fs::path folder = fs::path(prefix).parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

Status remove(const std::vector<std::string> &paths) {
  for (const std::string &path : paths) {
    std::error_code error;
    fs::remove(path, error);
    if (error)
      return failedPrecondition(
          fmt::format("cannot remove {}: {}", swamla::quoted(path), error.message()));
  }
  return Status::ok();
}

} // namespace

Result<std::unique_ptr<ShardWriter>> ShardWriter::create(const std::string &prefix,
                                                         uint64_t shardTokens, bool overwrite) {
  fs::path folder = folderOf(prefix);
  std::string stem = fs::path(prefix).filename().string();
  if (stem.empty())
    return invalidArgument(fmt::format("-o {}: expected a folder and the start of the shards' "
                                       "names, such as {}text",
                                       swamla::quoted(prefix), prefix));
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    return failedPrecondition(
        fmt::format("cannot make folder {}: {}", swamla::quoted(folder.string()), error.message()));
  SWAMLA_TRY(Existing existing, findExisting(folder, stem));
  if (!existing.shards.empty() && !overwrite)
    return failedPrecondition(
        fmt::format("{} is there already ({} shards in all); give --overwrite "
                    "to replace them, or another -o",
                    existing.shards.front(), existing.shards.size()));
  SWAMLA_RETURN_IF_ERROR(remove(existing.leftovers));
  return std::unique_ptr<ShardWriter>(new ShardWriter(prefix, shardTokens));
}

ShardWriter::~ShardWriter() {
  for (State &state : states) {
    std::error_code ignored;
    for (const Shard &shard : state.done)
      fs::remove(asideOf(shard.path), ignored);
    if (state.open)
      fs::remove(asideOf(pathOf(state, state.done.size())), ignored);
  }
}

std::string ShardWriter::pathOf(const State &state, size_t index) const {
  return fmt::format("{}_{}_{:06}.bin", prefix, state.name, state.first + index);
}

Status ShardWriter::close(State &state) {
  auto count = static_cast<int32_t>(state.open->tokens);
  SWAMLA_RETURN_IF_ERROR(
      state.open->file.overwrite(2 * sizeof(int32_t), std::as_bytes(std::span(&count, 1))));
  SWAMLA_RETURN_IF_ERROR(state.open->file.finish());
  state.done.push_back({pathOf(state, state.done.size()), state.open->tokens});
  state.open.reset();
  return Status::ok();
}

Status ShardWriter::append(Series series, std::span<const TokenId> tokens) {
  State &state = states[series == Series::Validation];
  while (!tokens.empty()) {
    if (!state.open) {
      SWAMLA_TRY(FileWriter file, FileWriter::create(asideOf(pathOf(state, state.done.size()))));
      state.open.emplace(std::move(file));
      int32_t header[kShardHeaderBytes / sizeof(int32_t)] = {kShardMagic, kShardVersion, 0};
      SWAMLA_RETURN_IF_ERROR(state.open->file.append(std::as_bytes(std::span(header))));
    }
    size_t count = std::min<uint64_t>(tokens.size(), shardTokens - state.open->tokens);
    SWAMLA_RETURN_IF_ERROR(state.open->file.append(std::as_bytes(tokens.first(count))));
    state.open->tokens += count;
    tokens = tokens.subspan(count);
    if (state.open->tokens == shardTokens)
      SWAMLA_RETURN_IF_ERROR(close(state));
  }
  return Status::ok();
}

Result<std::vector<ShardWriter::Shard>> ShardWriter::finish() {
  std::vector<Shard> all;
  for (State &state : states) {
    if (state.open)
      SWAMLA_RETURN_IF_ERROR(close(state));
    all.insert(all.end(), state.done.begin(), state.done.end());
  }
  SWAMLA_TRY(Existing existing,
             findExisting(folderOf(prefix), fs::path(prefix).filename().string()));
  SWAMLA_RETURN_IF_ERROR(remove(existing.shards));
  for (const Shard &shard : all)
    SWAMLA_RETURN_IF_ERROR(renameDurably(asideOf(shard.path), shard.path));
  for (State &state : states)
    state.done.clear();
  return all;
}

} // namespace swamla
