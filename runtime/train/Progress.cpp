//===- Progress.cpp - what a run says while it trains ---------------------===//

#include "runtime/train/Progress.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace swamla {

/// Hours, minutes and seconds into any output; see formatDuration.
template <typename Out> static Out writeDuration(Out out, double seconds) {
  auto total = static_cast<int64_t>(std::llround(std::max(0.0, seconds)));
  if (total >= 3600)
    return fmt::format_to(out, "{}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60);
  return fmt::format_to(out, "{}:{:02}", total / 60, total % 60);
}

std::string formatDuration(double seconds) {
  std::string text;
  writeDuration(std::back_inserter(text), seconds);
  return text;
}

static int digits(int64_t n) {
  int count = 1;
  for (; n >= 10; n /= 10)
    ++count;
  return count;
}

void Progress::put(bool lineEnd) {
  if (lineEnd)
    text.push_back('\n');
  std::fwrite(text.data(), 1, text.size(), config.out);
  std::fflush(config.out);
}

void Progress::clearLine() {
  if (!lineShown)
    return;
  std::fputs("\r\x1b[K", config.out); // erase to the end of the line
  std::fflush(config.out);
  lineShown = false;
}

void Progress::line(std::string_view message) {
  clearLine();
  text.clear();
  text.append(message);
  put(/*lineEnd=*/true);
}

void Progress::draw(const StepReport &report) {
  text.clear();
  auto out = std::back_inserter(text);
  if (config.terminal)
    fmt::format_to(out, "\r\x1b[K");
  fmt::format_to(out,
                 "[T] {:>{}}/{} | loss {:.4f} | lr {:.2e} | norm {:6.2f} | {:7.1f} ms | "
                 "{:7.0f} tok/s",
                 report.step, digits(config.steps), config.steps, report.loss, report.lr,
                 report.gradNorm, report.seconds * 1e3,
                 static_cast<double>(config.tokensPerStep) / report.seconds);
  if (!config.terminal)
    return;
  // The whole run so far, with validation and checkpoints, predicts the rest best.
  double perStep = sinceStart.seconds() / static_cast<double>(report.step - config.firstStep);
  fmt::format_to(out, " | {:3.0f}% ETA ",
                 100.0 * static_cast<double>(report.step) / static_cast<double>(config.steps));
  writeDuration(out, perStep * static_cast<double>(config.steps - report.step));
}

Status Progress::step(const StepReport &report) {
  secondsSincePlain += report.seconds;
  ++stepsSincePlain;
  bool last = report.step == config.steps, first = report.step == config.firstStep + 1;
  if (config.terminal) {
    // Ten times a second is all that an eye can follow.
    if (first || last || sinceDraw.seconds() > 0.1) {
      sinceDraw.restart();
      draw(report);
      put(/*lineEnd=*/last);
      lineShown = !last;
    }
  } else if (config.logEvery > 0 && (first || last || report.step % config.logEvery == 0)) {
    StepReport mean = report;
    mean.seconds = secondsSincePlain / static_cast<double>(stepsSincePlain);
    draw(mean);
    put(/*lineEnd=*/true);
    secondsSincePlain = 0;
    stepsSincePlain = 0;
  }
  if (!log)
    return Status::ok();
  json.begin("step");
  json.field("step", report.step)
      .field("loss", report.loss)
      .field("lr", report.lr)
      .field("grad_norm", report.gradNorm)
      .field("ms", report.seconds * 1e3)
      .field("tokens_per_s", static_cast<double>(config.tokensPerStep) / report.seconds);
  return log->write(json);
}

Status Progress::validation(int64_t step, double loss, uint64_t tokens, double seconds) {
  clearLine();
  text.clear();
  fmt::format_to(std::back_inserter(text),
                 "[V] {:>{}}/{} | loss {:.4f} | perplexity {:.4g} | {} tokens in {:.1f} s", step,
                 digits(config.steps), config.steps, loss, std::exp(loss), tokens, seconds);
  put(/*lineEnd=*/true);
  if (!log)
    return Status::ok();
  json.begin("validation");
  json.field("step", step)
      .field("loss", loss)
      .field("perplexity", std::exp(loss))
      .field("tokens", tokens)
      .field("ms", seconds * 1e3);
  return log->write(json);
}

Status Progress::nonFinite(const NonFiniteReport &report) {
  line(fmt::format("[N] {:>{}}/{} | loss {:.4f} | norm {:6.2f} | {} | {}", report.step,
                   digits(config.steps), config.steps, report.loss, report.gradNorm, report.action,
                   report.tensor));
  if (!log)
    return Status::ok();
  json.begin("nonfinite");
  json.field("step", report.step)
      .field("loss", report.loss)
      .field("grad_norm", report.gradNorm)
      .field("action", report.action)
      .field("tensor", std::string_view(report.tensor));
  return log->write(json);
}

Status Progress::checkpoint(int64_t step, const std::string &path, double seconds) {
  line(fmt::format("[C] {:>{}}/{} | {} | {:.1f} s", step, digits(config.steps), config.steps, path,
                   seconds));
  if (!log)
    return Status::ok();
  json.begin("checkpoint");
  json.field("step", step).field("path", std::string_view(path)).field("ms", seconds * 1e3);
  return log->write(json);
}

} // namespace swamla
