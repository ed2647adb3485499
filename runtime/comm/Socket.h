//===- Socket.h - TCP connections between ranks ---------------------------===//
#pragma once

#include "runtime/base/Status.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace swamla {

/// A socket that is closed with its owner.
class Socket {
public:
  Socket() = default;
  explicit Socket(int fd) : fd(fd) {}
  Socket(Socket &&other) noexcept : fd(other.release()) {}
  Socket &operator=(Socket &&other) noexcept;
  ~Socket() { close(); }

  int get() const { return fd; }
  bool isOpen() const { return fd >= 0; }
  int release();
  void close();

private:
  int fd = -1;
};

/// Listens on a port of every address of this machine, or of 127.0.0.1 only. Port 0: any free one.
Result<Socket> listenOn(uint16_t port, bool loopbackOnly);
/// The port that a socket listens on.
uint16_t localPort(const Socket &socket);

/// Connects, trying again until `deadline` while nobody listens there.
Result<Socket> connectTo(const std::string &address, uint16_t port,
                         std::chrono::steady_clock::time_point deadline);
/// The next connection of a listening socket; not open if there is none.
Socket acceptFrom(const Socket &listener);

/// The numeric addresses of a connection's two ends, "10.0.0.4".
std::string localAddress(const Socket &socket);
std::string peerAddress(const Socket &socket);
/// Of this machine only: "127.0.0.1", "127.0.1.1", "::1".
bool isLoopback(std::string_view address);

} // namespace swamla
