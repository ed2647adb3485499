//===- GlooGroup.h - all ranks of a run, connected by Gloo ----------------===//
//
// One full mesh of TCP connections and the collectives on it. Each group is for
// one thread at a time; groups do not wait for each other.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/comm/RankLink.h"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace swamla {

class GlooGroup {
public:
  /// Bytes [offset, offset + size) of something.
  struct Range {
    size_t offset = 0, size = 0;
  };

  /// Connects all ranks; each calls it with the same `name`. `link` must outlive the group.
  /// `address` is this machine's, or `interface` the name of the network interface to use.
  static Result<std::unique_ptr<GlooGroup>> connect(RankLink &link, const std::string &name,
                                                    unsigned rank, unsigned ranks,
                                                    const std::string &address,
                                                    const std::string &interface,
                                                    std::chrono::milliseconds joining);
  ~GlooGroup();

  /// Sends range r of `from` to rank r, and receives rank r's range for this rank at r * n of `to`,
  /// n being the size of this rank's own range: that is copied, too.
  Status exchangePieces(std::span<const std::byte> from, std::span<const Range> ranges,
                        std::span<std::byte> to);
  /// `all` is ranks() pieces of `sizes` bytes, of which this rank has its own: fills the others.
  Status allGather(std::span<std::byte> all, const std::vector<size_t> &sizes);
  /// Fills `all` with the ranks' `mine`, all of one size.
  Status gatherSmall(std::span<const std::byte> mine, std::span<std::byte> all);

private:
  struct Connections;
  GlooGroup(RankLink &link, unsigned rank, unsigned ranks);
  template <typename Work> Status run(const char *what, Work work);

  RankLink &link;
  unsigned rank, ranks;
  std::unique_ptr<Connections> connections;
};

} // namespace swamla
