//===- GlooGroup.cpp - all ranks of a run, connected by Gloo --------------===//
//
// Gloo reports by exceptions; they end here. One means nearly always that a
// rank is lost, and rank 0 knows which.
//
//===----------------------------------------------------------------------===//

#include "runtime/comm/GlooGroup.h"

#include <gloo/allgatherv.h>
#include <gloo/broadcast.h>
#include <gloo/gather.h>
#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/store.h>
#include <gloo/transport/tcp/device.h>
#include <gloo/types.h>

#include <cstring>

namespace swamla {

/// Waiting has no end of its own: the hub ends it when a rank is lost.
static constexpr std::chrono::hours kForever(24 * 365);
/// Gloo takes five times this to connect.
static constexpr int kConnectFactor = 5;
/// Of the messages of exchangePieces; Gloo's own collectives use numbers with a prefix.
static constexpr uint64_t kPieceSlot = 1;

namespace {

/// Gloo's view of the link: where ranks leave their addresses.
class LinkStore final : public gloo::rendezvous::Store {
public:
  LinkStore(RankLink &link, std::string name) : link(link), name(std::move(name)) {}

  void set(const std::string &key, const std::vector<char> &data) override {
    check(link.set(name + "/" + key, {data.data(), data.size()}));
  }
  std::vector<char> get(const std::string &key) override {
    Result<std::string> value = link.get(name + "/" + key);
    check(value.status());
    return {value->begin(), value->end()};
  }
  /// get() waits by itself.
  void wait(const std::vector<std::string> & /*keys*/) override {}

private:
  static void check(const Status &status) {
    if (!status.isOk())
      throw std::runtime_error(status.message());
  }

  RankLink &link;
  std::string name;
};

std::byte *writable(std::span<const std::byte> bytes) { // Gloo's buffers are for both directions
  return const_cast<std::byte *>(bytes.data());
}

} // namespace

struct GlooGroup::Connections {
  std::shared_ptr<gloo::rendezvous::Context> context;
};

GlooGroup::GlooGroup(RankLink &link, unsigned rank, unsigned ranks)
    : link(link), rank(rank), ranks(ranks), connections(std::make_unique<Connections>()) {}

GlooGroup::~GlooGroup() = default;

template <typename Work> Status GlooGroup::run(const char *what, Work work) {
  try {
    work();
    return Status::ok();
  } catch (const std::exception &error) {
    return link.whyFailed(fmt::format("{}: {}", what, error.what()));
  }
}

Result<std::unique_ptr<GlooGroup>> GlooGroup::connect(RankLink &link, const std::string &name,
                                                      unsigned rank, unsigned ranks,
                                                      const std::string &address,
                                                      const std::string &interface,
                                                      std::chrono::milliseconds joining) {
  std::unique_ptr<GlooGroup> group(new GlooGroup(link, rank, ranks));
  SWAMLA_RETURN_IF_ERROR(group->run("cannot connect the ranks", [&] {
    gloo::transport::tcp::attr attributes;
    attributes.hostname = address;
    attributes.iface = interface;
    std::shared_ptr<gloo::transport::Device> device =
        gloo::transport::tcp::CreateDevice(attributes);
    LinkStore store(link, name);
    auto context = std::make_shared<gloo::rendezvous::Context>(static_cast<int>(rank),
                                                               static_cast<int>(ranks));
    context->setTimeout(joining / kConnectFactor);
    context->connectFullMesh(store, device);
    context->setTimeout(kForever);
    group->connections->context = std::move(context);
  }));
  return group;
}

Status GlooGroup::exchangePieces(std::span<const std::byte> from, std::span<const Range> ranges,
                                 std::span<std::byte> to) {
  size_t own = ranges[rank].size;
  if (own != 0)
    std::memcpy(to.data() + rank * own, from.data() + ranges[rank].offset, own);
  return run("cannot exchange data with the other ranks", [&] {
    auto in = connections->context->createUnboundBuffer(writable(from), from.size());
    auto out = connections->context->createUnboundBuffer(to.data(), to.size());
    for (unsigned i = 1; i < ranks; ++i) {
      unsigned next = (rank + i) % ranks, previous = (rank + ranks - i) % ranks;
      in->send(static_cast<int>(next), kPieceSlot, ranges[next].offset, ranges[next].size);
      out->recv(static_cast<int>(previous), kPieceSlot, previous * own, own);
    }
    for (unsigned i = 1; i < ranks; ++i) {
      in->waitSend(kForever);
      out->waitRecv(kForever);
    }
  });
}

Status GlooGroup::allGather(std::span<std::byte> all, const std::vector<size_t> &sizes) {
  return run("cannot gather data from the other ranks", [&] {
    gloo::AllgathervOptions options(connections->context);
    options.setOutput(reinterpret_cast<char *>(all.data()), sizes);
    gloo::allgatherv(options);
  });
}

Status GlooGroup::gatherSmall(std::span<const std::byte> mine, std::span<std::byte> all) {
  return run("cannot exchange messages with the other ranks", [&] {
    gloo::GatherOptions gather(connections->context);
    gather.setInput(reinterpret_cast<char *>(writable(mine)), mine.size());
    if (rank == 0)
      gather.setOutput(reinterpret_cast<char *>(all.data()), all.size());
    gather.setRoot(0);
    gloo::gather(gather);
    gloo::BroadcastOptions broadcast(connections->context);
    broadcast.setOutput(reinterpret_cast<char *>(all.data()), all.size());
    broadcast.setRoot(0);
    gloo::broadcast(broadcast);
  });
}

} // namespace swamla
