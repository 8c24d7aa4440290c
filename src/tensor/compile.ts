import { checkOneOf, fail } from "../core/errors.ts";
import { showShape } from "../core/shape.ts";
import { computedPrimitive, dataPrimitive, placeholder, standIn } from "../graph/control.ts";
import { innermostFrame, leaf, noAttrs, type StorageBuffer, type Value } from "../graph/node.ts";
import { printGraph } from "../graph/print.ts";
import type { Flattened } from "../graph/tree.ts";
import { reachable } from "../graph/walk.ts";
import type { Plan } from "../plan/plan.ts";
import { planGraph } from "../plan/planner.ts";
import { printPlan } from "../plan/print.ts";
import { backendOf } from "../run/devices.ts";
import { deviceOf, type Places, placeInputs, runPlan, submitValues } from "../run/engine.ts";
import { upload } from "../run/upload.ts";
import { release, retain } from "../run/life.ts";
import { Tensor, unwrap, wrap } from "./tensor.ts";
import { callOn, checkFunction, flattenTensors, inTrace, resultValues } from "./trace.ts";

/** What compile takes. */
export interface CompileOptions {
  /** Arguments, by number from 0 on, whose memory the results may take over; they are gone after the call (ERR_DISPOSED). */
  readonly donate?: readonly number[];
  /** Used in messages and profiles. */
  readonly name?: string;
}

/** A function as compile gives it: f, and what can be asked of its plans. */
export type Compiled<F extends (...args: any[]) => any> = F & {
  /** The plan of the last call as text: kernels, bytes, arena; or the graph that it was made from. */
  explain(form?: "plan" | "graph"): string;
  /** Frees the plans and what they hold; calling it afterwards throws ERR_DISPOSED. */
  dispose(): void;
};

/** One recording of the function for one kind of arguments, and its plans by where those arguments lie. */
interface Recording {
  readonly placeholders: readonly Value[];
  readonly captured: readonly Value[];
  readonly outputs: readonly Value[];
  readonly result: Flattened<Tensor>;
  readonly plans: Map<string, Plan>;
}

const recordingsBeforeWarning = 20;

/** Records f once for each kind of arguments (trees, shapes, dtypes, device) and runs the plan from then on. Inside another
 *  transform it is f itself. Numbers of JS that f uses are constants of the plan, tensors from outside are inputs that it keeps. f must not be
 *  async and must not read values (ERR_TRACED); at the 20th recording it warns. */
export function compile<F extends (...args: any[]) => any>(f: F, { donate = [], name = f?.name || "compiled" }: CompileOptions = {}): Compiled<F> {
  checkFunction("compile", f);
  const recordings = new Map<string, Recording>();
  let last: { plan: Plan; recording: Recording } | null = null;
  let disposed = false;

  const recordingOf = (flats: readonly Flattened<Tensor>[], given: readonly (readonly Value[])[], device: string): Recording => {
    const key = `${device}|${flats.map((flat, i) => `${flat.key}${given[i]!.map((x) => `${x.dtype}${showShape(x.shape)}`).join()}`).join("|")}`;
    let recording = recordings.get(key);
    if (!recording) {
      recordings.set(key, (recording = recordCall(f, flats, given, device)));
      if (recordings.size === recordingsBeforeWarning) {
        process.emitWarning(
          `${name} was compiled ${recordingsBeforeWarning} times, for other shapes or constants each time; give what changes as tensors`,
          "SteppeWarning",
        );
      }
    }
    return recording;
  };

  const call = (...args: unknown[]): unknown => {
    if (disposed) fail("ERR_DISPOSED", "compile", `${name} was disposed`);
    if (innermostFrame() !== null) return f(...args);
    for (const n of donate) if (n >= args.length) fail("ERR_ARGUMENT", "compile", `argument ${n} is to be donated, but there are ${args.length}`);
    const flats = args.map(flattenTensors);
    const given = flats.map((flat) => flat.leaves.map((x) => unwrap(x, name)));
    const device = deviceOf(given.flat());
    const recording = recordingOf(flats, given, device);
    const inputs = [...given.flat(), ...recording.captured];
    submitValues(inputs).catch(() => {});
    upload(inputs, device);
    const gone = inputs.find((x) => x.storage === null);
    if (gone) fail("ERR_DISPOSED", name, "a tensor that the function uses was disposed or donated elsewhere");
    const places = placeInputs(inputs);
    const donated = donate.flatMap((n) => given[n]!);
    const buffers = donatedBuffers(donated, places);
    const key = `${places.key}|${[...buffers].join()}`;
    let plan = recording.plans.get(key);
    if (!plan) {
      const { outputs, placeholders, captured } = recording;
      plan = planGraph({
        outputs,
        inputs: [...placeholders, ...captured],
        places: places.list,
        lifted: [],
        backend: backendOf(device),
        donated: buffers,
      });
      recording.plans.set(key, plan);
    }
    last = { plan, recording };
    const results = recording.outputs.map((y) => leaf(computedPrimitive, { shape: y.shape, dtype: y.dtype }, noAttrs, device));
    runPlan(device, plan, places, [], results);
    for (const n of donate) for (const x of flats[n]!.leaves) if (Tensor.isLive(x)) Tensor.retire(x, `was donated to ${name}()`);
    return recording.result.unflatten(results.map(wrap));
  };

  return Object.assign(call as F, {
    explain: (form: "plan" | "graph" = "plan") => {
      if (last === null) return `${name} has not been called yet, so it has no plan to show`;
      checkOneOf("explain", "form", form, ["plan", "graph"]);
      return form === "plan" ? printPlan(last.plan) : printGraph(last.recording.outputs);
    },
    dispose: () => {
      disposed = true;
      for (const { captured } of recordings.values()) for (const x of captured) release(x);
      recordings.clear();
      last = null;
    },
  });
}

function recordCall(
  f: (...args: any[]) => unknown,
  flats: readonly Flattened<Tensor>[],
  given: readonly (readonly Value[])[],
  device: string,
): Recording {
  return inTrace("compile", (frame) => {
    const stands = given.map((values) => values.map((x) => standIn(x, device, frame)));
    const { flat: result, values: outputs } = resultValues("compile", callOn(f, flats, stands));
    const placeholders = stands.flat();
    const isArgument = new Set(placeholders);
    const captured = new Set<Value>();
    const isCaptured = (v: Value): boolean =>
      !isArgument.has(v) && (v.storage !== null || v.node.primitive === dataPrimitive || (v.node.device !== null && v.node.id < frame.firstId));
    const stop = (v: Value): boolean => {
      if (isCaptured(v)) captured.add(v);
      return captured.has(v) || isArgument.has(v);
    };
    for (const node of reachable(outputs, stop)) {
      if (node.primitive === placeholder)
        fail("ERR_TRACED", "compile", "a value of another traced function is used inside; return it from there instead");
    }
    for (const x of captured) retain(x);
    return { placeholders, captured: [...captured], outputs, result, plans: new Map() };
  });
}

/** Buffers that hold donated values and nothing else that anybody still needs. */
function donatedBuffers(donated: readonly Value[], places: Places): Set<number> {
  const owned = new Map<StorageBuffer, number>();
  for (const x of new Set(donated)) if (x.refs === 1) owned.set(x.storage!.buffer, (owned.get(x.storage!.buffer) ?? 0) + 1);
  const found = new Set<number>();
  places.buffers.forEach((buffer, i) => {
    if (owned.get(buffer) === buffer.refs && places.bases[i] === 0) found.add(i);
  });
  return found;
}
