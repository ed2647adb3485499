//===- Hopper.h - asynchronous copies and matrix products of sm_90a -------===//
//
// What Hopper adds to a GPU kernel: the tensor memory accelerator (TMA), which
// copies boxes of a tensor between global and shared memory; mbarriers, which say
// when such a copy has landed; wgmma, the matrix product that a warpgroup (four
// warps) starts and later waits for; registers that move from one warpgroup to
// another. AttentionForward.h shows how they play together.
//
// Tiles lie in shared memory as TMA writes and wgmma reads them: cut into atoms
// of 64 bf16 columns, each `rows` rows of 128 bytes whose 16-byte chunks are
// exchanged by the 128-byte swizzle (PTX ISA, "Strides" of wgmma's matrix
// descriptors). One box of a tensor map is one atom. Columns past a tensor's
// width read as zero, so that any width fits.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Kernels/CUDA/CudaBuilder.h"

namespace swamla {

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

/// Columns of an atom, and bytes of a row of it.
inline constexpr int64_t kAtomColumns = 64;
inline constexpr int64_t kAtomRowBytes = 128;

/// Threads of a warpgroup, and the rows of its matrix products.
inline constexpr int64_t kWarpgroupSize = 128;
inline constexpr int64_t kWarpgroupRows = 64;

/// The atoms that `columns` columns take.
inline int64_t atomsFor(int64_t columns) { return (columns + kAtomColumns - 1) / kAtomColumns; }

/// A tile in shared memory, or the first of several stages of it: `atoms` atoms of `rows` rows,
/// one after another.
struct AtomTile {
  int64_t offset = 0; ///< bytes from the begin of shared memory, a multiple of 1024
  int64_t rows = 0;   ///< a multiple of 8
  int64_t atoms = 0;

  int64_t atomBytes() const { return rows * kAtomRowBytes; }
  int64_t bytes() const { return atoms * atomBytes(); }
};

/// Stages of a tile that a producer fills and consumers empty, with two mbarriers each.
struct TileRing {
  AtomTile tile; ///< the first stage; the others follow
  int64_t stages = 0;
  int64_t full = 0, empty = 0; ///< bytes: where the stages' mbarriers begin
};

/// Hands out the shared memory of a thread block.
class SharedLayout {
public:
  int64_t take(int64_t bytes, int64_t alignment = 16);
  /// `stages` copies of a tile.
  AtomTile takeTile(int64_t rows, int64_t atoms, int64_t stages = 1);
  /// `count` mbarriers.
  int64_t takeBarriers(int64_t count) { return take(8 * count, 8); }
  /// A ring's barriers. Its tile is taken before: barriers come last, as tiles are aligned.
  void takeRingBarriers(TileRing &ring);
  /// All that was taken, in bytes.
  int64_t size() const { return used; }

private:
  int64_t used = 0;
};

//===----------------------------------------------------------------------===//
// Operands of matrix products
//===----------------------------------------------------------------------===//

/// Columns of a tile that is made of parts, each beginning in a new atom: {128, 64} is a head's own
/// 128 columns and 64 that all heads share. Parts of no columns are left out.
class TileColumns {
public:
  TileColumns(std::initializer_list<int64_t> widths);

  /// A part: `width` columns from column `begin` of the tile on.
  struct Part {
    int64_t begin, width;
  };
  llvm::ArrayRef<Part> parts() const { return list; }
  int64_t atoms() const { return numAtoms; }
  /// The sum of the parts' widths.
  int64_t width() const;
  /// The first column of each step of 16 columns that covers the parts (the last columns of a part
  /// whose width is no multiple of 16 are zero).
  llvm::SmallVector<int64_t> steps() const;
  /// The pieces of at most 256 columns that single wgmma instructions can cover; adjoining parts
  /// are taken together.
  llvm::SmallVector<Part> pieces() const;

private:
  llvm::SmallVector<Part> list;
  int64_t numAtoms = 0;
};

/// How wgmma walks along an operand in shared memory. Matrix products sum over the depth.
enum class Major {
  Depth, ///< columns are the depth: A[m, k] or B[n, k] as stored ("K-major")
  Rows   ///< rows are the depth: B[k, n] as stored ("MN-major")
};

//===----------------------------------------------------------------------===//
// The builder
//===----------------------------------------------------------------------===//

class HopperBuilder : public CudaBuilder {
public:
  using CudaBuilder::CudaBuilder;
  using Values = llvm::SmallVector<mlir::Value>;

  // f32 arithmetic, approximate, subnormal numbers as zero.
  mlir::Value exp2Approx(mlir::Value value);
  mlir::Value log2Approx(mlir::Value value);
  mlir::Value reciprocalApprox(mlir::Value value);

  // Warpgroups.
  /// The warpgroup within the thread block, in a form that the assembler knows to be the same in
  /// all lanes of a warp.
  mlir::Value warpgroupId();
  /// Gives registers of a thread up, or takes them: the same in all warps of a warpgroup. `count`
  /// is a multiple of 8 from 24 to 240.
  void decreaseRegisters(int64_t count);
  void increaseRegisters(int64_t count);
  /// A barrier of `threads` threads (barrier 0 is the one of the whole block, 15 the last).
  void syncThreads(mlir::Value barrierId, int64_t threads);
  /// The same without waiting.
  void arriveThreads(mlir::Value barrierId, int64_t threads);

  // mbarriers, 8 bytes of shared memory each: !llvm.ptr<3>.
  mlir::Value mbarrier(int64_t offset);
  /// Number `index` (i32) of those at `offset`.
  mlir::Value mbarrier(int64_t offset, mlir::Value index);
  /// `count` mbarriers from `offset` on complete a phase after `arrivals` arrivals (and the bytes
  /// that these announced).
  void initBarriers(int64_t offset, int64_t count, int64_t arrivals);
  /// After initialising, by the same thread; then a barrier of the block.
  void fenceBarrierInit();
  /// Arrives, and announces bytes that TMA loads will bring.
  void expectBytes(mlir::Value mbarrier, int64_t bytes);
  void arrive(mlir::Value mbarrier);
  /// For whole warps: the lane for which the i1 holds arrives, for all that the warp's lanes have
  /// read and written before. Without a branch.
  void arriveForWarp(mlir::Value isArriving, mlir::Value mbarrier);
  /// For whole warps: an i32 in shared memory, which is then the same in all lanes and known to be.
  /// The first lane (the one for which the i1 holds) alone reads it, and then arrives at `read`:
  /// who overwrites the number waits for the very threads that have read it.
  mlir::Value readForWarp(mlir::Value isFirstLane, mlir::Value number, mlir::Value read);
  /// Waits until the phase of this parity (i32 0 or 1) is complete: a fresh barrier's phase 0 is
  /// not, its "phase before", parity 1, is.
  void wait(mlir::Value mbarrier, mlir::Value parity);

  // Rings. `n` (i32) counts the tiles that have gone through the ring.
  struct Slot {
    mlir::Value stage, parity;
  };
  Slot slot(const TileRing &ring, mlir::Value n);
  /// For the producer: waits until tile n's stage is empty; returns it.
  mlir::Value acquireEmpty(const TileRing &ring, mlir::Value n);
  /// For consumers: waits until tile n has landed; returns its stage.
  mlir::Value waitFull(const TileRing &ring, mlir::Value n);
  /// For consumers: gives tile n's stage back; of each warp the lane for which `isArriving`
  /// holds arrives.
  void releaseStage(const TileRing &ring, mlir::Value n, mlir::Value isArriving);
  mlir::Value fullBarrier(const TileRing &ring, mlir::Value stage) {
    return mbarrier(ring.full, stage);
  }

  // TMA, one thread. Coordinates are i32, innermost dim first.
  void loadBox(mlir::Value tensorMap, mlir::Value destination, mlir::Value mbarrier,
               mlir::ValueRange coordinates);
  void storeBox(mlir::Value tensorMap, mlir::Value source, mlir::ValueRange coordinates);
  /// Consecutive bytes, a multiple of 16, both ends 16-byte aligned.
  void loadBytes(mlir::Value source, mlir::Value destination, mlir::Value mbarrier, int64_t bytes);
  /// Makes this thread's writes to shared memory visible to TMA and wgmma.
  void fenceShared();
  void commitStores();
  /// Until at most `pending` groups of stores are still reading shared memory.
  void waitStoresRead(int64_t pending);
  void waitStores(int64_t pending);

  // Shared memory at byte offsets of which part is known only at run time (i32).
  mlir::Value sharedAt(mlir::Value byteOffset, int64_t more = 0);
  /// Byte offset of stage `stage` of a tile.
  mlir::Value stageOffset(const AtomTile &tile, mlir::Value stage);

  // wgmma, all threads of a warpgroup. Thread t holds, of 64 x n results, rows
  // 16 (t / 32) + (t % 32) / 4 and 8 below, columns 8 j + 2 (t % 4) and the next:
  // acc[4 j + 2 h + b] is row h, column b of those.
  /// A matrix descriptor of the tile, `byteOffset` (i32, or null for 0) behind its begin.
  mlir::Value descriptor(const AtomTile &tile, Major major, mlir::Value byteOffset = {});
  /// Starts 64 x n = A B^T over the columns, from shared memory: A[64, columns] are rows of a tile,
  /// B[n, columns] a tile of n rows. Both lie Major::Depth.
  Values startProduct(mlir::Value a, const AtomTile &aTile, mlir::Value b, const AtomTile &bTile,
                      const TileColumns &columns, int64_t n);
  /// Starts acc += A B: A[64, depth] is `a`, bf16 pairs in registers as packAccumulators makes
  /// them; B[depth, columns] is a tile that lies Major::Rows. The accumulators of the pieces of
  /// `columns` follow one another.
  Values startAccumulate(mlir::ValueRange acc, mlir::ValueRange a, mlir::Value b,
                         const AtomTile &bTile, const TileColumns &columns);
  /// Waits until at most `pending` of the started products are not complete. `values` (f32) are
  /// what may be used afterwards: results of products, and whatever else must not be computed or
  /// overwritten earlier. `keep` (i32) are registers that a product may still be reading.
  Values waitProducts(int64_t pending, mlir::ValueRange values, mlir::ValueRange keep = {});
  /// 64 x n f32 results as the bf16 operand A of the next product.
  Values packAccumulators(mlir::ValueRange values);

  /// The same numbers (f32), which LLVM takes to be made here: what is computed from them stays
  /// behind the products that were started before.
  Values notEarlier(mlir::ValueRange values);
  /// ptxas moves a wait for products up over arithmetic, which undoes the overlap of both; it does
  /// not move it over a memory access. This is one that never happens: a store to the 4 bytes of
  /// shared memory at `offset` if `bits` (i32) are `never`, which holds the next wait back until
  /// `bits` are known.
  void holdBack(mlir::Value bits, uint32_t never, int64_t offset);

  /// while (condition) carried = body(carried); returns the last carried values. `condition` also
  /// gives the body what it found beside the answer: values of types `foundTypes`.
  struct Decision {
    mlir::Value more; ///< i1
    Values found;
  };
  using WhileCondition = llvm::function_ref<Decision(mlir::ValueRange carried)>;
  using WhileBody = llvm::function_ref<Values(mlir::ValueRange carried, mlir::ValueRange found)>;
  mlir::ValueRange whileLoop(mlir::ValueRange init, mlir::TypeRange foundTypes,
                             WhileCondition condition, WhileBody body);

  /// PTX statements with operands $0 (results first), and LLVM's constraints for them. Kept to
  /// what no op expresses.
  Values inlinePtx(llvm::StringRef text, llvm::StringRef constraints, mlir::TypeRange results,
                   mlir::ValueRange operands, bool sideEffects = true);

private:
  mlir::Value sharedAddress(mlir::Value pointer); ///< as an i32
};

} // namespace swamla
