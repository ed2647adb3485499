//===- Reference.cpp - functions of primitives, evaluated in double -------===//
#include "tests/exec/Reference.h"

#include "dialects/Swamla/IR/SwamlaDialect.h"
#include "runtime/base/Philox.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/ErrorHandling.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

using namespace mlir;

namespace swamla::test {

HostTensor::HostTensor(Type type) : shape(cast<RankedTensorType>(type).getShape()) {
  values.resize(cast<RankedTensorType>(type).getNumElements());
}

namespace {
/// Evaluates one op after another; values by SSA value.
class Evaluator {
public:
  explicit Evaluator(const ParamLookup &params) : params(params) {}

  void set(Value value, HostTensor tensor) {
    values[value.getAsOpaquePointer()] = std::move(tensor);
  }
  const HostTensor &get(Value value) const { return values.at(value.getAsOpaquePointer()); }
  void run(Operation &op);

private:
  /// The result of an op with one, to be filled.
  HostTensor &result(Operation *op, unsigned index = 0) {
    Value value = op->getResult(index);
    set(value, HostTensor(value.getType()));
    return values[value.getAsOpaquePointer()];
  }
  /// f of the element, its row and its column, for each element of the result.
  template <typename F> void eachElement(Operation *op, F f) {
    HostTensor &out = result(op);
    for (int64_t m = 0; m < out.rows(); ++m)
      for (int64_t c = 0; c < out.width(); ++c)
        out.at(m, c) = f(m, c);
  }

  void eval(AddOp op);
  void eval(BiasAddOp op);
  void eval(SwigluOp op);
  void eval(DropoutOp op);
  void eval(MatmulOp op);
  void eval(EmbeddingLookupOp op);
  void eval(RmsNormOp op);
  void eval(LayerNormOp op);
  void eval(DytOp op);
  void eval(RopeTableOp op);
  void eval(RopeOp op);
  void eval(LogitScaleTableOp op);
  void eval(ScaleRowsOp op);
  void eval(AttentionOp op);
  void eval(SplitOp op);
  void eval(JoinOp op);
  void eval(GetParamOp op) { set(op.getResult(), params(op.getParam())); }
  void eval(LinearCrossEntropyOp op);

  const ParamLookup &params;
  std::map<const void *, HostTensor> values;
};
} // namespace

//===----------------------------------------------------------------------===//
// Elementwise and row-wise
//===----------------------------------------------------------------------===//

void Evaluator::eval(AddOp op) {
  const HostTensor &a = get(op.getLhs()), &b = get(op.getRhs());
  eachElement(op, [&](int64_t m, int64_t c) { return a.at(m, c) + b.at(m, c); });
}

void Evaluator::eval(BiasAddOp op) {
  const HostTensor &x = get(op.getX()), &bias = get(op.getBias());
  eachElement(op, [&](int64_t m, int64_t c) { return x.at(m, c) + bias.values[c]; });
}

void Evaluator::eval(SwigluOp op) {
  const HostTensor &value = get(op.getValue()), &gate = get(op.getGate());
  eachElement(op, [&](int64_t m, int64_t c) {
    double g = gate.at(m, c);
    return value.at(m, c) * g / (1.0 + std::exp(-g));
  });
}

void Evaluator::eval(DropoutOp op) {
  const HostTensor &x = get(op.getX());
  auto key = static_cast<uint32_t>(static_cast<int64_t>(get(op.getKey()).values[0]));
  double p = op.getP().convertToDouble();
  eachElement(op, [&](int64_t m, int64_t c) {
    auto index = static_cast<uint32_t>(m * x.width() + c);
    bool kept =
        philoxUniform(key, static_cast<uint32_t>(op.getSite()), index) >= static_cast<float>(p);
    return kept ? x.at(m, c) / (1.0 - p) : 0.0;
  });
}

void Evaluator::eval(ScaleRowsOp op) {
  const HostTensor &x = get(op.getX()), &scale = get(op.getScale());
  auto positions = static_cast<int64_t>(scale.values.size());
  eachElement(op, [&](int64_t m, int64_t c) { return x.at(m, c) * scale.values[m % positions]; });
}

void Evaluator::eval(RmsNormOp op) {
  const HostTensor &x = get(op.getX()), &weight = get(op.getWeight());
  double eps = op.getEps().convertToDouble();
  eachElement(op, [&](int64_t m, int64_t c) {
    double squares = 0;
    for (int64_t i = 0; i < x.width(); ++i)
      squares += x.at(m, i) * x.at(m, i);
    return weight.values[c] * x.at(m, c) /
           std::sqrt(squares / static_cast<double>(x.width()) + eps);
  });
}

void Evaluator::eval(LayerNormOp op) {
  const HostTensor &x = get(op.getX()), &weight = get(op.getWeight()), &bias = get(op.getBias());
  double eps = op.getEps().convertToDouble();
  eachElement(op, [&](int64_t m, int64_t c) {
    auto width = static_cast<double>(x.width());
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < x.width(); ++i)
      mean += x.at(m, i) / width;
    for (int64_t i = 0; i < x.width(); ++i)
      variance += (x.at(m, i) - mean) * (x.at(m, i) - mean) / width;
    return weight.values[c] * (x.at(m, c) - mean) / std::sqrt(variance + eps) + bias.values[c];
  });
}

void Evaluator::eval(DytOp op) {
  const HostTensor &x = get(op.getX()), &weight = get(op.getWeight()), &bias = get(op.getBias());
  double alpha = get(op.getAlpha()).values[0];
  eachElement(op, [&](int64_t m, int64_t c) {
    return std::tanh(alpha * x.at(m, c)) * weight.values[c] + bias.values[c];
  });
}

//===----------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------===//

void Evaluator::eval(MatmulOp op) {
  const HostTensor &a = get(op.getA()), &b = get(op.getB());
  const HostTensor *init = op.getInit() ? &get(op.getInit()) : nullptr;
  int64_t depth = op.getTransposeA() ? a.rows() : a.width();
  eachElement(op, [&](int64_t m, int64_t n) {
    double sum = init ? init->at(m, n) : 0.0;
    for (int64_t k = 0; k < depth; ++k)
      sum += (op.getTransposeA() ? a.at(k, m) : a.at(m, k)) *
             (op.getTransposeB() ? b.at(n, k) : b.at(k, n));
    return sum;
  });
}

void Evaluator::eval(EmbeddingLookupOp op) {
  const HostTensor &tokens = get(op.getTokens()), &table = get(op.getTable());
  eachElement(op, [&](int64_t m, int64_t c) {
    return table.at(static_cast<int64_t>(tokens.values[m]), c);
  });
}

void Evaluator::eval(SplitOp op) {
  const HostTensor &source = get(op.getSource());
  auto heads = static_cast<int64_t>(op.getHeads());
  int64_t group = source.width() / heads, first = 0;
  for (unsigned i = 0; i < op.getParts().size(); ++i) {
    HostTensor &part = result(op, i);
    int64_t width = part.width() / heads;
    for (int64_t m = 0; m < part.rows(); ++m)
      for (int64_t c = 0; c < part.width(); ++c)
        part.at(m, c) = source.at(m, c / width * group + first + c % width);
    first += width;
  }
}

void Evaluator::eval(JoinOp op) {
  HostTensor &out = result(op);
  auto heads = static_cast<int64_t>(op.getHeads());
  int64_t group = out.width() / heads, first = 0;
  for (Value operand : op.getParts()) {
    const HostTensor &part = get(operand);
    int64_t width = part.width() / heads;
    for (int64_t m = 0; m < part.rows(); ++m)
      for (int64_t c = 0; c < part.width(); ++c)
        out.at(m, c / width * group + first + c % width) = part.at(m, c);
    first += width;
  }
}

void Evaluator::eval(LinearCrossEntropyOp op) {
  const HostTensor &x = get(op.getX()), &weight = get(op.getWeight());
  const HostTensor &targets = get(op.getTargets());
  double smoothing = op.getSmoothing().convertToDouble();
  auto vocab = static_cast<double>(weight.rows());
  double sum = 0, count = 0;
  std::vector<double> logits(weight.rows());
  for (int64_t m = 0; m < x.rows(); ++m) {
    if (targets.values[m] == -100)
      continue;
    for (int64_t v = 0; v < weight.rows(); ++v) {
      logits[v] = 0;
      for (int64_t c = 0; c < x.width(); ++c)
        logits[v] += x.at(m, c) * weight.at(v, c);
    }
    double largest = *std::ranges::max_element(logits), exponentials = 0, total = 0;
    for (double logit : logits) {
      exponentials += std::exp(logit - largest);
      total += logit;
    }
    double logSum = largest + std::log(exponentials);
    double right = logits[static_cast<size_t>(targets.values[m])] - logSum;
    double wrong = total - vocab * logSum - right;
    sum -= (1.0 - smoothing) * right + smoothing / (vocab - 1.0) * wrong;
    count += 1;
  }
  result(op).values[0] = sum / std::max(1.0, count);
}

//===----------------------------------------------------------------------===//
// Positions and attention
//===----------------------------------------------------------------------===//

void Evaluator::eval(RopeTableOp op) {
  HostTensor &cosines = result(op, 0), &sines = result(op, 1);
  double theta = op.getTheta().convertToDouble(), factor = op.getFactor().convertToDouble();
  auto width = static_cast<double>(cosines.width());
  for (int64_t t = 0; t < cosines.rows(); ++t)
    for (int64_t c = 0; c < cosines.width(); ++c) {
      int64_t even = c - c % 2;
      double angle =
          static_cast<double>(t) / factor * std::pow(theta, -static_cast<double>(even) / width);
      cosines.at(t, c) = std::cos(angle);
      sines.at(t, c) = c % 2 ? std::sin(angle) : -std::sin(angle);
    }
}

void Evaluator::eval(RopeOp op) {
  const HostTensor &x = get(op.getX()), &cosines = get(op.getCos()), &sines = get(op.getSin());
  int64_t headWidth = x.width() / static_cast<int64_t>(op.getHeads());
  auto offset = static_cast<int64_t>(op.getOffset());
  double direction = op.getInverse() ? -1.0 : 1.0;
  eachElement(op, [&](int64_t m, int64_t c) {
    int64_t t = m % cosines.rows(), column = c % headWidth - offset;
    if (column < 0 || column >= cosines.width())
      return x.at(m, c);
    int64_t neighbour = column % 2 ? c - 1 : c + 1;
    return x.at(m, c) * cosines.at(t, column) +
           direction * x.at(m, neighbour) * sines.at(t, column);
  });
}

void Evaluator::eval(LogitScaleTableOp op) {
  HostTensor &out = result(op);
  double base = op.getBase().convertToDouble();
  auto window = static_cast<double>(static_cast<int64_t>(op.getWindow()));
  auto offset = static_cast<double>(static_cast<int64_t>(op.getOffset()));
  for (size_t t = 0; t < out.values.size(); ++t) {
    double index = std::floor((static_cast<double>(t) + offset) / window);
    double scale = std::log(base + index) / std::log(base);
    scale = std::max(scale, op.getMin().convertToDouble());
    out.values[t] = op.getMax() ? std::min(scale, op.getMax()->convertToDouble()) : scale;
  }
}

void Evaluator::eval(AttentionOp op) {
  const HostTensor &q = get(op.getQ()), &k = get(op.getK()), &v = get(op.getV());
  const HostTensor *shared = op.getShared() ? &get(op.getShared()) : nullptr;
  auto heads = static_cast<int64_t>(op.getHeads()), seq = static_cast<int64_t>(op.getSeq());
  int64_t perKvHead = heads / static_cast<int64_t>(op.getKvHeads());
  int64_t width = op.getQkWidth(), own = width - op.getSharedWidth(), vWidth = op.getVWidth();
  double scale = op.getScale().convertToDouble();
  HostTensor &out = result(op, 0);
  HostTensor &lse = result(op, 1);
  auto sees = [&](int64_t i, int64_t j) {
    bool near = !op.getWindow() || i - j <= static_cast<int64_t>(*op.getWindow());
    return j <= i && (near || j < static_cast<int64_t>(op.getSink()));
  };
  auto score = [&](int64_t query, int64_t key, int64_t head) {
    double sum = 0;
    for (int64_t c = 0; c < width; ++c)
      sum += q.at(query, head * width + c) *
             (c < own ? k.at(key, head / perKvHead * own + c) : shared->at(key, c - own));
    return scale * sum;
  };
  for (int64_t m = 0; m < q.rows(); ++m)
    for (int64_t head = 0; head < heads; ++head) {
      int64_t first = m - m % seq;
      std::vector<std::pair<int64_t, double>> scores; // of the rows that are seen
      double largest = -HUGE_VAL, sum = 0;
      for (int64_t j = first; j <= m; ++j)
        if (sees(m - first, j - first)) {
          scores.emplace_back(j, score(m, j, head));
          largest = std::max(largest, scores.back().second);
        }
      for (auto [j, s] : scores)
        sum += std::exp(s - largest);
      lse.at(head, m) = largest + std::log(sum);
      for (auto [j, s] : scores)
        for (int64_t c = 0; c < vWidth; ++c)
          out.at(m, head * vWidth + c) +=
              std::exp(s - lse.at(head, m)) * v.at(j, head / perKvHead * vWidth + c);
    }
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

void Evaluator::run(Operation &op) {
  llvm::TypeSwitch<Operation &>(op)
      .Case<AddOp, BiasAddOp, SwigluOp, DropoutOp, MatmulOp, EmbeddingLookupOp, RmsNormOp,
            LayerNormOp, DytOp, RopeTableOp, RopeOp, LogitScaleTableOp, ScaleRowsOp, AttentionOp,
            SplitOp, JoinOp, GetParamOp, LinearCrossEntropyOp>([&](auto known) { eval(known); })
      .Default([](Operation &unknown) {
        llvm::report_fatal_error(llvm::Twine("tests/exec/Reference.cpp does not define ") +
                                 unknown.getName().getStringRef());
      });
}

HostTensors evaluate(func::FuncOp func, const HostTensors &arguments, const ParamLookup &params) {
  Evaluator evaluator(params);
  for (auto [argument, tensor] : llvm::zip_equal(func.getArguments(), arguments))
    evaluator.set(argument, tensor);
  Block &body = func.getBody().front();
  for (Operation &op : body.without_terminator())
    evaluator.run(op);
  HostTensors results;
  for (Value value : body.getTerminator()->getOperands())
    results.push_back(evaluator.get(value));
  return results;
}

} // namespace swamla::test
