//===- ProgramPlan.h - where the values of one function lie ---------------===//
//
// What the placement pass decides about one function and the emission turns
// into a step.program: storages, places in them, and steps in order.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Plan/Layout.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

#include <memory>
#include <string>
#include <vector>

namespace swamla {

/// The buffer of what lives no longer than a program.
inline constexpr llvm::StringLiteral kArenaBuffer = "arena";

/// Bytes that belong together: a persistent buffer, or a piece of the arena that the packing moves
/// as a whole.
struct Storage {
  std::string buffer;       ///< symbol of the step.buffer
  std::string label;        ///< of the first value in it
  int64_t elements = 0;     ///< arena only
  int64_t elementBytes = 4; ///< of every value in it
  bool isArena = false;
  llvm::SmallVector<unsigned> places; ///< everything that lies or lay in it

  // Set after placement, arena only.
  int64_t firstStep = -1; ///< the steps between which the bytes mean something, inclusive
  int64_t lastStep = -1;
  int64_t offset = 0; ///< bytes in the arena

  int64_t bytes() const { return elements * elementBytes; }
  /// Whether the packing of the arena must find room for it.
  bool isUsed() const { return isArena && firstStep >= 0 && buffer == kArenaBuffer; }
};

/// A layout in a storage. Places are named by index: joins move them.
struct Place {
  Storage *storage = nullptr;
  Layout layout;
  mlir::Value value; ///< the value that lies here; null for a temporary
};

inline constexpr unsigned kNoPlace = ~0u; ///< of a tensor.empty

enum class StepKind {
  Op,   ///< a swamla op: places of its operands, then of its results
  Copy, ///< places: from, to
  Zero, ///< places: what is filled with zeros
};

struct Step {
  StepKind kind;
  mlir::Operation *op; ///< Copy and Zero: the op that they serve
  llvm::SmallVector<unsigned, 8> places;
};

/// The plan of one function.
struct ProgramPlan {
  ProgramPlan() = default;
  ProgramPlan(ProgramPlan &&) noexcept = default; // places point into the storages: never copied
  ProgramPlan &operator=(ProgramPlan &&) noexcept = default;

  mlir::func::FuncOp func;
  std::vector<std::unique_ptr<Storage>> storages;
  std::vector<Place> places;
  llvm::DenseMap<mlir::Value, unsigned> placeOf;
  std::vector<Step> steps;
  llvm::DenseMap<mlir::Operation *, Place> storedAt; ///< where a set_grad or set_flat stores
  llvm::SmallVector<Place> resultPlaces;             ///< the slots of the function's results
  unsigned takenOver = 0;
  /// Byte ranges of the buffer `grads` that are to be zero when the program ends (GradsSharing.h).
  llvm::SmallVector<std::pair<int64_t, int64_t>> zeroedGrads;

  const Place &at(mlir::Value value) const { return places[placeOf.lookup(value)]; }

  unsigned addPlace(Storage *storage, const Layout &layout, mlir::Value value = {});
  Storage *addArenaStorage(mlir::RankedTensorType type, llvm::StringRef label);
  /// A buffer with a name whose values have elements of `elementBytes`, those without a type too.
  Storage *addPersistentStorage(llvm::StringRef buffer, int64_t elementBytes);
  /// Moves everything that lies in `from` to where `to` says in another storage. `layouts` are the
  /// new layouts of from's places, in order.
  void moveStorage(Storage *from, Storage *into, llvm::ArrayRef<Layout> layouts);
};

/// Element size in bytes of a tensor.
int64_t elementBytes(mlir::RankedTensorType type);

/// What reports call an op: its scope and its own label or the parameter that it multiplies by.
std::string labelOf(mlir::Operation *op);

} // namespace swamla
