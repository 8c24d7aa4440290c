import { isFloat } from "../core/dtype.ts";
import { sizeOf } from "../core/shape.ts";
import { batches } from "../data/index.ts";
import type { Node, Value } from "../graph/node.ts";
import { flattenTree } from "../graph/tree.ts";
import { reachable } from "../graph/walk.ts";
import { compile, evaluate, stack, tidy } from "../index.ts";
import { ravel } from "../tensor/flat.ts";
import { isTensor, type Tensor, unwrap, wrap } from "../tensor/tensor.ts";
import type { Checkpoint } from "./folder.ts";
import type { Step, Training } from "./step.ts";
import type { Task } from "./task.ts";

export const allFinite = async (params: unknown): Promise<boolean> => {
  using finite = tidy(() => ravel(params).isFinite().all());
  return Boolean(await finite.item());
};

/**
 * Which operation first gave NaN or Infinity. Steps are the same bits again, so the run goes from its last checkpoint to the step that broke
 * it, and that step is taken apart.
 */
export async function explainNonFinite(task: Task, from: Checkpoint, until: { epoch: number; step: number }): Promise<string> {
  const again: Step & { dispose(): void } = compile(task.step as any, { name: "replay" }) as any;
  let { place: _, ...before }: Training & { place: unknown } = from;
  try {
    for (let epoch = from.place.epoch; epoch <= until.epoch; epoch++) {
      using epochKey = task.epochKey(epoch);
      let step = 0;
      for await (const { images, labels } of batches(task.train, task.batchOptions(epochKey))) {
        const skip = epoch === from.place.epoch && step < from.place.step;
        if (!skip) {
          const key = task.stepKey(epoch, step);
          const { metrics, training: after } = again(before, images, labels, key);
          const [loss] = await metrics.data();
          if (!Number.isFinite(loss) || !(await allFinite(after.params))) {
            const name = `step ${epoch * task.stepsPerEpoch + step + 1} (step ${step + 1} of ${task.stepsPerEpoch} in its epoch)`;
            return `${name} is the first that is not finite, by ${await firstNonFinite(task.step(before, images, labels, key))}`;
          }
          before = after;
        }
        if (epoch === until.epoch && step === until.step) break;
        step++;
      }
    }
    return "every step was finite when the steps were run again one by one, so the weights are too large for the loss";
  } finally {
    again.dispose();
  }
}

/** Nodes that are evaluated together: enough to be quick, few enough to hold. */
const chunk = 64;

/** Evaluates the graph of a step node by node, in the order in which the nodes were made. */
async function firstNonFinite({ metrics, training: after }: ReturnType<Step>): Promise<string> {
  const roots = [metrics, ...(flattenTree(after, isTensor).leaves as Tensor[])].map((x) => unwrap(x, "diagnose")),
    computed = (v: Value): boolean => v.storage !== null;
  const ofLoss = new Set<Node>(reachable([roots[0]!], computed));
  // Nodes let go of their inputs once they are computed, so these are noted first.
  const nodes = reachable(roots, computed)
    .map((node) => ({ node, inputs: node.inputs, outputs: node.outputs.filter((v) => isFloat(v.dtype)).map(wrap) }))
    .filter(({ inputs }) => inputs.length > 0);
  const handles = new Map<Value, Tensor>(nodes.flatMap(({ outputs }) => outputs.map((x) => [unwrap(x, "diagnose"), x] as const)));
  for (let at = 0; at < nodes.length; at += chunk) {
    const part = nodes.slice(at, at + chunk).filter(({ outputs }) => outputs.some((x) => sizeOf(x.shape) > 0));
    if (part.length === 0) continue;
    await evaluate(part.map(({ outputs }) => outputs));
    using flags = tidy(() => stack(part.map(({ outputs }) => outputs.map((x) => x.isFinite().all()).reduce((a, b) => a.logicalAnd(b)))));
    const bad = part[(await flags.data()).indexOf(0)];
    if (!bad) continue;
    const [first] = bad.outputs,
      kind = (await first!.isNaN().any().item()) ? "NaN" : "Infinity";
    const ranges = await Promise.all(
      bad.inputs.map(
        async (v, i) =>
          `input ${i} of [${v.shape.join(", ")}] ${isFloat(v.dtype) && sizeOf(v.shape) > 0 ? await range(handles.get(v) ?? wrap(v)) : v.dtype}`,
      ),
    );
    return `${bad.node.primitive.name} ${ofLoss.has(bad.node) ? "in the forward pass" : "in the gradient or the update"}, which gave ${kind} from ${ranges.join(", ")}`;
  }
  return "no single operation, evaluated one by one";
}

const range = async (x: Tensor): Promise<string> => `in ${(await x.min().item()).toPrecision(3)} ... ${(await x.max().item()).toPrecision(3)}`;
