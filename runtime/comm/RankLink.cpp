//===- RankLink.cpp - a rank's connection to rank 0 -----------------------===//

#include "runtime/comm/RankLink.h"

#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace swamla {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// For the others to hear of an abort. They hear of a lost connection in any case.
static constexpr milliseconds kFarewell(2000);
/// Beyond the time in which rank 0 notices that a rank is silent.
static constexpr milliseconds kVerdictSlack(3000);

Result<std::unique_ptr<RankLink>> RankLink::connect(Config config) {
  std::unique_ptr<RankLink> link(new RankLink(std::move(config)));
  SWAMLA_RETURN_IF_ERROR(link->start());
  return link;
}

Status RankLink::start() {
  Clock::time_point deadline = Clock::now() + config.times.joining;
  SWAMLA_TRY(socket, connectTo(config.address, config.port, deadline));
  stop = Socket(::eventfd(0, EFD_CLOEXEC));
  if (!stop.isOpen())
    return resourceExhausted(
        fmt::format("cannot watch the other ranks: {}", std::generic_category().message(errno)));
  heard = Clock::now();
  thread = std::thread([this] { listen(); });
  SWAMLA_RETURN_IF_ERROR(send(FrameKind::Hello, helloBody(config.rank, config.ranks)));
  std::unique_lock lock(mutex);
  // Rank 0 judges who is late; this is for a rank 0 that is none.
  changed.wait_until(lock, deadline + kVerdictSlack, [&] { return welcome || verdict; });
  if (verdict)
    return lostStatus(*verdict);
  if (!welcome)
    return failedPrecondition(
        fmt::format("{} port {} does not answer as rank 0 of a run", config.address, config.port));
  ownAddress = *welcome;
  return Status::ok();
}

RankLink::~RankLink() {
  if (!thread.joinable())
    return;
  uint64_t one = 1;
  while (::write(stop.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  thread.join();
}

Status RankLink::lostStatus(const std::string &why) {
  return Status::error(StatusCode::RankLost, why);
}

void RankLink::listen() {
  FrameReader in;
  Clock::time_point nextBeat = Clock::now();
  while (true) {
    pollfd sources[2] = {{stop.get(), POLLIN, 0}, {socket.get(), POLLIN, 0}};
    ::poll(sources, 2, static_cast<int>(config.times.beat().count()));
    if (sources[0].revents != 0)
      return;
    if (sources[1].revents != 0 && !read(in)) {
      lost("rank 0 has ended without a word: it was killed, or it crashed");
      return;
    }
    Clock::time_point now = Clock::now();
    if (now - heard > config.times.silence) {
      lost(fmt::format("rank 0 has not been heard of for {:.1f} s: it hangs or is stopped, or its "
                       "machine or network is down",
                       std::chrono::duration<double>(now - heard).count()));
      return;
    }
    if (now >= nextBeat) {
      nextBeat = now + config.times.beat();
      // What goes wrong here is seen by reading.
      [[maybe_unused]] Status sent = send(FrameKind::Beat, "");
    }
  }
}

bool RankLink::read(FrameReader &in) {
  std::array<char, 1 << 16> bytes;
  ssize_t count = 0;
  while ((count = ::recv(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT)) > 0) {
    heard = Clock::now();
    in.feed({bytes.data(), static_cast<size_t>(count)});
  }
  bool open = count < 0 && (errno == EAGAIN || errno == EINTR);
  while (true) {
    Result<std::optional<Frame>> frame = in.next();
    if (!frame.isOk())
      return false;
    if (!*frame)
      return open;
    handle(std::move(**frame));
  }
}

void RankLink::handle(Frame frame) {
  if (frame.kind == FrameKind::Lost) {
    lost(frame.body);
    return;
  }
  {
    std::lock_guard lock(mutex);
    if (frame.kind == FrameKind::Welcome)
      welcome = std::move(frame.body);
    else if (frame.kind == FrameKind::Bye)
      allDone = true;
    else if (frame.kind == FrameKind::Value)
      values.insert(splitKeyValue(frame.body));
  }
  changed.notify_all();
}

void RankLink::lost(const std::string &why) {
  bool tell = false;
  {
    std::lock_guard lock(mutex);
    tell = !verdict && !ending && !allDone;
    if (!verdict)
      verdict = why;
  }
  changed.notify_all();
  if (tell && config.onLost)
    config.onLost(why);
}

Status RankLink::send(FrameKind kind, std::string_view body) {
  std::string frame = encodeFrame(kind, body);
  std::lock_guard lock(sending);
  for (size_t at = 0; at < frame.size();) {
    ssize_t count = ::send(socket.get(), frame.data() + at, frame.size() - at, MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR)
      return Status::error(
          StatusCode::RankLost,
          fmt::format("cannot reach rank 0 any more: {}", std::generic_category().message(errno)));
    if (count > 0)
      at += static_cast<size_t>(count);
  }
  return Status::ok();
}

Status RankLink::set(std::string_view key, std::string_view value) {
  Status status = send(FrameKind::Set, keyValueBody(key, value));
  return status.isOk() ? Status::ok() : whyFailed(status.message());
}

Result<std::string> RankLink::get(const std::string &key) {
  if (Status status = send(FrameKind::Get, key); !status.isOk())
    return whyFailed(status.message());
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return verdict || values.contains(key); });
  if (auto it = values.find(key); it != values.end())
    return values.extract(it).mapped();
  return lostStatus(*verdict);
}

void RankLink::abort(std::string_view reason) {
  {
    std::lock_guard lock(mutex);
    if (verdict || ending)
      return; // they know
    ending = true;
  }
  if (!send(FrameKind::Abort, reason).isOk())
    return;
  std::unique_lock lock(mutex);
  changed.wait_for(lock, kFarewell, [&] { return verdict.has_value(); });
}

Status RankLink::leave() {
  SWAMLA_RETURN_IF_ERROR(send(FrameKind::Bye, ""));
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return allDone || verdict; });
  ending = true;
  return allDone ? Status::ok() : lostStatus(*verdict);
}

Status RankLink::whyFailed(const std::string &otherwise) {
  std::unique_lock lock(mutex);
  changed.wait_for(lock, config.times.silence + kVerdictSlack,
                   [&] { return verdict.has_value() || ending; });
  return lostStatus(verdict ? *verdict : otherwise);
}

} // namespace swamla
