import { elementwise } from "../../kernels/elementwise/kernel.ts";
import type { Backend } from "../backends/backend.ts";
import type { Value } from "../graph/node.ts";
import { Assembly } from "./assembly.ts";
import { expand } from "./expand.ts";
import { fuse } from "./fuse.ts";
import { type InputPlace, resolveJoins } from "./joins.ts";
import { Locator } from "./locate.ts";
import type { Plan } from "./plan.ts";
import { recompute } from "./recompute.ts";
import { simplify } from "./simplify.ts";
import { resolveSpreads } from "./spread.ts";

export type { InputPlace };

export interface PlanRequest {
  readonly outputs: readonly Value[];
  readonly inputs: readonly Value[];
  /** Where each input lies; inputs may share a buffer. */
  readonly places: readonly InputPlace[];
  /** Constants whose numbers are set at each run, in their order. */
  readonly lifted: readonly Value[];
  readonly backend: Backend;
  /** Input buffers whose memory outputs may take over. */
  readonly donated?: ReadonlySet<number>;
}

/** From a graph to what a backend runs: expand, simplify, recompute, fuse, schedule, lay out. */
export function planGraph(request: PlanRequest): Plan {
  const given = new Set(request.inputs);
  const isInput = (v: Value): boolean => given.has(v);
  const lifted = new Map(request.lifted.map((v, i) => [v, i]));
  const outputs = recompute(simplify(expand(request.outputs, isInput, request.backend), isInput, lifted), isInput);
  const locator = new Locator(isInput);
  const places = new Map(request.inputs.map((v, i) => [v, request.places[i]!]));
  resolveSpreads(outputs, isInput, locator);
  resolveJoins(outputs, isInput, locator, places);
  const itemOf = fuse(outputs, isInput, locator);
  return new Assembly(outputs, locator, itemOf, places, lifted, request, elementwise).build();
}
