//===- Program.h - a GPU kernel, decoded for the emulator -----------------===//
//
// A flat list of instructions over registers. A register holds one number for
// each of the 32 lanes of a warp: 4 bytes a lane for integers up to 32 bits,
// bf16 and f32, 8 bytes for i64, f64 and pointers. Integers narrower than
// their lane are kept zero-extended. Vectors and structs do not exist: each of
// their leaves is a register of its own.
//
// An instruction is a function and the registers that it works on. Nothing in
// this folder knows MLIR: the decoder (../Decode*.cpp) makes programs.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace swamla::emulator {

constexpr unsigned kLanes = 32;

/// A register: its byte offset in the register file of a warp (while a program is built: a number).
using Reg = uint32_t;
constexpr Reg kNoReg = ~0U;

/// What is to be done after an instruction.
enum class Next : uint8_t {
  Continue, ///< with the one after it
  Jump,     ///< at the place that the instruction has set
  Block,    ///< with the same one again, once something has changed
  Exit,     ///< nothing: the lanes have returned
  Fault     ///< nothing: the launch has failed
};

struct Frame;
struct Instr;
using Handler = Next (*)(Frame &frame, const Instr &instr);

struct Instr {
  Handler run = nullptr;
  Reg dst = kNoReg, a = kNoReg, b = kNoReg, c = kNoReg;
  Reg pred = kNoReg;                     ///< only the lanes where it is not 0 execute
  bool negated = false;                  ///< ... where it is 0
  uint32_t listBegin = 0, listCount = 0; ///< further registers, in Program::lists
  uint32_t extra = 0;                    ///< an index into one of the tables of Program, or flags
  uint64_t imm = 0;
  uint32_t origin = 0; ///< names the op that it comes from, see Program::describe
};

/// A branch to a block, with the copies that pass its arguments.
struct Edge {
  struct Copy {
    Reg from, to;
    uint32_t bytes; ///< of a lane
  };
  uint32_t target = 0; ///< index of an instruction
  std::vector<Copy> copies;
  bool overlapping = false; ///< a copy overwrites the source of a later one
};

/// A switch: value -> edge; the last edge is the default.
struct SwitchTable {
  std::vector<uint64_t> values;
  std::vector<uint32_t> edges;
};

/// A warp's part of one wgmma.mma_async m64 n k: registers are in the instruction's list, those of
/// D first, then the four of A where it comes from registers.
struct WgmmaShape {
  enum class Type : uint8_t { BF16, TF32 };
  Type type = Type::BF16;
  uint32_t n = 0;
  bool registerA = false;
  bool transposeA = false, transposeB = false; ///< MN-major
  bool negateA = false, negateB = false;
};

/// What a load or a store moves: `count` numbers of `bytes` each, one after the other.
struct Access {
  enum class Space : uint8_t { Global, Shared, Generic };
  Space space = Space::Global;
  uint8_t bytes = 4;
  uint8_t count = 1;
  uint32_t alignment = 4;
};

/// A tensor map; see TensorMap in step.fbs.
struct TensorMap {
  uint32_t view = 0;
  uint64_t offset = 0;
  uint32_t elementBytes = 2;
  std::vector<uint64_t> dims, strides; ///< strides of all dims but the innermost, in bytes
  std::vector<uint32_t> box;
  unsigned swizzle = 0; ///< 0: none, 1: 32 bytes, 2: 64, 3: 128

  uint64_t boxBytes() const {
    uint64_t bytes = elementBytes;
    for (uint32_t extent : box)
      bytes *= extent;
    return bytes;
  }
};

struct Program {
  struct Constant {
    Reg reg;
    uint32_t bytes; ///< of a lane: 4 or 8
    uint64_t bits;
  };

  std::string name;
  std::array<uint32_t, 3> grid{1, 1, 1};
  uint32_t block = 1; ///< threads
  uint32_t sharedBytes = 0;
  uint32_t numViews = 0;
  uint64_t scratchBytes = 0;

  std::vector<Instr> code;
  std::vector<Reg> lists;
  std::vector<Edge> edges;
  std::vector<SwitchTable> switches;
  std::vector<WgmmaShape> wgmmas;
  std::vector<Access> accesses;
  std::vector<TensorMap> tensorMaps;
  std::vector<Constant> constants;
  std::vector<Reg> params; ///< views, then scratch if there is any, then tensor maps
  uint32_t registerBytes = 0;

  /// The text of an op, for messages.
  std::function<std::string(uint32_t origin)> describe;
};

} // namespace swamla::emulator
