"""Row kernels as fp8 programs have them, at the sizes of a preset: a plan that swamlac compiles on from.

Each is written as the plan's step.row_kernel: what is quantised, and which of the results are transposed. Where the fp8 passes decide what is
fused with what, these are the fullest of each kind.
"""

HEADER = """module attributes {{swamla.phase = "plan", swamla.optimizer = "adamw", swamla.options = {{batch = 8 : i64, checkpoint = "none", "loss-rows" = 0 : i64,
    mcpu = "sm_90a", "micro-steps" = "any", optimizer = "adamw", precision = "bf16", target = "cuda"}},
    swamla.model_info = {{batch = 8 : i64, block_size = 2048 : i64, vocab_size = 16 : i64, num_params = 0 : i64, name = "f8", description = "",
    forward_flops_per_token = 0.0 : f64}}}} {{
"""
BYTES = {"f32": 4, "bf16": 2, "f8E4M3FN": 1, "f8E5M2": 1}
ALIGNMENT = 256
# Threads that an SM must have room for: some 32 KiB of loads in flight, of which a thread has 16 to 256 bytes.
THREADS = {"quantise": 1024, "norm": 768, "norm_grad": 384, "swiglu": 1024, "swiglu_rows": 1024, "swiglu_grad": 1024, "swiglu_grad_rows": 512,
           "adamw": 512, "adamw_rows": 384, "weights": 1024}  # adamw_rows: four operands of 16 bytes, a row of 1536 columns is one block's


class Plan:
    def __init__(self):
        self.kernels, self.launches, self.end = [], [], 0

    def kernel(self, name, rows, columns, views, outs, body, unit=1):
        """`views`: (name, type, where) of ins, then outs; `where` is a map's result, or one of straight, transposed, column, row, one."""
        maps, arguments, places = [], [], []
        for view, element, where in views:
            stride, extra = columns, 0
            if isinstance(where, tuple):  # a column block of a wider matrix
                stride, extra = where
                where = "straight"
            known = {"straight": (f"m * {stride} + c + {extra}", rows * stride), "transposed": (f"c * {rows} + m", rows * columns),
                     "column": ("c", columns), "row": ("m", rows), "one": ("0", 1),
                     "unit": (f"(m floordiv {unit}) * {columns} + c", -(-rows // unit) * columns)}[where]
            maps.append(f"affine_map<(m, c) -> ({known[0]})>")
            arguments.append(f"%{view}: {element}")
            size = known[1] * BYTES[element]
            places.append(f"#step.view<@arena, {self.end}, {size}>")
            self.end += -(-size // ALIGNMENT) * ALIGNMENT
        ins = len(views) - outs
        self.kernels.append(f"step.row_kernel @{name} domain [{rows}, {columns}] row_dims 1 ins {ins}\n    maps [{', '.join(maps)}] unit_rows {unit} {{\n"
                            f"^bb0({', '.join(arguments)}):\n{body}}}\n")
        self.launches.append(f"step.launch @{name} [{', '.join(places)}] units {-(-rows // unit)} label \"{name}\" flops 0 bytes 0\n")

    def text(self):
        return (HEADER.format() + f'step.buffer @arena kind "arena" bytes {self.end}\n' + "".join(self.kernels) + "step.program @setup {\n"
                + "".join(self.launches) + "}\n}\n")


def number(name, value):
    return f"%{name} = arith.constant {value:e} : f32\n"


def rounded(to, source, inverse, kind):
    """Lines that quantise the f32 `source` to an f8 `to` by its scale's inverse."""
    most = 448.0 if kind == "f8E4M3FN" else 57344.0
    return (number(f"{to}.most", most) + number(f"{to}.least", -most) + f"%{to}.a = arith.mulf %{source}, %{inverse} : f32\n"
            f"%{to}.b = arith.minimumf %{to}.a, %{to}.most : f32\n%{to}.c = arith.maximumf %{to}.b, %{to}.least : f32\n"
            f"%{to} = arith.truncf %{to}.c : f32 to {kind}\n")


def widened(*names):
    return "".join(f"%{name}.f = arith.extf %{name} : bf16 to f32\n" for name in names)


def largest(to, source):
    return f"%{to}.abs = math.absf %{source} : f32\n%{to} = swamla.reduce_row max %{to}.abs : f32\n"


def norm(columns):
    """x and a residual: their sum in bf16, its norm quantised both ways, the norm's largest magnitude and reciprocal root mean square."""
    return (widened("x", "y") + "%s.f = arith.addf %x.f, %y.f : f32\n%s = arith.truncf %s.f : f32 to bf16\n%t = arith.extf %s : bf16 to f32\n"
            "%square = arith.mulf %t, %t : f32\n%sum = swamla.reduce_row add %square : f32\n" + number("n", 1.0 / columns) + number("eps", 1e-6)
            + "%mean = arith.mulf %sum, %n : f32\n%shifted = arith.addf %mean, %eps : f32\n%r = math.rsqrt %shifted : f32\n"
            "%u = arith.mulf %t, %r : f32\n%v.f = arith.mulf %u, %w : f32\n%v.b = arith.truncf %v.f : f32 to bf16\n%v = arith.extf %v.b : bf16 to f32\n"
            + largest("most", "v") + rounded("q", "v", "i", "f8E4M3FN")
            + "swamla.yield %s, %q, %q, %r, %most : bf16, f8E4M3FN, f8E4M3FN, f32, f32\n")


def norm_grad(columns):
    """The gradient of a norm and of its residual, in bf16 and quantised both ways; sums for the norm's weight."""
    return (widened("x", "dy", "dr") + "%xr = arith.mulf %x.f, %r : f32\n%g = arith.mulf %dy.f, %w : f32\n%p = arith.mulf %g, %xr : f32\n"
            "%sum = swamla.reduce_row add %p : f32\n" + number("n", 1.0 / columns) + "%mean = arith.mulf %sum, %n : f32\n"
            "%a = arith.mulf %xr, %mean : f32\n%b = arith.subf %g, %a : f32\n%c = arith.mulf %b, %r : f32\n%d.f = arith.addf %c, %dr.f : f32\n"
            "%d = arith.truncf %d.f : f32 to bf16\n%d.r = arith.extf %d : bf16 to f32\n" + largest("most", "d.r") + rounded("q", "d.r", "i", "f8E5M2")
            + "%dw = arith.mulf %dy.f, %xr : f32\nswamla.yield %d, %q, %q, %dw, %most : bf16, f8E5M2, f8E5M2, f32, f32\n")


SILU = ("%minus = arith.negf %gate.f : f32\n%e = math.exp %minus : f32\n" + number("one", 1.0) + "%d = arith.addf %one, %e : f32\n"
        "%sigmoid = arith.divf %one, %d : f32\n%silu = arith.mulf %gate.f, %sigmoid : f32\n")


def swiglu():
    return (widened("gate", "up") + SILU + "%h.f = arith.mulf %silu, %up.f : f32\n%h.b = arith.truncf %h.f : f32 to bf16\n"
            "%h = arith.extf %h.b : bf16 to f32\n" + rounded("q", "h", "i", "f8E4M3FN"))


def swiglu_grad():
    """The product again, and both cotangents: quantised, straight and transposed; their largest magnitudes along the row."""
    return (widened("dh") + swiglu().replace("%q", "%h8") + number("zero", 0.0) + "%du.f = arith.mulf %dh.f, %silu : f32\n"
            "%rest = arith.subf %one, %sigmoid : f32\n%slope = arith.mulf %silu, %rest : f32\n%slope1 = arith.addf %sigmoid, %slope : f32\n"
            "%dhu = arith.mulf %dh.f, %up.f : f32\n%dg.f = arith.mulf %dhu, %slope1 : f32\n%dg.b = arith.truncf %dg.f : f32 to bf16\n"
            "%du.b = arith.truncf %du.f : f32 to bf16\n%dg = arith.extf %dg.b : bf16 to f32\n%du = arith.extf %du.b : bf16 to f32\n"
            + rounded("dg8", "dg", "j", "f8E5M2") + rounded("du8", "du", "j", "f8E5M2"))


def adamw(inverse="i"):
    """A weight and its states in place, from the gradient; quantised both ways, by `inverse`."""
    return (number("b1", 0.9) + number("c1", 0.1) + number("b2", 0.95) + number("c2", 0.05) + number("eps", 1e-8)
            + "%m.a = arith.mulf %m0, %b1 : f32\n%m.b = arith.mulf %g, %c1 : f32\n%m = arith.addf %m.a, %m.b : f32\n%g2 = arith.mulf %g, %g : f32\n"
            "%v.a = arith.mulf %v0, %b2 : f32\n%v.b = arith.mulf %g2, %c2 : f32\n%v = arith.addf %v.a, %v.b : f32\n%root = math.sqrt %v : f32\n"
            "%below = arith.addf %root, %eps : f32\n%ratio = arith.divf %m, %below : f32\n%step = arith.mulf %ratio, %lr : f32\n"
            "%p = arith.subf %p0, %step : f32\n" + largest("most", "p") + rounded("q", "p", inverse, "f8E4M3FN")
            + "swamla.yield %p, %m, %v, %q, %q, %most : f32, f32, f32, f8E4M3FN, f8E4M3FN, f32\n")


def plan(rows, width, hidden):
    """All of them for `rows` tokens, in the model's width and that of its MLP."""
    e4m3, e5m2 = "f8E4M3FN", "f8E5M2"
    gate, up = (2 * hidden, 0), (2 * hidden, hidden)
    out = Plan()
    out.kernel("quantise", rows, width, [("x", "bf16", "straight"), ("i", "f32", "one"), ("q0", e4m3, "straight"), ("t0", e4m3, "transposed")], 2,
               widened("x") + rounded("q", "x.f", "i", e4m3) + f"swamla.yield %q, %q : {e4m3}, {e4m3}\n")
    out.kernel("norm", rows, width, [("x", "bf16", "straight"), ("y", "bf16", "straight"), ("w", "f32", "column"), ("i", "f32", "one"),
                                     ("s0", "bf16", "straight"), ("q0", e4m3, "straight"), ("t0", e4m3, "transposed"), ("r0", "f32", "row"),
                                     ("most0", "f32", "row")], 5, norm(width))
    out.kernel("norm_grad", rows, width, [("x", "bf16", "straight"), ("r", "f32", "row"), ("w", "f32", "column"), ("dy", "bf16", "straight"),
                                          ("dr", "bf16", "straight"), ("i", "f32", "one"), ("d0", "bf16", "straight"), ("q0", e5m2, "straight"),
                                          ("t0", e5m2, "transposed"), ("dw0", "f32", "unit"), ("most0", "f32", "row")], 5, norm_grad(width), unit=64)
    out.kernel("swiglu", rows, hidden, [("gate", "bf16", gate), ("up", "bf16", up), ("i", "f32", "one"), ("q0", e4m3, "straight"),
                                        ("t0", e4m3, "transposed")], 2, swiglu() + f"swamla.yield %q, %q : {e4m3}, {e4m3}\n")
    out.kernel("swiglu_rows", rows, hidden, [("gate", "bf16", gate), ("up", "bf16", up), ("i", "f32", "one"), ("q0", e4m3, "straight"),
                                             ("most0", "f32", "row")], 2, swiglu() + largest("most", "h") + f"swamla.yield %q, %most : {e4m3}, f32\n")
    out.kernel("swiglu_grad", rows, hidden, [("gate", "bf16", gate), ("up", "bf16", up), ("dh", "bf16", "straight"), ("i", "f32", "one"), ("j", "f32", "one"),
                                             ("h0", e4m3, "transposed"), ("dg0", e5m2, gate), ("du0", e5m2, up), ("dgt0", e5m2, "transposed"),
                                             ("dut0", e5m2, "transposed")], 5,
               swiglu_grad() + f"swamla.yield %h8, %dg8, %du8, %dg8, %du8 : {e4m3}, {e5m2}, {e5m2}, {e5m2}, {e5m2}\n")
    # With the largest magnitudes of its rows, too: a row of the MLP is then kept in shared memory.
    out.kernel("swiglu_grad_rows", rows, hidden, [("gate", "bf16", gate), ("up", "bf16", up), ("dh", "bf16", "straight"), ("i", "f32", "one"), ("j", "f32", "one"),
                                                  ("dg0", e5m2, gate), ("du0", e5m2, up), ("dgt0", e5m2, "transposed"), ("dut0", e5m2, "transposed"),
                                                  ("a0", "f32", "row"), ("b0", "f32", "row")], 6,
               swiglu_grad() + largest("a", "dg") + largest("b", "du")
               + f"swamla.yield %dg8, %du8, %dg8, %du8, %a, %b : {e5m2}, {e5m2}, {e5m2}, {e5m2}, f32, f32\n")
    states = [("g", "f32", "straight"), ("lr", "f32", "one"), ("i", "f32", "one"), ("p0", "f32", "straight"), ("m0", "f32", "straight"), ("v0", "f32", "straight"),
              ("q0", e4m3, "straight"), ("t0", e4m3, "transposed"), ("most0", "f32", "row")]
    out.kernel("adamw", hidden, width, states, 6, adamw())
    out.kernel("adamw_rows", width, hidden, states, 6, adamw("most"))
    out.kernel("weights", hidden, width, [("p", "f32", "straight"), ("i", "f32", "one"), ("q0", e4m3, "straight"), ("t0", e4m3, "transposed")], 2,
               rounded("q", "p", "i", e4m3) + f"swamla.yield %q, %q : {e4m3}, {e4m3}\n")
    return out.text()
