//===- AttentionBackwardKernel.h - the parts of the backward generator ----===//
#pragma once

#include "compiler/Kernels/CUDA/AttentionBackward.h"

namespace swamla {

/// Generates one kernel of the backward pass: see AttentionBackward.h. Unless said otherwise
/// numbers in the kernel are i32; keys and queries are positions in their sequence.
class HopperBackward {
public:
  HopperBackward(step::AttentionGradKernelOp op, BackwardSide side, const HopperBackwardPlan &plan,
                 mlir::OpBuilder &builder, const CudaTarget &target);

  GpuKernel build();

  /// Rows of a block, and of one of its warpgroups.
  static constexpr int64_t kFixedRows = 128, kWarpgroups = 2;
  /// Keys of a small sink's tile.
  static constexpr int64_t kSinkKeys = 16;

private:
  using Values = HopperBuilder::Values;
  using Value = mlir::Value;

  /// Which head of a matrix goes with a query head.
  enum class HeadOf { Query, KeyValue, All };

  /// A tensor map that fills the atoms of a tile from `firstAtom` on.
  struct MapPart {
    int64_t map, firstAtom, atoms;
    HeadOf head;
  };
  using MapParts = llvm::SmallVector<MapPart, 2>;

  /// A matrix of the op, or the columns [first, first + width) of its heads.
  struct Matrix {
    unsigned view;
    step::HeadsAttr layout;
    int64_t first, width;
    HeadOf head;
  };
  using Matrices = llvm::SmallVector<Matrix, 2>;

  /// What a block works on.
  struct FixedTile {
    Value ordinal;                   ///< among the block's
    Value sequence, query, keyValue; ///< query: the head, or the first of the KV head's
    Value row;                       ///< the first one
    /// Streamed tiles, of one query head: by key the first one visited (ascending), by query the
    /// last row's (descending).
    Value start;
    Value windowTiles; ///< by query: tiles from there down to the window's begin
    Value tiles;       ///< all of one query head
    Value hasSinkTile; ///< i1: the block loads the small sink's tile; null if there never is one
  };

  /// What one warpgroup does of it.
  struct Share {
    Value firstRow;   ///< of the warpgroup
    Value row;        ///< this thread's first one; the second is 8 below
    Value begin, end; ///< streamed tiles that it computes, in order of visit
    Value hasSinkTile;
    Values lse2, delta; ///< by query: -lse log2(e) and delta of the thread's rows
  };

  /// Accumulators: `first` is dQ or dK with dShared, `second` dV or nothing.
  struct Gradients {
    Values first, second;
    Values flat() const;
  };
  Gradients unflatten(mlir::ValueRange values) const;

  /// A streamed tile in the rings.
  struct Streamed {
    Value number; ///< of those that went through the rings
    Value stage;  ///< of the first operand's
    Value row;    ///< the first one
  };

  enum MaskKind { Causal = 1, Window = 2, SinkOnly = 4 };

  bool byKey() const { return side == BackwardSide::Key; }
  /// Warps that bring statistics: of 32 streamed rows at a time, or of 64 fixed rows each.
  int64_t statisticsWarps() const { return byKey() ? 1 : kWarpgroups; }

  /// Registers of a thread of each role.
  struct RegisterSplit {
    int64_t others, computing;
  };

  // AttentionBackward.cpp: the frame.
  RegisterSplit splitRegisters();
  void describeOperands();
  MapParts mapsOf(mlir::ArrayRef<Matrix> matrices, int64_t rows);
  void initBarriers();
  FixedTile decode(Value id, Value ordinal);
  Value headOf(const FixedTile &tile, HeadOf which, Value member);
  Value streamedRow(const FixedTile &tile, Value n);

  // AttentionBackwardLoad.cpp: the loading thread, and what all others do with its tiles.
  void load();
  /// Calls body(tile, base) for each of the block's tiles, in whole warps; `base`: streamed tiles
  /// that went through the rings before.
  void forEachTile(llvm::function_ref<void(const FixedTile &, Value)> body);
  Value loadTile(const FixedTile &tile, Value base);
  void loadFixed(const FixedTile &tile);
  /// A streamed tile: which query head of the KV head (null: the only one), and which of its tiles.
  struct Place {
    Value member, n;
  };
  Value allTiles(const FixedTile &tile);
  Place placeAt(const FixedTile &tile, Value n);
  void loadStreamed(unsigned which, const FixedTile &tile, Value number, Value base);
  void loadParts(const MapParts &parts, Value offset, const AtomTile &tile, Value mbarrier,
                 const FixedTile &place, Value member, Value row);

  // AttentionBackwardStatistics.cpp: the warps that bring the queries' statistics.
  void loadStatistics(Value part);
  void writeRows(const FixedTile &tile, Value part);
  void writeStreamed(const FixedTile &tile, Value n, Value base);
  std::pair<Value, Value> statisticsOf(const FixedTile &tile, Value member);
  std::pair<Value, Value> loadStatistic(std::pair<Value, Value> base, Value row);
  void readRows(const FixedTile &tile, Share &share);
  void announceRead(Value stage);
  void waitForReads(Value stage);

  // AttentionBackwardDelta.cpp: the same warps, where they compute delta.
  bool computesDelta() { return !byKey() && op.getOut(); }
  /// Where a head's rows of attention's result, or of dout, begin.
  struct DeltaRows {
    Value begin;
    int64_t stride; ///< in elements
  };
  using DeltaOperands = std::array<DeltaRows, 2>;
  DeltaOperands deltaOperands(const FixedTile &tile);
  void prefetchDelta(const DeltaOperands &operands, const FixedTile &tile, Value part);
  void computeDelta(const DeltaOperands &operands, const FixedTile &tile, Value part, Value place);

  // AttentionBackwardCompute.cpp: the computing warpgroups.
  void compute();
  void computeTile(const FixedTile &tile, Value base);
  Share shareOf(const FixedTile &tile);
  void skipTiles(Value base, Value begin, Value end);
  Gradients sinkTile(Value place, const Share &share);
  Gradients streamTiles(const FixedTile &tile, const Share &share, Value base,
                        const Gradients &gradients);
  Gradients streamAhead(const FixedTile &tile, const Share &share, Value base,
                        const Gradients &gradients);
  Streamed streamedAt(const FixedTile &tile, Value base, Value n);
  Values startProduct(unsigned which, Value number);
  Values startGradient(unsigned which, const Values &acc, const Values &factors,
                       const Streamed &at);
  /// One tile up to its last product: P and dS as operands of products (P by key only), and the
  /// second accumulators under way.
  struct Factors {
    Values p, ds, second;
  };
  Factors split(const Share &share, const Streamed &at, Values scores, bool pending,
                const Gradients &gradients);
  Factors lean(const Share &share, const Streamed &at, Values scores, bool pending,
               const Gradients &gradients);
  Values finishTile(const Gradients &now, const Factors &f, const Streamed &at);
  Values finishAhead(const Gradients &now, const Factors &f, const Streamed &at, Value next);
  void release(unsigned which, Value number);

  // AttentionBackwardMask.cpp: the mask, and elementwise arithmetic.
  Values mask(const Share &share, Value streamedRow, Values scores);
  Values hide(mlir::ValueRange scores, Value distance, Value sinkLeft, unsigned kinds);
  std::pair<Value, Value> columnStatistics(unsigned which, Value stage, int64_t column);
  Values exponentials(mlir::ValueRange scores, const Share &share, Value stage);
  Values scoreGradients(mlir::ValueRange p, mlir::ValueRange dp, const Share &share, Value stage);
  Value bitsOf(mlir::ArrayRef<Value> values);

  // AttentionBackwardStore.cpp: results.
  void stage(const FixedTile &tile, const Gradients &gradients);
  void stage(mlir::ValueRange values, const AtomTile &out, Value place, const TileColumns &columns,
             double factor);
  void storeTiles();
  void storeParts(const MapParts &parts, const AtomTile &out, Value place, const FixedTile &tile);

  step::AttentionGradKernelOp op;
  const BackwardSide side;
  const AttentionSizes sizes;
  const HopperBackwardPlan plan;
  HopperBuilder b;
  const BackwardLayout layout;
  const TileOrder order;
  /// Of the first and of the second operands: key columns, value columns.
  const TileColumns columns[2];
  const RegisterSplit registers;
  GpuLaunch launch;
  llvm::SmallVector<unsigned> views; ///< the op's that the kernel takes
  MapParts fixedMaps[2], streamedMaps[2], sinkMaps[2], outMaps[2];
  /// `out`: attention's result, where the kernel computes delta.
  unsigned lseParameter = 0, deltaParameter = 0, outParameter = 0;

  // Of a computing thread, set by compute().
  Value warpgroup;      ///< 0 or 1
  Value isFirstLane;    ///< i1, of the warp
  Value rowInWarpgroup; ///< of 64; the thread's other row is 8 below
  Value quad;           ///< which fourth of a row the thread has
  Value fixedDescriptor[2];
};

} // namespace swamla
