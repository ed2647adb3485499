//===- ArenaPackingTest.cpp - offsets do not collide, tops are low --------===//
#include "compiler/Plan/ArenaPacking.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

using namespace swamla;

namespace {

int64_t lowerBound(const std::vector<ArenaPiece> &pieces) {
  int64_t bound = 0;
  for (const ArenaPiece &at : pieces) { // the most is live when some piece begins
    int64_t live = 0;
    for (const ArenaPiece &piece : pieces)
      if (piece.first <= at.first && at.first <= piece.last)
        live += piece.bytes;
    bound = std::max(bound, live);
  }
  return bound;
}

void expectSound(const std::vector<ArenaPiece> &pieces, int64_t top) {
  for (size_t i = 0; i < pieces.size(); ++i) {
    EXPECT_EQ(pieces[i].offset % kArenaAlignment, 0) << "piece " << i;
    EXPECT_GE(pieces[i].offset, 0) << "piece " << i;
    EXPECT_LE(pieces[i].offset + pieces[i].bytes, top) << "piece " << i;
    for (size_t j = 0; j < i; ++j) {
      bool meet = pieces[i].first <= pieces[j].last && pieces[j].first <= pieces[i].last;
      bool apart = pieces[i].offset + pieces[i].bytes <= pieces[j].offset ||
                   pieces[j].offset + pieces[j].bytes <= pieces[i].offset;
      EXPECT_TRUE(!meet || apart) << "pieces " << i << " and " << j;
    }
  }
}

TEST(ArenaPacking, NothingNeedsNothing) {
  std::vector<ArenaPiece> none;
  EXPECT_EQ(packArena(none, 0), 0);
}

TEST(ArenaPacking, PiecesThatDoNotMeetShareBytes) {
  std::vector<ArenaPiece> pieces = {{1024, 0, 1}, {1024, 2, 3}, {1024, 4, 5}};
  EXPECT_EQ(packArena(pieces, 1024), 1024);
  expectSound(pieces, 1024);
}

TEST(ArenaPacking, OneCommonStepIsEnoughToMeet) {
  std::vector<ArenaPiece> pieces = {{1024, 0, 2}, {1024, 2, 3}};
  EXPECT_EQ(packArena(pieces, 2048), 2048);
  expectSound(pieces, 2048);
}

TEST(ArenaPacking, SizesAreRoundedUp) {
  std::vector<ArenaPiece> pieces = {{4, 0, 1}, {4, 0, 1}};
  EXPECT_EQ(packArena(pieces, 8), 2 * kArenaAlignment);
  expectSound(pieces, 2 * kArenaAlignment);
}

TEST(ArenaPacking, RandomPiecesAreSound) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    std::vector<ArenaPiece> pieces(1 + random() % 80);
    for (ArenaPiece &piece : pieces) {
      piece.bytes = 1 + static_cast<int64_t>(random() % 10000);
      piece.first = static_cast<int64_t>(random() % 40);
      piece.last = piece.first + static_cast<int64_t>(random() % 20);
    }
    int64_t bound = lowerBound(pieces);
    int64_t top = packArena(pieces, bound);
    expectSound(pieces, top);
    EXPECT_GE(top, bound);
  }
}

// What training looks like: every layer saves something until its backward, and both directions
// use larger temporaries in between.
TEST(ArenaPacking, SavedActivationsReachTheLowerBound) {
  std::vector<ArenaPiece> pieces;
  constexpr int64_t layers = 48, megabyte = 1 << 20;
  for (int64_t layer = 0; layer < layers; ++layer) {
    int64_t forward = 4 * layer, backward = 4 * (2 * layers - 1 - layer);
    pieces.push_back({3 * megabyte, forward, backward + 2});
    pieces.push_back({5 * megabyte, forward + 1, backward + 1});
    pieces.push_back({16 * megabyte, forward + 1, forward + 2});
    pieces.push_back({4 * megabyte, forward + 2, forward + 4});
    pieces.push_back({16 * megabyte, backward, backward + 1});
    pieces.push_back({7 * megabyte, backward + 1, backward + 3});
    pieces.push_back({4 * megabyte, backward + 2, backward + 4});
  }
  int64_t bound = lowerBound(pieces);
  int64_t top = packArena(pieces, bound);
  expectSound(pieces, top);
  EXPECT_LE(static_cast<double>(top), 1.05 * static_cast<double>(bound));
}

TEST(ArenaPacking, IsDeterministic) {
  std::vector<ArenaPiece> pieces;
  for (int64_t i = 0; i < 60; ++i)
    pieces.push_back({1000 + 37 * (i % 7), i % 13, i % 13 + i % 5});
  std::vector<ArenaPiece> again = pieces;
  EXPECT_EQ(packArena(pieces, 0), packArena(again, 0));
  for (size_t i = 0; i < pieces.size(); ++i)
    EXPECT_EQ(pieces[i].offset, again[i].offset) << "piece " << i;
}

} // namespace
