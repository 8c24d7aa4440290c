import type { RowFigures } from "../figures.ts";
import type { FinishedRow } from "../study.ts";
import { figure, type Kind, kindOf, kinds, legend, panels } from "./html.ts";
import type { Plotter } from "./plots.ts";

interface Point {
  /** From 1 on. */
  readonly block: number;
  /** The kind of unit: a block of a Mixer has two. */
  readonly units: string;
  /** Percent. */
  readonly share: number;
}

const names: Readonly<Record<string, string>> = { mlp: "MLP", tokens: "token MLP", channels: "channel MLP", relu: "ReLUs" };

/** "blocks.3.tokens.hidden": the token MLP of the fourth block; the ReLUs of a residual block, "stage2.0.relu1", are taken together. */
export function blocksOf(found: RowFigures["activeUnits"]): Point[] {
  const groups = new Map<string, { block: string; units: string; shares: number[] }>();
  for (const { path, share } of found) {
    const parts = path.split("."),
      block = parts.slice(0, 2).join("."),
      units = names[parts[2]!.replace(/\d+$/, "")] ?? parts[2]!;
    const group = groups.get(`${block} ${units}`) ?? { block, units, shares: [] };
    groups.set(`${block} ${units}`, group);
    group.shares.push(share);
  }
  const order = [...new Set([...groups.values()].map(({ block }) => block))];
  return [...groups.values()].map(({ block, units, shares }) => ({
    block: order.indexOf(block) + 1,
    units,
    share: (100 * shares.reduce((a, b) => a + b, 0)) / shares.length,
  }));
}

/** The share of active units of each block, a panel for each model. */
export function activeFigure({ Plot, draw }: Plotter, models: readonly string[], finished: readonly FinishedRow[]): string {
  const panel = (model: string): string => {
    const points = finished
      .filter(({ row }) => row.model === model)
      .flatMap(({ plan, row, figures }) =>
        blocksOf(figures.activeUnits).map((point) => ({ ...point, kind: kindOf(row), line: `${plan.id} ${point.units}` })),
      );
    const sorts = [...new Set(points.map(({ units }) => units))],
      blocks = Math.max(...points.map(({ block }) => block));
    const mean = (kind: Kind, units: string): string => {
      const some = points.filter((point) => point.kind === kind && point.units === units);
      return `${kind} ${units} ${(some.reduce((sum, { share }) => sum + share, 0) / some.length).toFixed(0)} %`;
    };
    const label = `${model}, active units by block; means over the blocks: ${kinds.flatMap((kind) => sorts.map((units) => mean(kind, units))).join(", ")}.`;
    const drawing = draw(label, {
      x: { label: "block", domain: [0.7, blocks + 0.3], ticks: Array.from({ length: blocks }, (_, i) => i + 1), tickFormat: "d" },
      y: { label: "active, %", domain: [0, 100], grid: true, ticks: 5 },
      marks: sorts.flatMap((units, i) => {
        const of = points.filter((point) => point.units === units);
        return [
          Plot.line(of, { x: "block", y: "share", z: "line", stroke: "kind", strokeWidth: 1.75, strokeDasharray: i > 0 ? "4 3" : undefined }),
          Plot.dot(of, { x: "block", y: "share", fill: i > 0 ? "var(--paper)" : "kind", stroke: "kind", r: 3 }),
        ];
      }),
    });
    const key = sorts.length > 1 ? `<p class="note">Solid: ${sorts[0]}. Dashed: ${sorts[1]}.</p>` : `<p class="note">${sorts[0]}</p>`;
    return key + drawing;
  };
  return figure(
    legend([
      ["plain", "solid", "plain"],
      ["SAM", "solid", "SAM"],
    ]) + panels(models.map((model) => ({ title: model, body: panel(model) }))),
    "The share of outputs of the activation (GELU, or ReLU in a ResNet) that are above 0, over training images; a line for each seed. In the paper’s Mixers the first block has far fewer active units with SAM.",
  );
}
