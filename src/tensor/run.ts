import type { KernelTime } from "../backends/backend.ts";
import { stopGradientPrimitive } from "../graph/control.ts";
import { apply, type Aval, type Value } from "../graph/node.ts";
import type { Flattened } from "../graph/tree.ts";
import { backendOf, defaultDevice } from "../run/devices.ts";
import { evaluateValues } from "../run/engine.ts";
import { profileOf, type Profile } from "../run/profile.ts";
import { applyCheckpoint } from "../transforms/checkpoint.ts";
import { closeOver } from "../transforms/closure.ts";
import { applyCustomVjp } from "../transforms/custom.ts";
import { runScoped } from "./scope.ts";
import { refuseTraced, type Tensor, unwrap, wrap } from "./tensor.ts";
import { callOn, checkFunction, flattenTensors, inTrace, resultValues } from "./trace.ts";
import { fail } from "../core/errors.ts";

/** Computes every tensor in the trees; resolves when done, rejects with the first error. Waits while many plans are under way: a loop that
 *  awaits it keeps memory bounded. */
export async function evaluate(...trees: unknown[]): Promise<void> {
  const values = trees.flatMap((tree) => flattenTensors(tree).leaves.map((x) => unwrap(x, "evaluate")));
  for (const v of values) refuseTraced(v, "evaluate");
  await evaluateValues(values);
}

/** Runs fn (sync or async) and disposes of every tensor made inside that its result (a tree) does not hold. */
export function tidy<R>(fn: () => R): R {
  checkFunction("tidy", fn);
  return runScoped(fn, (result) => flattenTensors(result).leaves);
}

/** Times every kernel of the default device that runs while fn (sync or async) does; await in fn what is to be counted. */
export async function profile(fn: () => unknown): Promise<Profile> {
  checkFunction("profile", fn);
  const backend = backendOf(defaultDevice());
  const stop = backend.profile?.() ?? (async (): Promise<readonly KernelTime[]> => []);
  try {
    await fn();
  } catch (error) {
    await stop();
    throw error;
  }
  return profileOf(await stop());
}

/** The same tree of tensors, as constants to derivatives. */
export const stopGradient = <T>(tree: T): T => {
  const flat = flattenTensors(tree);
  return flat.unflatten(flat.leaves.map((x) => wrap(apply(stopGradientPrimitive, [unwrap(x, "stopGradient")])[0]!)));
};

/** f, whose intermediate values are computed again in the backward pass instead of being kept; the same numbers for less memory. Chen et al. 2016. */
export function checkpoint<F extends (...args: any[]) => any>(f: F): F {
  checkFunction("checkpoint", f);
  return ((...args: unknown[]) => {
    const flats = args.map(flattenTensors);
    const given = flats.map((flat) => flat.leaves.map((x) => unwrap(x, "checkpoint")));
    const { closure, result, avals } = recordClosure("checkpoint", f, flats, given);
    return result.unflatten(applyCheckpoint(closure, given.flat(), avals).map(wrap));
  }) as F;
}

/** f with a derivative of your own: backward(cotangent, ...primals) returns an array of one cotangent a primal (else ERR_ARGUMENT), shaped like it.
 *  Forward mode and vmap use it, too; what f uses from outside gets no derivative. */
export function customVjp<F extends (...args: any[]) => any>(f: F, backward: (cotangent: any, ...primals: any[]) => unknown): F {
  checkFunction("customVjp", f);
  checkFunction("customVjp", backward);
  return ((...args: unknown[]) => {
    const flats = args.map(flattenTensors);
    const given = flats.map((flat) => flat.leaves.map((x) => unwrap(x, "customVjp")));
    const { closure, result, avals } = recordClosure("customVjp", f, flats, given);
    const pullback = (values: readonly Value[]): readonly Value[] =>
      runScoped(
        () => {
          const cotangent = result.unflatten(values.slice(0, avals.length).map(wrap));
          const primals = split(values.slice(avals.length), given).map((part, i) => flats[i]!.unflatten(part.map(wrap)));
          const made = backward(cotangent, ...primals);
          if (!Array.isArray(made) || made.length !== args.length)
            fail("ERR_ARGUMENT", "customVjp", `backward must return an array of ${args.length} cotangents, one a primal`);
          return resultValues("customVjp", made).values;
        },
        () => [],
      );
    return result.unflatten(applyCustomVjp(closure, pullback, given.flat(), avals).map(wrap));
  }) as F;
}

/** Runs f once on tracers; what it used from outside becomes inputs. */
function recordClosure(op: string, f: (...args: any[]) => unknown, flats: readonly Flattened<Tensor>[], given: readonly (readonly Value[])[]) {
  return inTrace(op, (frame) => {
    let result!: Flattened<Tensor>;
    let avals!: readonly Aval[];
    const fun = (values: readonly Value[]): readonly Value[] => {
      const { flat, values: outputs } = resultValues(op, callOn(f, flats, split(values, given)));
      result = flat;
      avals = outputs.map(({ shape, dtype }) => ({ shape, dtype }));
      return outputs;
    };
    return { closure: closeOver(fun, given.flat(), frame), result, avals };
  });
}

function split(values: readonly Value[], like: readonly (readonly Value[])[]): (readonly Value[])[] {
  let at = 0;
  return like.map((part) => values.slice(at, (at += part.length)));
}
