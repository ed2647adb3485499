//===- FetchedData.cpp - training on shards that are fetched meanwhile ----===//

#include "runtime/fetch/FetchedData.h"

#include "runtime/base/Format.h"

namespace swamla {
namespace {

/// A sequence's number is its epoch, counted from the one that the run begins in, above this many
/// bits, and its place in the epoch's shard.
constexpr unsigned kPlaceBits = 32;
/// Epochs whose shards stay open; a loader is in one, and there are at most two loaders.
constexpr size_t kOpenShards = 4;

Result<std::shared_ptr<const TokenFile>> openFile(const std::string &path) {
  Result<TokenFile> file = TokenFile::open(path);
  if (!file.isOk())
    return Status::error(file.status().code(), fmt::format("{}; remove it, and it is fetched again",
                                                           file.status().message()));
  return std::make_shared<const TokenFile>(*std::move(file));
}

/// All of a shard, one stream.
StreamSequences sequencesOf(const std::shared_ptr<const TokenFile> &file,
                            const FetchedSequences::Config &config) {
  std::vector<TokenStream> streams = {{{{file, 0, file->size()}}}};
  return StreamSequences(std::move(streams), config.blockSize, config.vocabSize);
}

} // namespace

std::string FetchedSequences::fileOf(uint64_t epoch) const {
  return config.set->trainFile(static_cast<unsigned>(epoch % config.set->trainShards) + 1);
}

Result<FetchedSequences::Shard> FetchedSequences::openShard(uint64_t number,
                                                            const std::stop_token &stop) const {
  Result<std::string> fetched = store->get(fileOf(number), stop);
  // In the middle of a run whatever keeps a shard away may be over the next time.
  if (!fetched.isOk() && number != config.start.epoch)
    return Status::error(StatusCode::Unavailable, fetched.status().message());
  SWAMLA_TRY(std::string path, std::move(fetched));
  SWAMLA_TRY(std::shared_ptr<const TokenFile> file, openFile(path));
  auto shard = std::make_shared<const StreamSequences>(sequencesOf(file, config));
  if (shard->sequences() == 0)
    return invalidArgument(fmt::format("{} has {} tokens; the model's sequences need {} (its block "
                                       "size, {}, and one more)",
                                       path, file->size(), uint64_t{config.blockSize} + 1,
                                       config.blockSize));
  std::lock_guard lock(mutex);
  shards[number] = shard;
  if (shards.size() > kOpenShards)
    shards.erase(shards.begin()->first == number ? std::next(shards.begin()) : shards.begin());
  return shard;
}

Result<std::unique_ptr<FetchedSequences>> FetchedSequences::open(std::unique_ptr<ShardStore> store,
                                                                 const Config &config) {
  std::unique_ptr<FetchedSequences> data(new FetchedSequences(std::move(store), config));
  SWAMLA_TRY(SequenceRange first, data->epoch(config.start.epoch, {}));
  data->atStart = first.count;
  return data;
}

Result<SequenceRange> FetchedSequences::epoch(uint64_t number, const std::stop_token &stop) const {
  SWAMLA_TRY(Shard shard, openShard(number, stop));
  std::unique_lock lock(mutex);
  if (number == next) {
    uint64_t done = number == config.start.epoch ? config.start.index : 0;
    seen += shard->sequences() - std::min(shard->sequences(), done);
    ++next;
    bool more = seen < config.needed;
    lock.unlock();
    if (more)
      store->prefetch(fileOf(number + 1));
  }
  return SequenceRange{(number - config.start.epoch) << kPlaceBits, shard->sequences()};
}

Status FetchedSequences::read(uint64_t index, std::span<int32_t> tokens,
                              std::span<int32_t> targets) const {
  uint64_t number = config.start.epoch + (index >> kPlaceBits);
  Shard shard;
  {
    std::lock_guard lock(mutex);
    if (auto found = shards.find(number); found != shards.end())
      shard = found->second;
  }
  if (!shard) {
    SWAMLA_TRY(shard, openShard(number, {}));
  }
  return shard->read(index & ((uint64_t{1} << kPlaceBits) - 1), tokens, targets);
}

std::string fetchedIdentity(const DataSet &set, uint32_t blockSize) {
  return fmt::format("{} T={} shards={}", set.name, blockSize, set.trainShards);
}

Result<TokenData> openFetchedData(FetchedDataOptions options) {
  const FetchedSequences::Config &config = options.sequences;
  const DataSet &set = *config.set;
  if (config.vocabSize < kGpt2Vocabulary)
    return invalidArgument(fmt::format(
        "--data {}: its tokens are GPT-2's, of which there are {}; the model has {}: compile one "
        "with a larger vocabulary (swamla-gen --vocab-size 50304)",
        set.name, kGpt2Vocabulary, config.vocabSize));
  SWAMLA_TRY(std::unique_ptr<ShardStore> store, ShardStore::create(std::move(options.store)));
  TokenData data;
  data.identity = fetchedIdentity(set, config.blockSize);
  std::string folder = store->folder();
  if (options.validation) {
    SWAMLA_TRY(std::string path, store->get(set.valFile()));
    SWAMLA_TRY(std::shared_ptr<const TokenFile> file, openFile(path));
    auto validation = std::make_unique<StreamSequences>(sequencesOf(file, config));
    if (validation->sequences() > 0)
      data.validation = std::move(validation);
    else
      data.notes.push_back(fmt::format("{} tokens for validation are too few for one sequence: "
                                       "nothing to validate on",
                                       file->size()));
  } else {
    data.notes.push_back("the validation shard was not asked for");
  }
  SWAMLA_TRY(data.train, FetchedSequences::open(std::move(store), config));
  data.description = fmt::format("{}: shard {} of {} on, in {}", set.name,
                                 config.start.epoch % set.trainShards + 1, set.trainShards, folder);
  return data;
}

} // namespace swamla
