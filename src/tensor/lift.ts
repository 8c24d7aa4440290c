import { o, type Ops } from "../graph/algebra.ts";
import { Value } from "../graph/node.ts";
import "../primitives/index.ts";
import { Tensor, unwrap, wrap } from "./tensor.ts";

const isPlain = (x: unknown): x is Record<string, unknown> => typeof x === "object" && x !== null && Object.getPrototypeOf(x) === Object.prototype;

/** Tensors, also in arrays and in options, become the values that they hold. */
function lower(op: string, x: unknown): unknown {
  if (x instanceof Tensor) return unwrap(x, op);
  if (Array.isArray(x)) return x.some((item) => item instanceof Tensor) ? x.map((item) => lower(op, item)) : x;
  if (isPlain(x) && Object.values(x).some((item) => item instanceof Tensor))
    return Object.fromEntries(Object.entries(x).map(([key, item]) => [key, lower(op, item)]));
  return x;
}
/** Values, also in arrays and objects, become tensors. */
function raise(x: unknown): unknown {
  if (x instanceof Value) return wrap(x);
  if (Array.isArray(x)) return x.map(raise);
  if (isPlain(x)) return Object.fromEntries(Object.entries(x).map(([key, item]) => [key, raise(item)]));
  return x;
}

type AnyFunction = (...args: any[]) => unknown;
/** An operation on values as one on tensors. */
export const liftFunction =
  (op: string, f: AnyFunction) =>
  (...args: unknown[]): any =>
    raise(f(...args.map((x) => lower(op, x))));
/** The operation of this name in the algebra. */
export const lift = (op: Exclude<keyof Ops, "random">): any => liftFunction(op, (...args) => (o[op] as AnyFunction)(...args));
