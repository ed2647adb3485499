//===- StopSignal.h - SIGINT and SIGTERM as a request to stop -------------===//
#pragma once

namespace swamla {

/// While one of these lives, the first SIGINT or SIGTERM is kept for the program to look at; a
/// second one ends it at once. At most one may live at a time.
class StopSignal {
public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal &) = delete;
  StopSignal &operator=(const StopSignal &) = delete;

  /// The signal that came, or 0.
  int received() const;
};

} // namespace swamla
