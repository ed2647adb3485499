//===- ThreadRanks.h - ranks that are threads of a test -------------------===//
#pragma once

#include "runtime/comm/Communicator.h"

#include <algorithm>
#include <barrier>
#include <cstring>
#include <memory>

namespace swamla::test {

/// Communicators of several ranks within a process, each for one thread.
class ThreadRanks {
public:
  explicit ThreadRanks(unsigned ranks) : inputs(ranks), messages(ranks), barrier(ranks) {
    for (unsigned rank = 0; rank < ranks; ++rank)
      communicators.push_back(std::make_unique<Rank>(*this, rank));
  }
  Communicator &operator[](unsigned rank) { return *communicators[rank]; }

private:
  class Rank final : public Communicator {
  public:
    Rank(ThreadRanks &all, unsigned self) : all(all), self(self) {}
    unsigned rank() const override { return self; }
    unsigned ranks() const override { return unsigned(all.inputs.size()); }

    Status allReduce(std::span<std::byte> data, schema::DType type, ReduceOp op) override {
      return reduce(data, data, 0, type, op);
    }
    Status reduceScatter(std::span<const std::byte> from, std::span<std::byte> to,
                         schema::DType type) override {
      return reduce(from, to, self * to.size(), type, ReduceOp::Sum);
    }
    Status allGather(std::span<const std::byte> from, std::span<std::byte> to) override {
      all.inputs[self] = from;
      all.barrier.arrive_and_wait();
      for (unsigned rank = 0; rank < ranks(); ++rank)
        if (to.data() + rank * from.size() != from.data())
          std::ranges::copy(all.inputs[rank], to.begin() + rank * from.size());
      all.barrier.arrive_and_wait();
      return Status::ok();
    }
    Result<std::vector<std::string>> exchange(std::string_view mine) override {
      all.messages[self] = mine;
      all.barrier.arrive_and_wait();
      std::vector<std::string> result = all.messages;
      all.barrier.arrive_and_wait();
      return result;
    }
    Status gatherNumbers(std::span<const double>, std::span<double>) override {
      return internalError("ThreadRanks has no numbers of the training loop");
    }
    Status leave() override { return Status::ok(); }
    void abort(std::string_view) override {}

  private:
    Status reduce(std::span<const std::byte> from, std::span<std::byte> to, size_t offset,
                  schema::DType type, ReduceOp op) {
      if (type != schema::DType::F32)
        return internalError("ThreadRanks reduces f32 only");
      all.inputs[self] = from;
      all.barrier.arrive_and_wait();
      std::vector<float> result(to.size() / sizeof(float));
      for (unsigned rank = 0; rank < ranks(); ++rank)
        for (size_t i = 0; i < result.size(); ++i) {
          float value = 0;
          std::memcpy(&value, all.inputs[rank].data() + offset + i * sizeof(float), sizeof(float));
          result[i] = rank == 0             ? value
                      : op == ReduceOp::Max ? std::max(result[i], value)
                                            : result[i] + value;
        }
      all.barrier.arrive_and_wait();
      std::memcpy(to.data(), result.data(), to.size());
      return Status::ok();
    }

    ThreadRanks &all;
    unsigned self;
  };

  std::vector<std::span<const std::byte>> inputs;
  std::vector<std::string> messages;
  std::barrier<> barrier;
  std::vector<std::unique_ptr<Rank>> communicators;
};

} // namespace swamla::test
