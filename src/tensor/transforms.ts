import { fail } from "../core/errors.ts";
import { showShape, sizeOf } from "../core/shape.ts";
import { o } from "../graph/algebra.ts";
import { standIn } from "../graph/control.ts";
import type { Value } from "../graph/node.ts";
import { allMapped, zerosLike } from "../graph/rules.ts";
import type { Flattened } from "../graph/tree.ts";
import { hold } from "./hold.ts";
import { forward } from "../transforms/jvp.ts";
import { linearizeGraph } from "../transforms/linearize.ts";
import { batch } from "../transforms/vmap.ts";
import { backward, pull, record } from "../transforms/vjp.ts";
import { isTensor, type Tensor, unwrap, wrap } from "./tensor.ts";
import { aliases, callOn, checkFloats, checkFunction, checkLike, flattenTensors, inTrace, resultValues } from "./trace.ts";
import { type AxesTree, flattenAxes } from "./axes.ts";

/** Any function of trees of tensors. */
export type AnyFunction = (...args: any[]) => any;
/** What grad and valueAndGrad take. */
export interface GradOptions {
  /** Which arguments to differentiate by, from 0 on (default 0); a number gives one gradient, an array a tuple. */
  readonly argnums?: number | readonly number[];
  /** The function returns [scalar, aux]; aux is handed through. */
  readonly hasAux?: boolean;
}

type GradOf<A extends unknown[], O> = O extends { argnums: infer N } ? (N extends number ? A[N] : unknown[]) : A[0];

/** The gradient of a scalar function, shaped like the argument(s), by reverse mode. With hasAux: `[gradients, aux]`. What is differentiated by must
 *  be floats (ERR_DTYPE), the result one number of shape [] (ERR_SHAPE); reading a value inside of f throws ERR_TRACED. */
export function grad<A extends any[], const O extends GradOptions = {}>(
  f: (...args: A) => any,
  options: O = {} as O,
): (...args: A) => O extends { hasAux: true } ? [GradOf<A, O>, any] : GradOf<A, O> {
  const both = differentiate("grad", f, options);
  return (...args) => {
    const { gradients, aux } = both(args);
    return (options.hasAux ? [gradients, aux] : gradients) as never;
  };
}

/** Gives `[value, gradients]`, or `[[value, aux], gradients]` with hasAux, in one pass. Errors as {@link grad}. */
export function valueAndGrad<A extends any[], const O extends GradOptions = {}>(
  f: (...args: A) => any,
  options: O = {} as O,
): (...args: A) => O extends { hasAux: true } ? [[Tensor, any], GradOf<A, O>] : [Tensor, GradOf<A, O>] {
  const both = differentiate("valueAndGrad", f, options);
  return (...args) => {
    const { value, gradients, aux } = both(args);
    return (options.hasAux ? [[wrap(value), aux], gradients] : [wrap(value), gradients]) as never;
  };
}

function differentiate(op: string, f: AnyFunction, { argnums = 0, hasAux = false }: GradOptions) {
  checkFunction(op, f);
  const list = typeof argnums === "number" ? [argnums] : [...argnums];
  return (args: readonly unknown[]): { value: Value; gradients: unknown; aux: unknown } => {
    for (const n of list)
      if (!Number.isInteger(n) || n < 0 || n >= args.length) fail("ERR_ARGUMENT", op, `argnums must be from 0 to ${args.length - 1}, got ${n}`);
    const flats = args.map(flattenTensors);
    const given = flats.map((flat) => flat.leaves.map((x) => unwrap(x, op)));
    for (const n of list) checkFloats(op, flats[n]!, given[n]!);
    const { value, auxValues, auxFlat, gradients } = inTrace(op, (frame) => {
      const traced = given.map((values, i) => (list.includes(i) ? aliases(values, frame) : values));
      const result = callOn(f, flats, traced);
      if (hasAux && !(Array.isArray(result) && result.length === 2)) fail("ERR_ARGUMENT", op, "with hasAux the function must return [scalar, aux]");
      const scalar = hasAux ? (result as unknown[])[0] : result;
      if (!isTensor(scalar)) fail("ERR_ARGUMENT", op, `the function must return a scalar tensor, got ${scalar === null ? "null" : typeof scalar}`);
      const value = unwrap(scalar, op);
      if (sizeOf(value.shape) !== 1 || value.shape.length > 0)
        fail("ERR_SHAPE", op, `the function must return a scalar, got shape ${showShape(value.shape)} (reduce it with sum() or mean())`);
      const { flat: auxFlat, values: auxValues } = resultValues(op, hasAux ? (result as unknown[])[1] : []);
      const wrt = list.flatMap((n) => traced[n]!);
      const cotangents = backward([value], [o.constant(1, value.dtype)], wrt, frame.firstId);
      return { value, auxValues, auxFlat, gradients: cotangents.map((ct, i) => ct ?? zerosLike(wrt[i]!)) };
    });
    let at = 0;
    const trees = list.map((n) => flats[n]!.unflatten(given[n]!.map(() => wrap(gradients[at++]!))));
    return { value, gradients: typeof argnums === "number" ? trees[0] : trees, aux: auxFlat.unflatten(auxValues.map(wrap)) };
  };
}

/** Gives `[out, pullback]`: pullback takes a cotangent shaped like out (else ERR_SHAPE) and gives a tuple of cotangents, one a primal: J^T ct. It may be
 *  called many times. */
export function vjp<A extends any[], R>(f: (...args: A) => R, ...primals: A): [R, (cotangent: R) => A] {
  checkFunction("vjp", f);
  const flats = primals.map(flattenTensors);
  const given = flats.map((flat) => flat.leaves.map((x) => unwrap(x, "vjp")));
  const { tape, out } = inTrace("vjp", (frame) => {
    const traced = given.map((values) => aliases(values, frame));
    const out = resultValues("vjp", callOn(f, flats, traced));
    return { tape: record(out.values, traced.flat(), frame.firstId), out };
  });
  const pullback = (cotangent: unknown): unknown[] => {
    const cts = checkLike("vjp", "the cotangent", flattenTensors(cotangent), { key: out.flat.key, values: out.values });
    const found = pull(tape, cts);
    let at = 0;
    return flats.map((flat, i) => flat.unflatten(given[i]!.map((x) => wrap(found[at++] ?? zerosLike(x)))));
  };
  hold(pullback, [...given.flat(), ...out.values, ...tape.entries.flatMap((e) => [...e.inputs, ...e.outputs])]);
  return [out.flat.unflatten(out.values.map(wrap)), pullback as never];
}

/** Gives `[out, tangentOut]`: the value, and its derivative J t along the tangents, which have the trees, shapes and dtypes of the primals (else
 *  ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE). */
export function jvp<A extends any[], R>(f: (...args: A) => R, primals: readonly [...A], tangents: readonly [...A]): [R, R] {
  checkFunction("jvp", f);
  if (!Array.isArray(primals) || !Array.isArray(tangents))
    fail("ERR_ARGUMENT", "jvp", "primals and tangents must be arrays with one entry an argument");
  const flats = primals.map(flattenTensors);
  const given = flats.map((flat) => flat.leaves.map((x) => unwrap(x, "jvp")));
  const along = checkLike("jvp", "the tangents", flattenTensors(tangents), { key: flattenTensors(primals).key, values: given.flat() });
  const { out, dots } = inTrace("jvp", (frame) => {
    const traced = given.map((values) => aliases(values, frame));
    const out = resultValues("jvp", callOn(f, flats, traced));
    return { out, dots: forward(out.values, traced.flat(), along, frame.firstId) };
  });
  return [out.flat.unflatten(out.values.map(wrap)) as R, out.flat.unflatten(out.values.map((y, i) => wrap(dots[i] ?? zerosLike(y)))) as R];
}

/** Gives `[out, pushforward]`: the primal pass is computed and kept once; pushforward takes one tangent an argument, shaped like it, and gives J t,
 *  many times. */
export function linearize<A extends any[], R>(f: (...args: A) => R, ...primals: A): [R, (...tangents: A) => R] {
  checkFunction("linearize", f);
  const flats = primals.map(flattenTensors);
  const given = flats.map((flat) => flat.leaves.map((x) => unwrap(x, "linearize")));
  const { out, linearized } = inTrace("linearize", (frame) => {
    const traced = given.map((values) => aliases(values, frame));
    const out = resultValues("linearize", callOn(f, flats, traced));
    return { out, linearized: linearizeGraph(out.values, traced.flat(), frame.firstId) };
  });
  for (const x of linearized.residuals) x.keep = true;
  const pushforward = (...tangents: unknown[]): unknown => {
    const dots = checkLike("linearize", "the tangents", flattenTensors(tangents), { key: flattenTensors(primals).key, values: given.flat() });
    return out.flat.unflatten(linearized.push(dots).map(wrap));
  };
  hold(pushforward, [...linearized.residuals, ...given.flat()]);
  return [out.flat.unflatten(out.values.map(wrap)) as R, pushforward as never];
}

/** The product H v of the Hessian of the scalar function f(params, ...rest) by params with v, shaped like params: the derivative of the gradient
 *  along v, forward over reverse. Pearlmutter 1994. */
export function hvp<P, A extends any[]>(f: (params: P, ...rest: A) => any): (params: P, v: P, ...rest: A) => P {
  checkFunction("hvp", f);
  return (params, v, ...rest) => jvp((p: P) => grad(f as AnyFunction)(p, ...rest) as P, [params], [v])[1];
}

/** What vmap takes. */
export interface VmapOptions {
  /** The axis of each argument that is mapped; null: not mapped. One number for all, or one entry an argument: a number, or a tree like it.
   *  Default 0. */
  readonly inAxes?: AxesTree;
  /** Where the mapped axis goes in the results: a number, or a tree like the result. Default 0. */
  readonly outAxes?: AxesTree;
}

/** f over an axis of its arguments, without a loop: f sees one element, the result has the axis again. Mapped axes must be of one size (ERR_SHAPE),
 *  at least one argument is mapped (ERR_ARGUMENT). */
export function vmap<F extends AnyFunction>(f: F, { inAxes = 0, outAxes = 0 }: VmapOptions = {}): F {
  checkFunction("vmap", f);
  return ((...args: unknown[]) => {
    const flats = args.map(flattenTensors);
    const axes = Array.isArray(inAxes) ? inAxes : args.map(() => inAxes);
    if (axes.length !== args.length) fail("ERR_ARGUMENT", "vmap", `inAxes must have ${args.length} entries, one an argument, got ${axes.length}`);
    let size = -1;
    const given = flats.map((flat, i) => {
      const leafAxes = flattenAxes("inAxes", axes[i] as AxesTree, args[i], flat);
      return flat.leaves.map((leaf, k) => {
        const value = unwrap(leaf, "vmap"),
          axis = leafAxes[k]!;
        if (axis === null) return { value, mapped: false };
        if (axis < -value.shape.length || axis >= value.shape.length)
          fail("ERR_ARGUMENT", "vmap", `axis ${axis} is mapped, but the argument has shape ${showShape(value.shape)}`);
        const first = moveAxis(value, axis, 0);
        if (size >= 0 && first.shape[0] !== size) fail("ERR_SHAPE", "vmap", `mapped axes must have one size, got ${size} and ${first.shape[0]}`);
        size = first.shape[0]!;
        return { value: first, mapped: true };
      });
    });
    if (size < 0) fail("ERR_ARGUMENT", "vmap", "at least one argument must be mapped");
    const { out, results } = inTrace("vmap", (frame) => {
      const from: Value[] = [],
        batched: Value[] = [];
      const traced = given.map((list) =>
        list.map(({ value, mapped }) => {
          if (!mapped) return value;
          const outer = value.node.frame?.active ? value.node.frame : frame;
          const stand = standIn({ shape: value.shape.slice(1), dtype: value.dtype }, value.node.device, outer);
          from.push(stand);
          batched.push(value);
          return stand;
        }),
      );
      const out = resultValues("vmap", callOn(f, flats, traced));
      const made = batch(out.values, from, batched, size, frame.firstId);
      return {
        out,
        results: allMapped(
          out.values.map((y, i) => made[i] ?? y),
          made.map((y) => y !== null),
          size,
        ),
      };
    });
    const outputAxes = flattenAxes("outAxes", outAxes, out.flat.unflatten(out.values.map(() => null)), out.flat as Flattened<any>);
    return out.flat.unflatten(results.map((y, i) => wrap(moveAxis(y, 0, outputAxes[i] ?? 0))));
  }) as F;
}

function moveAxis(x: Value, from: number, to: number): Value {
  const rank = x.shape.length,
    a = from < 0 ? from + rank : from,
    b = to < 0 ? to + rank : to;
  if (a === b) return x;
  const order = Array.from({ length: rank }, (_, i) => i).filter((i) => i !== a);
  order.splice(b, 0, a);
  return o.transpose(x, order);
}

/** The Jacobian by the first argument, by forward mode: one pass for each input element, all at once. The output's axes come first: [out..., in...];
 *  trees give trees of them. */
export function jacfwd(f: AnyFunction): AnyFunction {
  checkFunction("jacfwd", f);
  return (...args: any[]) => {
    const flat = flattenTensors(args[0]),
      columns = basis(flat);
    const pushed = vmap((tangents: unknown) => jvp((x: unknown) => f(x, ...args.slice(1)), [args[0]], [tangents])[1], { outAxes: -1 })(columns);
    return mapTensors(pushed, (y) => splitAxis(y, y.ndim - 1, flat, false));
  };
}

/** The Jacobian by the first argument, by reverse mode: one pass for each output element, all at once. The output's axes come first, as in
 *  {@link jacfwd}. */
export function jacrev(f: AnyFunction): AnyFunction {
  checkFunction("jacrev", f);
  return (...args: any[]) => {
    const [out, pullback] = vjp((x: unknown) => f(x, ...args.slice(1)), args[0]);
    const flat = flattenTensors(out),
      rows = basis(flat);
    const pulled = vmap((cotangent: any) => pullback(cotangent)[0])(rows);
    if (flat.leaves.length === 1) return mapTensors(pulled, (x) => splitAxis(x, 0, flat, true));
    return splitLeaves(pulled, flat);
  };
}

/** The matrix (or tree of them) of second derivatives of a scalar function by its first argument, x [n] to [n, n]; forward over reverse. For
 *  products with it that need no matrix: {@link hvp}. */
export const hessian = (f: AnyFunction): AnyFunction => jacfwd(jacrev(f));

/** All unit vectors of a tree, stacked along a new first axis. */
function basis(flat: Flattened<Tensor>): unknown {
  const values = flat.leaves.map((x) => unwrap(x, "jacobian"));
  const total = values.reduce((n, x) => n + sizeOf(x.shape), 0);
  let at = 0;
  return flat.unflatten(
    values.map((x) => {
      const n = sizeOf(x.shape);
      const columns = o.slice(o.eye(total, { dtype: x.dtype }), [0, at], [total, at + n], [1, 1]);
      at += n;
      return wrap(o.reshape(columns, [total, ...x.shape]));
    }),
  );
}
const mapTensors = (tree: unknown, f: (x: Tensor) => unknown): unknown => {
  const flat = flattenTensors(tree);
  return flat.unflatten(flat.leaves.map(f));
};
/** An axis over all elements of `flat` becomes the axes of its leaf, or a tree of such. */
function splitAxis(y: Tensor, axis: number, flat: Flattened<Tensor>, first: boolean): unknown {
  const value = unwrap(y, "jacobian"),
    rest = value.shape.filter((_, i) => i !== axis);
  let at = 0;
  return flat.unflatten(
    flat.leaves.map((leaf) => {
      const starts = value.shape.map((_, i) => (i === axis ? at : 0));
      const stops = value.shape.map((n, i) => (i === axis ? at + leaf.size : n));
      at += leaf.size;
      const piece = o.slice(
        value,
        starts,
        stops,
        value.shape.map(() => 1),
      );
      return wrap(o.reshape(piece, first ? [...leaf.shape, ...rest] : [...rest, ...leaf.shape]));
    }),
  );
}
/** For outputs that are trees: each output leaf holds a tree like the argument. */
function splitLeaves(pulled: unknown, flat: Flattened<Tensor>): unknown {
  const inner = flattenTensors(pulled);
  let at = 0;
  return flat.unflatten(
    flat.leaves.map((leaf) => {
      const start = at;
      at += leaf.size;
      return inner.unflatten(
        inner.leaves.map((x) => {
          const value = unwrap(x, "jacrev"),
            rest = value.shape.slice(1);
          const piece = o.slice(
            value,
            [start, ...rest.map(() => 0)],
            [start + leaf.size, ...rest],
            value.shape.map(() => 1),
          );
          return wrap(o.reshape(piece, [...leaf.shape, ...rest]));
        }),
      );
    }),
  );
}
