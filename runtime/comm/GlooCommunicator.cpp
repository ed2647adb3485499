//===- GlooCommunicator.cpp - ranks over TCP ------------------------------===//

#include "runtime/comm/GlooCommunicator.h"

#include "runtime/comm/GlooGroup.h"
#include "runtime/comm/Reduce.h"

#include <algorithm>
#include <cstring>

namespace swamla {

namespace {

/// Elements of each rank that are reduced at a time, so that what waits for it stays small.
constexpr size_t kPieceElements = size_t{1} << 18;

class GlooCommunicator final : public Communicator {
public:
  explicit GlooCommunicator(const RankPlace &place) : place(place) {}
  Status connect(GlooConfig config);

  unsigned rank() const override { return place.rank; }
  unsigned ranks() const override { return place.ranks; }
  Status allReduce(std::span<std::byte> bytes, schema::DType type, ReduceOp op) override;
  Status reduceScatter(std::span<const std::byte> from, std::span<std::byte> to,
                       schema::DType type) override;
  Status allGather(std::span<const std::byte> from, std::span<std::byte> to) override;
  Result<std::vector<std::string>> exchange(std::string_view mine) override;
  Status gatherNumbers(std::span<const double> mine, std::span<double> all) override;
  Status leave() override { return link->leave(); }
  void abort(std::string_view reason) override { link->abort(reason); }

private:
  Status reduceChunk(std::span<std::byte> chunk, schema::DType type, ReduceOp op);

  RankPlace place;
  // In the order in which they need each other.
  std::unique_ptr<RankHub> hub;
  std::unique_ptr<RankLink> link;
  std::unique_ptr<GlooGroup> data, messages;
  // Of the data plane, reused.
  std::vector<std::byte> staging;
  std::vector<GlooGroup::Range> ranges;
  std::vector<size_t> sizes;
};

Status checkReducible(schema::DType type, size_t bytes) {
  if ((type == schema::DType::F32 || type == schema::DType::BF16) && bytes % dtypeBytes(type) == 0)
    return Status::ok();
  return internalError(
      fmt::format("{} bytes of {} cannot be reduced over ranks", bytes, dtypeName(type)));
}

Status GlooCommunicator::connect(GlooConfig config) {
  ranges.resize(place.ranks);
  sizes.resize(place.ranks);
  if (place.rank == 0) {
    if (!config.listener.isOpen()) {
      SWAMLA_TRY(config.listener, listenOn(place.port, /*loopbackOnly=*/false));
    }
    SWAMLA_TRY(hub, RankHub::start(std::move(config.listener), place.ranks, config.times));
  }
  SWAMLA_TRY(link, RankLink::connect({place.rank, place.ranks, place.address, place.port,
                                      config.times, std::move(config.onLost)}));
  for (auto [group, name] : {std::pair{&data, "data"}, std::pair{&messages, "messages"}}) {
    SWAMLA_TRY(*group, GlooGroup::connect(*link, name, place.rank, place.ranks, link->address(),
                                          config.interface, config.times.joining));
  }
  // Nobody goes on, or gives up, while another still connects.
  return exchange("").isOk() ? Status::ok() : link->whyFailed("a rank did not connect");
}

/// A chunk is cut into a piece for each rank; each rank adds up its piece, and all gather them.
Status GlooCommunicator::reduceChunk(std::span<std::byte> chunk, schema::DType type, ReduceOp op) {
  uint64_t width = dtypeBytes(type);
  size_t count = chunk.size() / width, each = (count + place.ranks - 1) / place.ranks;
  for (size_t r = 0; r < place.ranks; ++r) {
    size_t begin = std::min(r * each, count), end = std::min(begin + each, count);
    ranges[r] = {begin * width, (end - begin) * width};
    sizes[r] = ranges[r].size;
  }
  std::span<std::byte> own = chunk.subspan(ranges[place.rank].offset, ranges[place.rank].size);
  staging.resize(std::max(staging.size(), own.size() * place.ranks));
  std::span<std::byte> pieces = std::span(staging).first(own.size() * place.ranks);
  SWAMLA_RETURN_IF_ERROR(data->exchangePieces(chunk, ranges, pieces));
  reducePieces(pieces, own, type, op);
  return data->allGather(chunk, sizes);
}

Status GlooCommunicator::allReduce(std::span<std::byte> bytes, schema::DType type, ReduceOp op) {
  SWAMLA_RETURN_IF_ERROR(checkReducible(type, bytes.size()));
  size_t most = kPieceElements * place.ranks * dtypeBytes(type);
  for (size_t at = 0; at < bytes.size(); at += most)
    SWAMLA_RETURN_IF_ERROR(
        reduceChunk(bytes.subspan(at, std::min(most, bytes.size() - at)), type, op));
  return Status::ok();
}

Status GlooCommunicator::reduceScatter(std::span<const std::byte> from, std::span<std::byte> to,
                                       schema::DType type) {
  SWAMLA_RETURN_IF_ERROR(checkReducible(type, to.size()));
  if (from.size() != to.size() * place.ranks)
    return internalError(fmt::format("a reduce-scatter from {} bytes to {} on each of {} ranks",
                                     from.size(), to.size(), place.ranks));
  size_t most = kPieceElements * dtypeBytes(type);
  for (size_t at = 0; at < to.size(); at += most) {
    size_t size = std::min(most, to.size() - at);
    for (size_t r = 0; r < place.ranks; ++r)
      ranges[r] = {r * to.size() + at, size};
    staging.resize(std::max(staging.size(), size * place.ranks));
    std::span<std::byte> pieces = std::span(staging).first(size * place.ranks);
    SWAMLA_RETURN_IF_ERROR(data->exchangePieces(from, ranges, pieces));
    reducePieces(pieces, to.subspan(at, size), type, ReduceOp::Sum);
  }
  return Status::ok();
}

Status GlooCommunicator::allGather(std::span<const std::byte> from, std::span<std::byte> to) {
  if (to.size() != from.size() * place.ranks)
    return internalError(fmt::format("an all-gather from {} bytes on each of {} ranks to {}",
                                     from.size(), place.ranks, to.size()));
  std::byte *own = to.data() + place.rank * from.size();
  if (own != from.data() && !from.empty())
    std::memcpy(own, from.data(), from.size());
  std::ranges::fill(sizes, from.size());
  return data->allGather(to, sizes);
}

Status GlooCommunicator::gatherNumbers(std::span<const double> mine, std::span<double> all) {
  return messages->gatherSmall(std::as_bytes(mine), std::as_writable_bytes(all));
}

Result<std::vector<std::string>> GlooCommunicator::exchange(std::string_view mine) {
  uint64_t size = mine.size();
  std::vector<uint64_t> each(place.ranks);
  SWAMLA_RETURN_IF_ERROR(messages->gatherSmall(std::as_bytes(std::span(&size, 1)),
                                               std::as_writable_bytes(std::span(each))));
  std::string all;
  for (unsigned r = 0; r < place.ranks; ++r)
    all += r == place.rank ? std::string(mine) : std::string(each[r], '\0');
  SWAMLA_RETURN_IF_ERROR(
      messages->allGather(std::as_writable_bytes(std::span(all)), {each.begin(), each.end()}));
  std::vector<std::string> result;
  size_t at = 0;
  for (uint64_t bytes : each) {
    result.push_back(all.substr(at, bytes));
    at += bytes;
  }
  return result;
}

} // namespace

Result<std::unique_ptr<Communicator>> createGlooCommunicator(GlooConfig config) {
  auto communicator = std::make_unique<GlooCommunicator>(config.place);
  SWAMLA_RETURN_IF_ERROR(communicator->connect(std::move(config)));
  return std::unique_ptr<Communicator>(std::move(communicator));
}

} // namespace swamla
