//===- StopSignal.cpp - SIGINT and SIGTERM as a request to stop -----------===//

#include "runtime/train/StopSignal.h"

#include <csignal>

namespace swamla {

static volatile std::sig_atomic_t lastSignal = 0;

static void remember(int signal) { lastSignal = signal; }

static void install(void (*handler)(int), int flags) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

StopSignal::StopSignal() {
  lastSignal = 0;
  // Reset after the first signal: who asks twice does not want to wait.
  install(remember, static_cast<int>(SA_RESETHAND) | SA_RESTART);
}

StopSignal::~StopSignal() { install(SIG_DFL, 0); }

int StopSignal::received() const { return lastSignal; }

} // namespace swamla
