//===- StopSignal.cpp - SIGINT and SIGTERM as a request to stop -----------===//

#include "runtime/train/StopSignal.h"

#include <cerrno>
#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>

namespace swamla {

Result<std::unique_ptr<StopSignal>> StopSignal::create() {
  std::unique_ptr<StopSignal> stop(new StopSignal());
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGTERM);
  stop->signals = ::signalfd(-1, &wanted, SFD_CLOEXEC);
  stop->finished = ::eventfd(0, EFD_CLOEXEC);
  if (stop->signals < 0 || stop->finished < 0)
    return resourceExhausted(
        fmt::format("cannot watch for signals: {}", std::generic_category().message(errno)));
  pthread_sigmask(SIG_BLOCK, &wanted, &stop->before);
  stop->thread = std::thread([watcher = stop.get()] { watcher->watch(); });
  return stop;
}

StopSignal::~StopSignal() {
  if (thread.joinable()) {
    uint64_t one = 1;
    while (::write(finished, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
    thread.join();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  if (signals >= 0)
    ::close(signals);
  if (finished >= 0)
    ::close(finished);
}

void StopSignal::watch() {
  pollfd sources[2] = {{signals, POLLIN, 0}, {finished, POLLIN, 0}};
  while (true) {
    if (::poll(sources, 2, -1) < 0)
      continue; // EINTR
    if (sources[1].revents != 0)
      return;
    signalfd_siginfo info;
    if (::read(signals, &info, sizeof(info)) != sizeof(info))
      continue;
    auto number = static_cast<int>(info.ssi_signo);
    // Who asks twice does not want to wait for the step to end.
    if (signal.exchange(number) != 0)
      ::_exit(128 + number);
  }
}

} // namespace swamla
