//===- Socket.cpp - TCP connections between ranks -------------------------===//

#include "runtime/comm/Socket.h"

#include <cerrno>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace swamla {

/// Between two attempts to connect.
static constexpr std::chrono::milliseconds kRetry(50);
/// Connections that may wait to be accepted: all ranks come at once.
static constexpr int kBacklog = 4096;

static std::string reason(int error) { return std::generic_category().message(error); }

Socket &Socket::operator=(Socket &&other) noexcept {
  if (this != &other) {
    close();
    fd = other.release();
  }
  return *this;
}

int Socket::release() { return std::exchange(fd, -1); }

void Socket::close() {
  if (fd >= 0)
    ::close(std::exchange(fd, -1));
}

static bool bindAndListen(const Socket &socket, const sockaddr *address, socklen_t size) {
  int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  return ::bind(socket.get(), address, size) == 0 && ::listen(socket.get(), kBacklog) == 0;
}

Result<Socket> listenOn(uint16_t port, bool loopbackOnly) {
  constexpr int kType = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
  if (!loopbackOnly) { // IPv6 and IPv4 in one, where the machine has IPv6
    Socket both(::socket(AF_INET6, kType, 0));
    int off = 0;
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(port);
    if (both.isOpen() &&
        ::setsockopt(both.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0 &&
        bindAndListen(both, reinterpret_cast<const sockaddr *>(&any), sizeof(any)))
      return both;
  }
  Socket socket(::socket(AF_INET, kType, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(loopbackOnly ? INADDR_LOOPBACK : INADDR_ANY);
  if (!socket.isOpen() ||
      !bindAndListen(socket, reinterpret_cast<const sockaddr *>(&address), sizeof(address)))
    return failedPrecondition(fmt::format("cannot listen on port {}: {}", port, reason(errno)));
  return socket;
}

/// Host and port of an end, as numbers.
static std::pair<std::string, std::string> nameOf(const sockaddr_storage &address, socklen_t size) {
  char host[NI_MAXHOST] = "", port[NI_MAXSERV] = "";
  if (::getnameinfo(reinterpret_cast<const sockaddr *>(&address), size, host, sizeof(host), port,
                    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return {"", "0"};
  std::string_view name = host;
  constexpr std::string_view kMapped = "::ffff:"; // IPv4 on a socket of IPv6
  if (name.starts_with(kMapped) && name.find('.') != std::string_view::npos)
    name.remove_prefix(kMapped.size());
  return {std::string(name), port};
}

uint16_t localPort(const Socket &socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  ::getsockname(socket.get(), reinterpret_cast<sockaddr *>(&address), &size);
  return static_cast<uint16_t>(std::stoul(nameOf(address, size).second));
}

std::string localAddress(const Socket &socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  ::getsockname(socket.get(), reinterpret_cast<sockaddr *>(&address), &size);
  return nameOf(address, size).first;
}

std::string peerAddress(const Socket &socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  ::getpeername(socket.get(), reinterpret_cast<sockaddr *>(&address), &size);
  return nameOf(address, size).first;
}

bool isLoopback(std::string_view address) {
  return address.starts_with("127.") || address == "::1";
}

/// Messages are small and somebody waits for each.
static void sendAtOnce(const Socket &socket) {
  int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

Socket acceptFrom(const Socket &listener) {
  Socket socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket.isOpen())
    sendAtOnce(socket);
  return socket;
}

/// One attempt at every address of a name; the error of the last.
static Result<Socket> tryConnect(const std::string &address, uint16_t port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  std::string service = fmt::format("{}", port);
  if (int error = ::getaddrinfo(address.c_str(), service.c_str(), &hints, &found); error != 0)
    return notFound(::gai_strerror(error));
  int last = 0;
  Socket socket;
  for (addrinfo *each = found; each && !socket.isOpen(); each = each->ai_next) {
    socket = Socket(::socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, 0));
    if (socket.isOpen() && ::connect(socket.get(), each->ai_addr, each->ai_addrlen) != 0) {
      last = errno;
      socket.close();
    }
  }
  ::freeaddrinfo(found);
  if (!socket.isOpen())
    return failedPrecondition(reason(last));
  sendAtOnce(socket);
  return socket;
}

Result<Socket> connectTo(const std::string &address, uint16_t port,
                         std::chrono::steady_clock::time_point deadline) {
  while (true) {
    Result<Socket> socket = tryConnect(address, port);
    if (socket.isOk())
      return socket;
    if (std::chrono::steady_clock::now() + kRetry > deadline)
      return failedPrecondition(
          fmt::format("cannot reach rank 0 at {} port {}: {}; is it running, and is its address "
                      "right (MASTER_ADDR, MASTER_PORT)?",
                      address, port, socket.status().message()));
    std::this_thread::sleep_for(kRetry);
  }
}

} // namespace swamla
