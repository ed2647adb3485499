//===- Launcher.cpp - one process for each rank of this machine -----------===//
//
// The ranks watch each other (RankHub.h); this only starts them, passes on what
// comes from outside, and cleans up what the others have left behind.
//
//===----------------------------------------------------------------------===//

#include "tools/swamla-run/Launcher.h"

#include "runtime/base/Log.h"
#include "runtime/comm/Socket.h"
#include "tools/swamla-run/Options.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace swamla::run {

namespace {

using Clock = std::chrono::steady_clock;
/// After one has failed the others hear of it and end; one that does not is stopped, or hangs.
constexpr std::chrono::seconds kGrace(5);

struct Child {
  pid_t pid = -1; ///< -1: has ended
  Socket output;  ///< the read end of a pipe; not open for rank 0
  std::string line;
};

class Launcher {
public:
  explicit Launcher(unsigned count) : children(count) {}
  Result<int> run(char *const *arguments);

private:
  Status start(unsigned rank, char *const *arguments, const Socket &listener);
  [[noreturn]] void becomeRank(unsigned rank, char *const *arguments, const Socket &listener,
                               int output);
  void wait();
  void forward(unsigned rank);
  void handleSignals();
  void reap();
  void ended(unsigned rank, int code);
  void killAll(int signal);
  bool anyRuns() const;

  std::vector<Child> children;
  Socket signals;
  sigset_t before{};
  pid_t self = ::getpid();
  std::optional<int> failure;
  std::optional<Clock::time_point> killAt;
  bool killed = false; ///< what did not end by itself
};

Status systemFailure(const char *what) {
  return failedPrecondition(
      fmt::format("cannot {}: {}", what, std::generic_category().message(errno)));
}

Result<int> Launcher::run(char *const *arguments) {
  SWAMLA_TRY(Socket listener, listenOn(0, /*loopbackOnly=*/true));
  sigset_t wanted;
  sigemptyset(&wanted);
  for (int signal : {SIGINT, SIGTERM, SIGCHLD})
    sigaddset(&wanted, signal);
  pthread_sigmask(SIG_BLOCK, &wanted, &before);
  signals = Socket(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals.isOpen())
    return systemFailure("watch for signals");
  for (unsigned rank = 0; rank < children.size(); ++rank)
    if (Status status = start(rank, arguments, listener); !status.isOk()) {
      killAll(SIGKILL);
      return status;
    }
  listener.close();
  while (anyRuns())
    wait();
  for (unsigned rank = 1; rank < children.size(); ++rank)
    forward(rank); // what the last words were
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return failure.value_or(kSuccess);
}

Status Launcher::start(unsigned rank, char *const *arguments, const Socket &listener) {
  std::array<int, 2> ends = {-1, -1};
  if (rank > 0 && ::pipe2(ends.data(), O_CLOEXEC) != 0)
    return systemFailure("make a pipe for the output of a rank");
  Socket read(ends[0]), write(ends[1]);
  pid_t pid = ::fork();
  if (pid < 0)
    return systemFailure("start a process for a rank");
  if (pid == 0)
    becomeRank(rank, arguments, listener, write.get());
  // Here as well as there: a signal may be passed on before the child has come so far.
  ::setpgid(pid, pid);
  if (read.isOpen())
    ::fcntl(read.get(), F_SETFL, O_NONBLOCK);
  children[rank].pid = pid;
  children[rank].output = std::move(read);
  return Status::ok();
}

void Launcher::becomeRank(unsigned rank, char *const *arguments, const Socket &listener,
                          int output) {
  // A group of its own: Ctrl-C reaches the launcher alone, which passes it on once.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != self)
    ::_exit(kFailure); // it died before the line above
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (output >= 0) {
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
  }
  auto set = [](const char *name, const std::string &value) {
    ::setenv(name, value.c_str(), /*overwrite=*/1);
  };
  std::string count = std::to_string(children.size()), number = std::to_string(rank);
  set("RANK", number);
  set("LOCAL_RANK", number);
  set("WORLD_SIZE", count);
  set("LOCAL_WORLD_SIZE", count);
  set("MASTER_ADDR", "127.0.0.1");
  set("MASTER_PORT", std::to_string(localPort(listener)));
  set(kLaunchedVariable, "1");
  if (rank == 0) {
    ::fcntl(listener.get(), F_SETFD, 0);
    set(kListenVariable, std::to_string(listener.get()));
  }
  ::execv("/proc/self/exe", arguments);
  ::_exit(kFailure);
}

void Launcher::wait() {
  std::vector<pollfd> sources = {{signals.get(), POLLIN, 0}};
  for (const Child &child : children)
    sources.push_back({child.output.get(), POLLIN, 0});
  int timeout = -1;
  if (killAt)
    timeout = static_cast<int>(std::max<int64_t>(
        0, std::chrono::ceil<std::chrono::milliseconds>(*killAt - Clock::now()).count()));
  ::poll(sources.data(), sources.size(), timeout);
  for (unsigned rank = 0; rank < children.size(); ++rank)
    if (sources[rank + 1].revents != 0)
      forward(rank);
  if (sources[0].revents != 0)
    handleSignals();
  if (killAt && Clock::now() >= *killAt) {
    killed = true;
    killAll(SIGKILL);
    killAt.reset();
  }
}

/// Prints whole lines of what a rank has written; at its end also what is left.
void Launcher::forward(unsigned rank) {
  Child &child = children[rank];
  std::array<char, 4096> bytes;
  ssize_t count = 0;
  while (child.output.isOpen() &&
         (count = ::read(child.output.get(), bytes.data(), bytes.size())) > 0)
    child.line.append(bytes.data(), static_cast<size_t>(count));
  bool end = child.output.isOpen() && count == 0;
  if (end)
    child.output.close();
  size_t at = 0;
  for (size_t next = 0; (next = child.line.find('\n', at)) != std::string::npos; at = next + 1)
    fmt::print(stderr, "[rank {}] {}\n", rank, child.line.substr(at, next - at));
  child.line.erase(0, at);
  if (end && !child.line.empty())
    fmt::print(stderr, "[rank {}] {}\n", rank, child.line);
}

void Launcher::handleSignals() {
  signalfd_siginfo info;
  while (::read(signals.get(), &info, sizeof(info)) == sizeof(info))
    if (info.ssi_signo != SIGCHLD)
      killAll(static_cast<int>(info.ssi_signo));
  reap();
}

void Launcher::reap() {
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;)
    for (unsigned rank = 0; rank < children.size(); ++rank)
      if (children[rank].pid == pid) {
        children[rank].pid = -1;
        if (WIFSIGNALED(status) && !killed)
          logError("rank {} (process {}) was ended by signal {}", rank, pid, WTERMSIG(status));
        ended(rank, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
      }
}

void Launcher::ended(unsigned rank, int code) {
  if (rank > 0)
    forward(rank);
  if (code == kSuccess)
    return;
  bool own = code != kRankLost && !(killed && code == 128 + SIGKILL); // a reason of its own
  if (!failure || (own && *failure == kRankLost))
    failure = own ? code : int{kRankLost};
  if (!killAt && !killed)
    killAt = Clock::now() + kGrace;
}

void Launcher::killAll(int signal) {
  for (const Child &child : children)
    if (child.pid > 0)
      ::kill(child.pid, signal);
}

bool Launcher::anyRuns() const {
  return std::ranges::any_of(children, [](const Child &child) { return child.pid > 0; });
}

} // namespace

Result<int> launchRanks(unsigned count, char *const *arguments) {
  return Launcher(count).run(arguments);
}

} // namespace swamla::run
