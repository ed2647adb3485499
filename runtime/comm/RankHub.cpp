//===- RankHub.cpp - rank 0's word on who is there ------------------------===//

#include "runtime/comm/RankHub.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace swamla {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

milliseconds RankTimes::beat() const {
  return std::clamp(silence / 6, milliseconds(20), milliseconds(1000));
}

static double seconds(milliseconds time) { return std::chrono::duration<double>(time).count(); }

Result<std::unique_ptr<RankHub>> RankHub::start(Socket listener, unsigned ranks, RankTimes times) {
  std::unique_ptr<RankHub> hub(new RankHub(std::move(listener), ranks, times));
  hub->stop = Socket(::eventfd(0, EFD_CLOEXEC));
  if (!hub->stop.isOpen())
    return resourceExhausted(
        fmt::format("cannot serve the other ranks: {}", std::generic_category().message(errno)));
  hub->started = hub->lastBeat = Clock::now();
  hub->thread = std::thread([server = hub.get()] { server->serve(); });
  return hub;
}

RankHub::~RankHub() {
  if (!thread.joinable())
    return;
  uint64_t one = 1;
  while (::write(stop.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  thread.join();
}

void RankHub::serve() {
  std::vector<pollfd> polled;
  while (true) {
    polled = {{stop.get(), POLLIN, 0}, {listener.get(), POLLIN, 0}};
    for (const Peer &peer : peers)
      polled.push_back(
          {peer.socket.get(), static_cast<short>(peer.out.empty() ? POLLIN : POLLIN | POLLOUT), 0});
    ::poll(polled.data(), polled.size(), static_cast<int>(times.beat().count()));
    if (polled[0].revents != 0)
      return;
    // First everything that has come: after a pause of this process itself all would seem silent.
    size_t index = 2;
    for (Peer &peer : peers) {
      short events = polled[index++].revents;
      if (peer.socket.isOpen() && (events & (POLLIN | POLLHUP | POLLERR)) != 0)
        readFrom(peer);
      if (peer.socket.isOpen() && !peer.out.empty())
        writeTo(peer);
    }
    if (polled[1].revents != 0)
      acceptAll();
    judgeSilence();
    beatAll();
    peers.remove_if([](const Peer &peer) { return !peer.socket.isOpen(); });
  }
}

void RankHub::acceptAll() {
  for (Socket socket = acceptFrom(listener); socket.isOpen(); socket = acceptFrom(listener)) {
    Peer &peer = peers.emplace_back();
    peer.socket = std::move(socket);
    peer.heard = Clock::now();
  }
}

void RankHub::readFrom(Peer &peer) {
  std::array<char, 1 << 16> bytes;
  ssize_t count = 0;
  while ((count = ::recv(peer.socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT)) > 0) {
    peer.heard = Clock::now();
    peer.in.feed({bytes.data(), static_cast<size_t>(count)});
  }
  bool ended = count == 0 || (errno != EAGAIN && errno != EINTR);
  while (peer.socket.isOpen()) {
    Result<std::optional<Frame>> frame = peer.in.next();
    if (!frame.isOk()) {
      closed(peer, "has sent what is no message of swamla");
      return;
    }
    if (!*frame)
      break;
    handle(peer, **frame);
  }
  if (ended && peer.socket.isOpen())
    closed(peer, "has ended without a word: it was killed, or it crashed");
}

void RankHub::handle(Peer &peer, const Frame &frame) {
  if (!peer.rank) {
    if (frame.kind == FrameKind::Hello)
      greet(peer, frame.body);
    else
      peer.socket.close(); // no rank: whoever it is
    return;
  }
  switch (frame.kind) {
  case FrameKind::Set: {
    auto [key, value] = splitKeyValue(frame.body);
    store[key] = std::move(value);
    auto [first, last] = waiting.equal_range(key);
    std::vector<Peer *> answered;
    for (auto it = first; it != last; ++it)
      answered.push_back(it->second);
    waiting.erase(first, last);
    for (Peer *each : answered)
      answer(*each, key);
    return;
  }
  case FrameKind::Get:
    answer(peer, frame.body);
    return;
  case FrameKind::Abort:
    peer.left = true; // what follows is no news
    lose(fmt::format("rank {} cannot go on: {}", *peer.rank, frame.body));
    return;
  case FrameKind::Bye:
    if (!peer.left && ++left == ranks && !verdict)
      for (Peer &each : peers)
        send(each, FrameKind::Bye, "");
    peer.left = true;
    return;
  default: // a beat
    return;
  }
}

void RankHub::greet(Peer &peer, std::string_view body) {
  Result<std::pair<unsigned, unsigned>> place = parseHello(body);
  if (!place.isOk()) {
    peer.socket.close();
    return;
  }
  auto [rank, theirs] = *place;
  bool twice = std::ranges::any_of(peers, [&](const Peer &other) { return other.rank == rank; });
  if (theirs == ranks && !twice) {
    peer.rank = rank;
    if (++joined == ranks)
      welcomeAll();
    else if (verdict)
      send(peer, FrameKind::Lost, *verdict);
    return;
  }
  std::string why =
      twice ? fmt::format("there is a rank {} already: two runs with one address and port "
                          "(MASTER_PORT), or two processes with one rank",
                          rank)
            : fmt::format("rank {} was started as one of {} ranks, rank 0 as one of {}", rank,
                          theirs, ranks);
  send(peer, FrameKind::Lost, why);
  if (!twice) // else it may be another run's, and this one goes on
    lose(why);
}

void RankHub::welcomeAll() {
  // Ranks on this machine may have come over the loopback, where those elsewhere cannot reach them.
  std::string ours;
  for (const Peer &peer : peers)
    if (std::string address = localAddress(peer.socket); peer.rank && !isLoopback(address))
      ours = address;
  for (Peer &peer : peers) {
    if (!peer.rank)
      continue;
    std::string address = peerAddress(peer.socket);
    send(peer, FrameKind::Welcome, isLoopback(address) && !ours.empty() ? ours : address);
  }
}

void RankHub::answer(Peer &peer, const std::string &key) {
  if (auto it = store.find(key); it != store.end())
    send(peer, FrameKind::Value, keyValueBody(key, it->second));
  else
    waiting.emplace(key, &peer);
}

void RankHub::send(Peer &peer, FrameKind kind, std::string_view body) {
  if (!peer.socket.isOpen())
    return;
  peer.out += encodeFrame(kind, body);
  writeTo(peer);
}

void RankHub::writeTo(Peer &peer) {
  while (!peer.out.empty()) {
    ssize_t count =
        ::send(peer.socket.get(), peer.out.data(), peer.out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR)
      return; // full, or broken: reading will tell
    if (count > 0)
      peer.out.erase(0, static_cast<size_t>(count));
  }
}

void RankHub::closed(Peer &peer, std::string_view why) {
  peer.socket.close();
  std::erase_if(waiting, [&](const auto &entry) { return entry.second == &peer; });
  if (peer.rank && !peer.left) {
    peer.left = true;
    lose(fmt::format("rank {} {}", *peer.rank, why));
  }
}

void RankHub::judgeSilence() {
  if (verdict)
    return;
  Clock::time_point now = Clock::now();
  if (joined < ranks && now - started > times.joining) {
    std::vector<bool> here(ranks);
    for (const Peer &peer : peers)
      if (peer.rank)
        here[*peer.rank] = true;
    std::vector<unsigned> missing;
    for (unsigned rank = 0; rank < ranks; ++rank)
      if (!here[rank])
        missing.push_back(rank);
    lose(fmt::format("{} of {} ranks have not come within {:.0f} s: {}", missing.size(), ranks,
                     seconds(times.joining), fmt::join(missing, ", ")));
    return;
  }
  for (const Peer &peer : peers)
    if (peer.rank && !peer.left && now - peer.heard > times.silence) {
      lose(fmt::format("rank {} has not been heard of for {:.1f} s: it hangs or is stopped, or its "
                       "machine or network is down",
                       *peer.rank, seconds(duration_cast<milliseconds>(now - peer.heard))));
      return;
    }
}

void RankHub::beatAll() {
  Clock::time_point now = Clock::now();
  if (now - lastBeat < times.beat())
    return;
  lastBeat = now;
  for (Peer &peer : peers)
    if (peer.rank)
      send(peer, FrameKind::Beat, "");
}

/// Once: what follows from the first loss is none of its own.
void RankHub::lose(const std::string &why) {
  if (verdict)
    return;
  verdict = why;
  for (Peer &peer : peers) // our own process ends when it hears of it: it is the last to
    if (peer.rank && *peer.rank != 0)
      send(peer, FrameKind::Lost, why);
  for (Peer &peer : peers)
    if (peer.rank == 0u)
      send(peer, FrameKind::Lost, why);
}

} // namespace swamla
