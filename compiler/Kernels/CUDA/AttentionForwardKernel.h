//===- AttentionForwardKernel.h - the parts of the forward generator ------===//
#pragma once

#include "compiler/Kernels/CUDA/AttentionForward.h"

namespace swamla {

/// Generates one kernel: see AttentionForward.h. Unless said otherwise numbers in the kernel are
/// i32; keys and queries are positions in their sequence.
class HopperForward {
public:
  HopperForward(step::AttentionKernelOp op, const HopperForwardPlan &plan, mlir::OpBuilder &builder,
                const CudaTarget &target);

  GpuKernel build();

private:
  using Values = HopperBuilder::Values;
  using Value = mlir::Value;

  /// Tensor maps, in the order of the kernel's parameters; -1 where there is none.
  struct Maps {
    int64_t q = -1, qShared = -1, k = -1, kShared = -1, v = -1, out = -1;
    int64_t sinkK = -1, sinkShared = -1, sinkV = -1;
  };

  /// A tile of queries, as the whole block sees it.
  struct QueryTile {
    Value ordinal; ///< among the block's
    Value sequence, head, kvHead;
    Value query;       ///< the first one
    Value lastKeyTile; ///< that of the diagonal
    Value windowTiles; ///< key tiles from there down to the window's begin
    Value keyTiles;    ///< all that go through the rings: the window's, then a large sink's
    Value hasSinkTile; ///< i1: the block loads the small sink's tile; null if there never is one
  };

  /// What one warpgroup does of a tile of queries.
  struct Share {
    Value firstQuery; ///< of the warpgroup
    Value row;        ///< this thread's first query; the second is 8 below
    Value begin, end; ///< key tiles that it computes, in order of visit
    Value hasSinkTile;
  };

  /// Running results of a thread: of its two rows the maximum of unscaled scores, this thread's
  /// part of the sum of exponentials, and the results; `decay` (or nothing) is what the results
  /// are yet to be multiplied by.
  struct State {
    Values out, maximum, sum, decay;
    Values flat() const;
  };
  State unflatten(mlir::ValueRange values, bool withDecay) const;

  struct Probabilities {
    Values p;
    Values decay;
  };

  enum MaskKind { Causal = 1, Window = 2, SinkOnly = 4 };

  // AttentionForward.cpp: the frame and the loading warpgroup.
  Maps makeMaps();
  void initBarriers();
  QueryTile decode(Value id, Value ordinal);
  Value keyTileAt(const QueryTile &tile, Value n);
  void load();
  void forEachTile(llvm::function_ref<void(const QueryTile &, Value)> body);
  void loadTile(const QueryTile &tile, Value base);
  void loadQueries(const QueryTile &tile);
  void loadSink(const QueryTile &tile, Value place, Value full);
  void loadKeys(const QueryTile &tile, Value base, Value n);
  void loadValues(const QueryTile &tile, Value base, Value n);
  void loadAtoms(int64_t map, Value offset, const AtomTile &tile, int64_t firstAtom,
                 int64_t numAtoms, Value mbarrier, mlir::ArrayRef<Value> place);
  Value larger(Value a, Value b);
  Value smaller(Value a, Value b);

  // AttentionForwardCompute.cpp: the computing warpgroups.
  void compute();
  void computeTile(const QueryTile &tile, Value base);
  Share shareOf(const QueryTile &tile);
  void skipTiles(Value base, Value begin, Value end);
  State start(Value place, const Share &share);
  State sinkTile(Value place);
  State keyLoop(const QueryTile &tile, const Share &share, Value base, State state);
  Values startScores(Value base, Value n);
  Values startResults(const State &state, mlir::ValueRange p, Value base, Value n);
  Probabilities maskAndSoftmax(const QueryTile &tile, const Share &share, Value n, Values scores,
                               State &state);
  Values mask(mlir::ValueRange scores, Value distance, Value sinkLeft, unsigned kinds);
  Probabilities softmax(mlir::ValueRange scores, State &state);
  Values rescale(mlir::ValueRange out, mlir::ValueRange decay);
  void takeTurn();
  void passTurn();

  // AttentionForwardStore.cpp: out and lse.
  void finish(const QueryTile &tile, Value place, const Share &share, const State &state);
  void storeLse(const QueryTile &tile, const Share &share, const State &state,
                mlir::ValueRange sums);
  void stageOut(Value place, mlir::ValueRange out, mlir::ValueRange scale);
  void storeTiles();

  step::AttentionKernelOp op;
  const AttentionSizes sizes;
  const HopperForwardPlan plan;
  HopperBuilder b;
  const ForwardLayout layout;
  const TileOrder order;
  const TileColumns keyColumns, valueColumns;
  GpuLaunch launch;
  Maps maps;
  unsigned numViews;

  // Of a computing thread, set by compute().
  Value warpgroup;      ///< 0 .. warpgroups - 1
  Value isFirstLane;    ///< i1, of the warp
  Value rowInWarpgroup; ///< of 64; the thread's other row is 8 below
  Value quad;           ///< which fourth of a row the thread has
  Value qDescriptor;    ///< of the tile
};

} // namespace swamla
