import { bytesPer, storageArray, type TypedArray } from "../core/dtype.ts";
import { fail, SteppeError } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { dataPrimitive, placeholder } from "../graph/control.ts";
import { idMark, type Storage, type StorageBuffer, type Value } from "../graph/node.ts";
import { reachable } from "../graph/walk.ts";
import type { Plan } from "../plan/plan.ts";
import { type InputPlace, planGraph } from "../plan/planner.ts";
import { backendOf, defaultDevice } from "./devices.ts";
import { GraphKey } from "./key.ts";
import { dropStorage, keeping, settle } from "./life.ts";
import { PlanCache } from "./cache.ts";
import { begun, relief, room } from "./pressure.ts";
import { resolveTransfers } from "./transfer.ts";
import { upload } from "./upload.ts";

let submittedAt = 0;
/** Nodes made since something was last run. */
export const pendingNodes = (): number => idMark() - submittedAt;

const plans = new PlanCache(512);
/** How many eager graphs were planned, and how many ran on a plan that was there. */
export const planCounts = { made: 0, reused: 0 };

/** Begins the computation of values (eagerly: plans are cached by the graph's structure) and returns at once. */
export function submitValues(values: readonly Value[]): Promise<void> {
  submittedAt = idMark();
  const wanted = [...new Set(values)].filter((v) => v.storage === null);
  if (wanted.length === 0) return lastWork(values);
  const device = deviceOf(wanted);
  const graph = collect(wanted);
  upload(graph.inputs, device);
  const places = placeInputs(graph.inputs);
  const key = `${device}|${graph.key}|${places.key}`;
  let plan = plans.get(key);
  if (!plan) {
    plan = planGraph({ outputs: graph.outputs, inputs: graph.inputs, places: places.list, lifted: graph.constants, backend: backendOf(device) });
    plans.set(key, plan);
    planCounts.made++;
  } else {
    planCounts.reused++;
  }
  return runPlan(device, plan, places, graph.constants.map(constantOf), graph.outputs);
}

const constantOf = (value: Value): number => Number(value.node.attrs.value);

/** Computes values; resolves when done. */
export function evaluateValues(values: readonly Value[]): Promise<void> {
  return keeping(values, async () => {
    await resolveTransfers(values, readValue);
    await room();
    let work: Promise<void>;
    try {
      work = submitValues(values);
    } catch (error) {
      if (!(error instanceof SteppeError && error.code === "ERR_OUT_OF_MEMORY")) throw error;
      await relief();
      work = submitValues(values);
    }
    await work;
  });
}

/** The stored bytes of a value, as a copy. */
export function readValue(value: Value): Promise<TypedArray> {
  return keeping([value], async () => {
    if (value.storage === null) await evaluateValues([value]);
    const { device, buffer, offset } = value.storage!;
    const bytes = sizeOf(value.shape) * bytesPer[value.dtype];
    const Kind = storageArray[value.dtype];
    if (bytes === 0) return new Kind(0);
    const [read] = await Promise.all([backendOf(device).read(buffer.slot, offset, bytes), value.work]);
    return new Kind(read.buffer as ArrayBuffer, read.byteOffset, sizeOf(value.shape));
  });
}

interface Collected {
  readonly key: string;
  readonly inputs: Value[];
  readonly outputs: Value[];
  /** Numbers that may differ from run to run of the same plan. */
  readonly constants: Value[];
}

function collect(wanted: readonly Value[]): Collected {
  const inputs: Value[] = [];
  const kept: Value[] = [];
  const seen = new Set<Value>();
  const isInput = (v: Value): boolean => v.storage !== null || v.node.primitive === dataPrimitive;
  const nodes = reachable(wanted, isInput);
  for (const node of nodes) {
    if (node.primitive === placeholder)
      fail("ERR_TRACED", "evaluate", "a value of a traced function outlived it; return it from the function instead");
    for (const x of node.inputs) {
      if (isInput(x) && !seen.has(x)) {
        seen.add(x);
        inputs.push(x);
      }
    }
    for (const out of node.outputs) if (out.keep && out.storage === null && out.refs > 0 && !wanted.includes(out)) kept.push(out);
  }
  for (const v of wanted)
    if (isInput(v) && !seen.has(v)) {
      seen.add(v);
      inputs.push(v);
    }
  const outputs = [...wanted, ...kept];
  const key = new GraphKey(inputs, true);
  for (const node of nodes) key.add(node);
  return { key: key.finish(outputs), inputs, outputs, constants: key.constants };
}

export function deviceOf(values: readonly Value[]): string {
  let device: string | null = null;
  for (const { node } of values) {
    if (node.device === null || node.device === device) continue;
    if (device !== null) fail("ERR_DEVICE", "evaluate", `values of one call must be on one device, got ${device} and ${node.device}`);
    device = node.device;
  }
  return device ?? defaultDevice();
}

/** Where a plan's inputs lie: values that share a buffer are told so, which is how views of a flat arena stay views. */
export interface Places {
  readonly key: string;
  readonly list: readonly InputPlace[];
  readonly buffers: readonly StorageBuffer[];
  readonly bases: readonly number[];
}

export function placeInputs(inputs: readonly Value[]): Places {
  const buffers: StorageBuffer[] = [];
  const bases: number[] = [];
  const index = new Map<StorageBuffer, number>();
  for (const { storage } of inputs) {
    const { buffer, offset } = storage!;
    const at = index.get(buffer);
    if (at === undefined) {
      index.set(buffer, buffers.length);
      buffers.push(buffer);
      bases.push(offset);
    } else {
      bases[at] = Math.min(bases[at]!, offset);
    }
  }
  const list = inputs.map(({ storage }) => {
    const buffer = index.get(storage!.buffer)!;
    return { buffer, offset: storage!.offset - bases[buffer]! };
  });
  return { key: list.map((p) => `${p.buffer}+${p.offset}`).join(","), list, buffers, bases };
}

/** Runs a plan on bound inputs, gives its outputs their memory, and returns when the work is queued. */
export function runPlan(device: string, plan: Plan, places: Places, constants: readonly number[], outputs: readonly Value[]): Promise<void> {
  const backend = backendOf(device);
  const buffers: StorageBuffer[] = [...places.buffers];
  const made: StorageBuffer[] = [];
  try {
    for (let i = places.buffers.length; i < plan.buffers.length; i++) {
      const { role, bytes, reuses } = plan.buffers[i]!;
      if (reuses !== undefined) {
        buffers.push({ slot: buffers[reuses]!.slot, bytes, refs: 0 });
        continue; // the donor is marked once nothing can fail any more
      }
      const buffer = { slot: backend.alloc(Math.max(bytes, 1), role === "arena"), bytes, refs: 0 };
      made.push(buffer);
      buffers.push(buffer);
    }
  } catch (error) {
    for (const { slot } of made) backend.free(slot);
    throw error;
  }
  for (const { reuses } of plan.buffers) if (reuses !== undefined) buffers[reuses]!.moved = true;
  const bases = buffers.map((_, i) => places.bases[i] ?? 0);
  const done = backend.submit({ plan, slots: buffers.map((b) => b.slot), bases, constants });
  plan.outputs.forEach(({ buffer, offset }, i) => {
    const storage: Storage = { device, buffer: buffers[buffer]!, offset: offset + bases[buffer]! };
    storage.buffer.refs++;
    if (outputs[i]!.storage === null) settle(outputs[i]!, storage);
    else dropStorage(storage);
  });
  for (let i = places.buffers.length; i < buffers.length; i++) {
    if (buffers[i]!.refs === 0 && plan.buffers[i]!.reuses === undefined) backend.free(buffers[i]!.slot);
  }
  for (const out of outputs) out.work = done;
  begun(done);
  return done;
}

const lastWork = async (values: readonly Value[]): Promise<void> => {
  await Promise.all(values.map((v) => v.work));
};
