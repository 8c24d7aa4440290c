import { type DType, isFloat, isInteger, toFloat, checkDType } from "../core/dtype.ts";
import { checkOneOf, fail } from "../core/errors.ts";
import { define, type Operand, o } from "../graph/algebra.ts";
import type { Value } from "../graph/node.ts";
import { type JvpRule, type None, none, type Primitive, type VjpRule } from "../graph/primitive.ts";
import { allMapped, addMaybe } from "../graph/rules.ts";
import { align, applyOne, checkOperand, checkOptions, commonDType } from "./common.ts";

/** The derivative by one operand, applied to a tangent or cotangent t (a diagonal map is its own transpose); null: zero. */
type Partial = ((t: Value, x: readonly Value[], y: Value) => Value) | null;

function rules(partials: readonly Partial[] | None): { vjp: VjpRule | None; jvp: JvpRule | None } {
  if (!Array.isArray(partials)) return { vjp: partials as None, jvp: partials as None };
  const list = partials as readonly Partial[];
  return {
    vjp: ([ct], { inputs, outputs }) => list.map((p) => (ct && p ? p(ct, inputs, outputs[0]!) : null)),
    jvp: (tangents, { inputs, outputs }) => [
      list.map((p, i) => (tangents[i] && p ? p(tangents[i], inputs, outputs[0]!) : null)).reduce(addMaybe, null),
    ],
  };
}

interface More {
  scalar?: string;
  bool?: boolean;
  simplify?: Primitive["simplify"];
}

/** `scalar`: the row of kernels/elementwise/scalar.ts. Inputs have one shape; the output has the dtype of the last, or is bool. */
function elementwise(name: string, partials: readonly Partial[] | None, { scalar = name, bool = false, simplify }: More = {}): Primitive {
  const self: Primitive = {
    name,
    kind: "elementwise",
    scalar,
    infer: (inputs) => [{ shape: inputs[0]!.shape, dtype: bool ? "bool" : inputs.at(-1)!.dtype }],
    ...rules(partials),
    simplify,
    vmap: (inputs, mapped, size, attrs) => [applyOne(self, allMapped(inputs, mapped, size), attrs)],
  };
  return self;
}
const stepwise = none("piecewise constant");
const predicate = (name: string): Primitive => elementwise(name, none("a truth value"), { bool: true });

/** t where a wins, half of it in a tie, else 0. */
const share = (t: Value, a: Value, y: Value, b: Value): Value => o.where(o.equal(a, y), o.where(o.equal(b, y), o.mul(t, 0.5), t), 0);

// d pow / da = b a^(b-1), which is 0 (not 0 * Infinity) for b = 0; d pow / db = y log a, which is 0 for a = 0.
const powByBase: Partial = (t, [a, b]) => o.mul(t, o.mul(b!, powered(a!, o.where(o.equal(b!, 0), 1, o.sub(b!, 1)))));
const powByExponent: Partial = (t, [a], y) => o.mul(t, o.mul(y, o.log(o.where(o.equal(a!, 0), 1, a!))));

// With w = 2 sqrt(2/pi) (x + 0.044715 x^3), s = sigmoid w, p = s (1 - s) and q = 1 - 2 s: y = x s,
// y''' = p (3 w'' + 3 q w'^2 + x ((q^2 - 2 p) w'^3 + 3 q w' w'' + w''')).
function geluTanhThird(x: Value): Value {
  const c = 2 * Math.sqrt(2 / Math.PI),
    k = 0.044715,
    squared = o.square(x);
  const s = o.sigmoid(o.mul(o.mul(x, c), o.add(o.mul(squared, k), 1))),
    p = o.mul(s, o.sub(1, s)),
    q = o.sub(1, o.mul(s, 2));
  const first = o.mul(o.add(o.mul(squared, 3 * k), 1), c),
    second = o.mul(x, 6 * k * c),
    bent = o.mul(q, first);
  const inner = o.add(o.mul(first, o.add(o.mul(o.sub(o.square(q), o.mul(p, 2)), o.square(first)), o.mul(second, o.mul(q, 3)))), 6 * k * c);
  return o.mul(p, o.add(o.mul(o.add(second, o.mul(bent, first)), 3), o.mul(x, inner)));
}

const derivedGelu = (name: "geluGrad" | "geluTanhGrad" | "geluTanhGrad2", x: Value): Value => applyOne(primitives[name], [x]);

/** Derivatives by operand; x = operands, y = result. */
const primitives = {
  add: elementwise("add", [(t) => t, (t) => t], { simplify: ([a, b], _, constant) => (constant(b!) === 0 ? a! : constant(a!) === 0 ? b! : null) }),
  sub: elementwise("sub", [(t) => t, (t) => o.neg(t)], { simplify: ([a, b], _, constant) => (constant(b!) === 0 ? a! : null) }),
  mul: elementwise("mul", [(t, [, b]) => o.mul(t, b!), (t, [a]) => o.mul(t, a!)], {
    simplify: ([a, b], _, constant) => (constant(b!) === 1 ? a! : constant(a!) === 1 ? b! : null),
  }),
  div: elementwise("div", [(t, [, b]) => o.div(t, b!), (t, [, b], y) => o.neg(o.div(o.mul(t, y), b!))], {
    simplify: ([a, b], _, constant) => (constant(b!) === 1 ? a! : null),
  }),
  pow: elementwise("pow", [powByBase, powByExponent]),
  mod: elementwise("mod", [(t) => t, (t, [a, b]) => o.neg(o.mul(t, o.floor(o.div(a!, b!))))]),
  floorDivide: elementwise("floorDivide", stepwise),
  maximum: elementwise("maximum", [(t, [a, b], y) => share(t, a!, y, b!), (t, [a, b], y) => share(t, b!, y, a!)]),
  minimum: elementwise("minimum", [(t, [a, b], y) => share(t, a!, y, b!), (t, [a, b], y) => share(t, b!, y, a!)]),
  neg: elementwise("neg", [(t) => o.neg(t)]),
  abs: elementwise("abs", [(t, [x]) => o.mul(t, o.sign(x!))]),
  sign: elementwise("sign", stepwise),
  square: elementwise("square", [(t, [x]) => o.mul(t, o.mul(x!, 2))]),
  reciprocal: elementwise("reciprocal", [(t, _, y) => o.neg(o.mul(t, o.square(y)))]),
  exp: elementwise("exp", [(t, _, y) => o.mul(t, y)]),
  expm1: elementwise("expm1", [(t, _, y) => o.mul(t, o.add(y, 1))]),
  log: elementwise("log", [(t, [x]) => o.div(t, x!)]),
  log1p: elementwise("log1p", [(t, [x]) => o.div(t, o.add(x!, 1))]),
  sqrt: elementwise("sqrt", [(t, _, y) => o.mul(t, o.div(0.5, y))]),
  rsqrt: elementwise("rsqrt", [(t, [x], y) => o.mul(t, o.mul(o.div(y, x!), -0.5))]),
  sin: elementwise("sin", [(t, [x]) => o.mul(t, o.cos(x!))]),
  cos: elementwise("cos", [(t, [x]) => o.neg(o.mul(t, o.sin(x!)))]),
  tan: elementwise("tan", [(t, _, y) => o.mul(t, o.add(o.square(y), 1))]),
  tanh: elementwise("tanh", [(t, _, y) => o.mul(t, o.sub(1, o.square(y)))]),
  sigmoid: elementwise("sigmoid", [(t, _, y) => o.mul(t, o.mul(y, o.sub(1, y)))]),
  softplus: elementwise("softplus", [(t, [x]) => o.mul(t, o.sigmoid(x!))]),
  erf: elementwise("erf", [(t, [x]) => o.mul(t, o.mul(o.exp(o.neg(o.square(x!))), 2 / Math.sqrt(Math.PI)))]),
  erfinv: elementwise("erfinv", [(t, _, y) => o.mul(t, o.mul(o.exp(o.square(y)), Math.sqrt(Math.PI) / 2))]),
  gelu: elementwise("gelu", [(t, [x]) => o.mul(t, derivedGelu("geluGrad", x!))]),
  // Phi(x) + x phi(x); its derivative is (2 - x^2) phi(x).
  geluGrad: elementwise("geluGrad", [
    (t, [x]) => o.mul(t, o.mul(o.sub(2, o.square(x!)), o.mul(o.exp(o.mul(o.square(x!), -0.5)), 1 / Math.sqrt(2 * Math.PI)))),
  ]),
  geluTanh: elementwise("geluTanh", [(t, [x]) => o.mul(t, derivedGelu("geluTanhGrad", x!))]),
  geluTanhGrad: elementwise("geluTanhGrad", [(t, [x]) => o.mul(t, derivedGelu("geluTanhGrad2", x!))]),
  geluTanhGrad2: elementwise("geluTanhGrad2", [(t, [x]) => o.mul(t, geluTanhThird(x!))]),
  // The second input is zeros. By the result, which the next operation keeps anyway.
  relu: elementwise("relu", [(t, _, y) => o.where(o.greater(y, 0), t, 0), null], { scalar: "maximum" }),
  floor: elementwise("floor", stepwise),
  ceil: elementwise("ceil", stepwise),
  round: elementwise("round", stepwise),
  where: elementwise("where", [null, (t, [c]) => o.where(c!, t, 0), (t, [c]) => o.where(c!, 0, t)], {
    scalar: "select",
    simplify: ([c, a, b], _, constant) => (constant(c!) === undefined ? null : constant(c!) ? a! : b!),
  }),
  equal: predicate("equal"),
  notEqual: predicate("notEqual"),
  less: predicate("less"),
  lessEqual: predicate("lessEqual"),
  greater: predicate("greater"),
  greaterEqual: predicate("greaterEqual"),
  isNaN: predicate("isNaN"),
  isFinite: predicate("isFinite"),
  logicalAnd: predicate("logicalAnd"),
  logicalOr: predicate("logicalOr"),
  logicalNot: predicate("logicalNot"),
  bitAnd: elementwise("bitAnd", none("bits of integers")),
  bitOr: elementwise("bitOr", none("bits of integers")),
  bitXor: elementwise("bitXor", none("bits of integers")),
  shiftLeft: elementwise("shiftLeft", none("bits of integers")),
  shiftRight: elementwise("shiftRight", none("bits of integers")),
};
type Name = keyof typeof primitives;

/** attrs.dtype; floats become integers by truncation, and wrap; bool is "not 0". */
const cast: Primitive = {
  name: "cast",
  kind: "elementwise",
  scalar: "cast",
  infer: ([x], { dtype }) => [{ shape: x!.shape, dtype: dtype as DType }],
  vjp: ([ct], { inputs: [x] }) => [ct && isFloat(x!.dtype) ? o.cast(ct, x!.dtype) : null],
  jvp: ([t], { outputs: [y] }) => [t && isFloat(y!.dtype) ? o.cast(t, y!.dtype) : null],
  vmap: ([x], _mapped, _size, attrs) => [applyOne(cast, [x!], attrs)],
};

const run = (name: Name, operands: readonly Operand[], dtype: DType): Value => applyOne(primitives[name], align(name, operands, dtype));
const asInteger = (dtype: DType): DType => (dtype === "bool" ? "i32" : dtype);

/** Of the promoted dtype. Truth values add as "or" and multiply as "and", as in NumPy. */
const arithmetic =
  (name: Name) =>
  (a: Operand, b: Operand): Value => {
    const dtype = commonDType(name, [a, b]);
    return dtype === "bool" ? o.cast(run(name, [a, b], "i32"), "bool") : run(name, [a, b], dtype);
  };
const integral =
  (name: Name) =>
  (...operands: Operand[]): Value =>
    run(name, operands, asInteger(commonDType(name, operands)));
const unary =
  (name: Name) =>
  (x: Operand): Value =>
    integral(name)(x);
/** Integers become f32. */
const float =
  (name: Name) =>
  (x: Operand): Value =>
    run(name, [x], toFloat(commonDType(name, [x])));
const comparison =
  (name: Name) =>
  (a: Operand, b: Operand): Value =>
    run(name, [a, b], asInteger(commonDType(name, [a, b])));
const logical =
  (name: Name) =>
  (...operands: Operand[]): Value => {
    for (const x of operands) checkOperand(name, x);
    return run(name, operands, "bool");
  };
/** Integers are whole and finite already. */
const rounding =
  (name: Name) =>
  (x: Operand): Value => {
    const value = o.asValue(x, undefined, name);
    return isFloat(value.dtype) ? run(name, [value], value.dtype) : value;
  };
const bits =
  (name: Name) =>
  (a: Operand, b: Operand): Value => {
    const dtype = commonDType(name, [a, b]);
    return isInteger(dtype) ? run(name, [a, b], dtype) : fail("ERR_DTYPE", name, `bits are those of integers, got ${dtype}`);
  };

/** What gelu takes. */
export interface GeluOptions {
  /** By erf ("none"), or by its approximation. Default: "none". */
  approximate?: "none" | "tanh";
}

declare module "../graph/algebra.ts" {
  interface Ops {
    cast(x: Operand, dtype: DType): Value;
    sub(a: Operand, b: Operand): Value;
    mul(a: Operand, b: Operand): Value;
    div(a: Operand, b: Operand): Value;
    pow(a: Operand, b: Operand): Value;
    mod(a: Operand, b: Operand): Value;
    floorDivide(a: Operand, b: Operand): Value;
    maximum(a: Operand, b: Operand): Value;
    minimum(a: Operand, b: Operand): Value;
    neg(x: Operand): Value;
    abs(x: Operand): Value;
    sign(x: Operand): Value;
    square(x: Operand): Value;
    reciprocal(x: Operand): Value;
    exp(x: Operand): Value;
    expm1(x: Operand): Value;
    log(x: Operand): Value;
    log1p(x: Operand): Value;
    sqrt(x: Operand): Value;
    rsqrt(x: Operand): Value;
    sin(x: Operand): Value;
    cos(x: Operand): Value;
    tan(x: Operand): Value;
    tanh(x: Operand): Value;
    sigmoid(x: Operand): Value;
    relu(x: Operand): Value;
    gelu(x: Operand, options?: GeluOptions): Value;
    silu(x: Operand): Value;
    softplus(x: Operand): Value;
    erf(x: Operand): Value;
    erfinv(x: Operand): Value;
    floor(x: Operand): Value;
    ceil(x: Operand): Value;
    round(x: Operand): Value;
    clip(x: Operand, min?: Operand | null, max?: Operand | null): Value;
    where(condition: Operand, a: Operand, b: Operand): Value;
    equal(a: Operand, b: Operand): Value;
    notEqual(a: Operand, b: Operand): Value;
    less(a: Operand, b: Operand): Value;
    lessEqual(a: Operand, b: Operand): Value;
    greater(a: Operand, b: Operand): Value;
    greaterEqual(a: Operand, b: Operand): Value;
    logicalAnd(a: Operand, b: Operand): Value;
    logicalOr(a: Operand, b: Operand): Value;
    logicalNot(x: Operand): Value;
    isNaN(x: Operand): Value;
    isFinite(x: Operand): Value;
    bitAnd(a: Operand, b: Operand): Value;
    bitOr(a: Operand, b: Operand): Value;
    bitXor(a: Operand, b: Operand): Value;
    shiftLeft(a: Operand, b: Operand): Value;
    shiftRight(a: Operand, b: Operand): Value;
  }
}

/** a^b by the primitive, at any b. */
const powered = (a: Operand, b: Operand): Value => run("pow", [a, b], asInteger(commonDType("pow", [a, b])));
const largestProduct = 16;

/** x^n by squaring, for whole n > 0: exact where products are, and so are its derivatives. */
function byProducts(x: Value, n: number): Value {
  if (n === 1) return x;
  const half = o.square(byProducts(x, n >> 1));
  return n % 2 === 1 ? o.mul(half, x) : half;
}

function pow(a: Operand, b: Operand): Value {
  const dtype = asInteger(commonDType("pow", [a, b]));
  if (typeof b !== "number" || !Number.isInteger(b) || Math.abs(b) > largestProduct) return powered(a, b);
  if (b < 0 && !isFloat(dtype)) fail("ERR_ARGUMENT", "pow", `integers have no power of ${b}; cast to "f32" first`);
  const x = o.cast(o.asValue(a), dtype);
  if (b === 0) return o.constant(1, dtype, x.shape);
  return b > 0 ? byProducts(x, b) : o.reciprocal(byProducts(x, -b));
}

define({
  cast(x, dtype) {
    const to = checkDType("cast", dtype),
      value = o.asValue(x, undefined, "cast");
    return value.dtype === to ? value : applyOne(cast, [value], { dtype: to });
  },
  add: arithmetic("add"),
  sub: integral("sub"),
  mul: arithmetic("mul"),
  div: (a, b) => run("div", [a, b], toFloat(commonDType("div", [a, b]))),
  pow,
  mod: integral("mod"),
  floorDivide: integral("floorDivide"),
  maximum: arithmetic("maximum"),
  minimum: arithmetic("minimum"),
  neg: unary("neg"),
  abs: unary("abs"),
  sign: unary("sign"),
  square: unary("square"),
  reciprocal: float("reciprocal"),
  exp: float("exp"),
  expm1: float("expm1"),
  log: float("log"),
  log1p: float("log1p"),
  sqrt: float("sqrt"),
  rsqrt: float("rsqrt"),
  sin: float("sin"),
  cos: float("cos"),
  tan: float("tan"),
  tanh: float("tanh"),
  sigmoid: float("sigmoid"),
  relu: (x) => run("relu", [x, 0], asInteger(commonDType("relu", [x]))),
  gelu(x, options) {
    checkOptions("gelu", options, ["approximate"]);
    const approximate = checkOneOf("gelu", "approximate", options?.approximate ?? "none", ["none", "tanh"]);
    return run(approximate === "tanh" ? "geluTanh" : "gelu", [x], toFloat(commonDType("gelu", [x])));
  },
  silu: (x) => o.mul(x, o.sigmoid(x)),
  softplus: float("softplus"),
  erf: float("erf"),
  erfinv: float("erfinv"),
  floor: rounding("floor"),
  ceil: rounding("ceil"),
  round: rounding("round"),
  clip(x, min, max) {
    const value = o.asValue(x, undefined, "clip"),
      raised = min === undefined || min === null ? value : o.maximum(value, min);
    return max === undefined || max === null ? raised : o.minimum(raised, max);
  },
  where(condition, a, b) {
    checkOperand("where", condition);
    const dtype = commonDType("where", [a, b]);
    return applyOne(primitives.where, align("where", [condition, a, b], ["bool", dtype, dtype]));
  },
  equal: comparison("equal"),
  notEqual: comparison("notEqual"),
  less: comparison("less"),
  lessEqual: comparison("lessEqual"),
  greater: comparison("greater"),
  greaterEqual: comparison("greaterEqual"),
  logicalAnd: logical("logicalAnd"),
  logicalOr: logical("logicalOr"),
  logicalNot: logical("logicalNot"),
  isNaN: (x) => finiteness("isNaN", x, 0),
  isFinite: (x) => finiteness("isFinite", x, 1),
  bitAnd: bits("bitAnd"),
  bitOr: bits("bitOr"),
  bitXor: bits("bitXor"),
  shiftLeft: bits("shiftLeft"),
  shiftRight: bits("shiftRight"),
});

/** Integers are finite, and no NaN. */
function finiteness(name: "isNaN" | "isFinite", x: Operand, ofIntegers: 0 | 1): Value {
  const value = o.asValue(x, undefined, name);
  return isFloat(value.dtype) ? run(name, [value], value.dtype) : o.constant(ofIntegers, "bool", value.shape);
}
