//===- NonFinite.h - which tensor went wrong first ------------------------===//
//
// A step whose loss or gradient norm is NaN or infinite says nothing about
// where that began. This runs the step's programs again, op by op on the same
// inputs, looks at what each op has written, and names the first output with a
// number that is not finite. Everything crosses to the host: a minute for a
// large model, spent only when something has gone wrong.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/device/Device.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace swamla {

/// A tensor with numbers that are not finite.
struct NonFinite {
  std::string what;                     ///< "parameter h.0.norm1.weight", or op, kernel and output
  uint64_t count = 0;                   ///< of them
  uint64_t elements = 0;                ///< of the tensor
  std::vector<uint64_t> index;          ///< of the first
  float value = 0;                      ///< the first: NaN, or an infinity
  bool isParameter = false;             ///< else an op's output
  std::vector<std::string> inputs = {}; ///< of the op: those that are not finite either

  /// "h.0.mlp.swiglu (kernel swiglu_0 of micro_step), output 1 of 1: 3 of 512 elements, the first
  /// is inf at [0, 7]; its inputs were finite"
  std::string describe() const;
};

class NonFiniteSearch {
public:
  explicit NonFiniteSearch(Device &device) : device(device), step(device.file().step()) {}

  /// The first parameter, in the table's order, that is not finite.
  Result<std::optional<NonFinite>> inParameters();
  /// Runs the ops of a program in order, up to number `last`, until one writes something that is
  /// not finite. Outputs that a kernel does not describe are not looked at. With `keepState`, ops
  /// that write to what outlives a step (parameters, optimizer states, scales) are left out.
  Result<std::optional<NonFinite>> inProgram(unsigned program, unsigned last,
                                             bool keepState = false);

  /// The last op of a program whose description covers the place of a slot as an output; the
  /// program's last op if there is none.
  unsigned lastWriter(unsigned program, const schema::Slot &slot) const;

private:
  /// Where the elements of a tensor lie.
  struct Tensor {
    schema::View view;
    schema::DType dtype;
    std::vector<uint64_t> sizes, strides; ///< elements
    uint64_t offset = 0;                  ///< of the first from the view's begin, elements
  };
  struct Operand {
    std::string name; ///< "output 1 of 2", "a"
    Tensor tensor;
  };
  struct Operands {
    std::vector<Operand> ins, outs;
  };

  static Operands operandsOf(const schema::Step &step, const schema::Op &op);
  bool writesState(const schema::Op &op) const;
  Result<std::optional<NonFinite>> look(const Operand &operand);
  Result<std::optional<NonFinite>> lookAtOutputs(unsigned program, const schema::Op &op);

  Device &device;
  const schema::Step &step;
  std::vector<std::byte> host; ///< reused
};

} // namespace swamla
