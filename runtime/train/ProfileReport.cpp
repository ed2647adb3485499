//===- ProfileReport.cpp - where a program's time goes --------------------===//

#include "runtime/train/ProfileReport.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <ranges>

namespace swamla {

namespace {

constexpr size_t kOpsShown = 20;

/// A row of a table: sums over some ops.
struct Row {
  std::string program, name;
  uint64_t calls = 0;
  double seconds = 0, flops = 0, bytes = 0;

  void add(const OpProfile &op) {
    calls += op.calls;
    seconds += op.seconds;
    flops += static_cast<double>(op.flops) * static_cast<double>(op.calls);
    bytes += static_cast<double>(op.bytes) * static_cast<double>(op.calls);
  }
};

using Rows = std::map<std::pair<std::string, std::string>, Row>;

/// Sums ops into rows that `name` gives, the slowest first.
template <typename Name>
std::vector<Row> groupBy(const std::vector<OpProfile> &profile, Name name) {
  Rows rows;
  for (const OpProfile &op : profile) {
    if (op.calls == 0)
      continue;
    Row &row = rows[{op.program, name(op)}];
    row.program = op.program;
    row.name = name(op);
    row.add(op);
  }
  std::vector<Row> sorted;
  for (auto &entry : rows)
    sorted.push_back(std::move(entry.second));
  std::ranges::sort(sorted, std::greater<>(), &Row::seconds);
  return sorted;
}

void appendTable(std::string &text, const char *title, const std::vector<Row> &rows, size_t limit,
                 double total, double steps, double copy) {
  auto out = std::back_inserter(text);
  fmt::format_to(out, "{:<44} {:<10} {:>9} {:>9} {:>6} {:>8} {:>5} {:>9}\n", title, "program",
                 "calls/step", "ms/step", "share", "GB/s", "copy", "GFLOP/s");
  for (const Row &row : rows | std::views::take(limit))
    fmt::format_to(out, "{:<44} {:<10} {:>10.1f} {:>9.3f} {:>5.1f}% {:>8.1f} {:>4.0f}% {:>9.1f}\n",
                   row.name, row.program, static_cast<double>(row.calls) / steps,
                   row.seconds * 1e3 / steps, 100 * row.seconds / total,
                   row.bytes / row.seconds * 1e-9, 100 * row.bytes / row.seconds / copy,
                   row.flops / row.seconds * 1e-9);
  if (rows.size() > limit)
    fmt::format_to(out, "... and {} more\n", rows.size() - limit);
}

double totalSeconds(const std::vector<OpProfile> &profile) {
  double sum = 0;
  for (const OpProfile &op : profile)
    sum += op.seconds;
  return sum;
}

} // namespace

std::vector<OpProfile> profileDifference(std::vector<OpProfile> after,
                                         const std::vector<OpProfile> &before) {
  for (size_t i = 0; i < std::min(after.size(), before.size()); ++i) {
    after[i].calls -= before[i].calls;
    after[i].seconds -= before[i].seconds;
  }
  return after;
}

double matmulShare(const std::vector<OpProfile> &profile) {
  double total = totalSeconds(profile), matmul = 0;
  for (const OpProfile &op : profile)
    if (op.isMatmul)
      matmul += op.seconds;
  return total > 0 ? matmul / total : 0;
}

std::string formatProfile(const std::vector<OpProfile> &profile, int64_t steps,
                          double copyBytesPerSecond) {
  double total = totalSeconds(profile), count = static_cast<double>(std::max<int64_t>(steps, 1));
  if (total <= 0)
    return "no op was timed\n";
  std::string text;
  std::vector<Row> kernels = groupBy(profile, [](const OpProfile &op) { return op.kernel; });
  appendTable(text, "kernel", kernels, kernels.size(), total, count, copyBytesPerSecond);
  text += '\n';
  std::vector<Row> ops = groupBy(profile, [](const OpProfile &op) { return op.label; });
  appendTable(text, "op", ops, kOpsShown, total, count, copyBytesPerSecond);
  fmt::format_to(
      std::back_inserter(text),
      "\ntotal {:.3f} ms/step in ops, {:.1f}% of it in the BLAS; a memory copy moves {:.1f} GB/s\n",
      total * 1e3 / count, 100 * matmulShare(profile), copyBytesPerSecond * 1e-9);
  return text;
}

} // namespace swamla
