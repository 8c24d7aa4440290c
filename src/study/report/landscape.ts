import type { FinishedRow } from "../study.ts";
import type { RowFigures } from "../figures.ts";
import { figure, type Kind, kindOf, kinds, legend, number, panels } from "./html.ts";
import { panelWidth, type Plotter } from "./plots.ts";

type Loss = number | null;

/** Losses above this are drawn as this: the paper's figures end there too. */
const ceiling = 8;

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;

/** The line through the weights; of a plane, the one along the first direction. */
function lineOf({ axis, loss }: RowFigures["landscape"]): { readonly at: number; readonly loss: Loss }[] {
  const middle = (axis.length - 1) / 2;
  return axis.map((at, i) => {
    const here = loss[i] as Loss | readonly Loss[];
    return { at, loss: typeof here === "object" && here !== null ? here[middle]! : here };
  });
}

/** L(w + a d) of each model, plain and SAM. */
export function linesFigure({ Plot, draw }: Plotter, models: readonly string[], finished: readonly FinishedRow[]): string {
  const points = finished.flatMap(({ plan, row, figures }) =>
    lineOf(figures.landscape).map((point) => ({ ...point, line: plan.id, kind: kindOf(row), model: row.model })),
  );
  const highest = Math.min(ceiling, Math.max(...points.map(({ loss }) => loss ?? 0)));
  const panel = (model: string): string => {
    const here = points.filter((point) => point.model === model),
      half = here.map(({ at }) => at).reduce((best, at) => (Math.abs(at - 0.5) < Math.abs(best - 0.5) ? at : best));
    const rises = kinds.map((kind) => {
      const near = here.filter((point) => point.kind === kind && Math.abs(point.at) === half);
      const lowest = here.filter((point) => point.kind === kind && point.at === 0);
      const meanOf = (of: typeof here): string => number(mean(of.map(({ loss }) => loss ?? Number.NaN)));
      return `${kind} ${meanOf(lowest)} at the weights and ${meanOf(near)} at a distance of ${number(half, 2)}`;
    });
    return draw(`${model}, loss along a random direction: ${rises.join("; ")}.`, {
      x: {
        label: "distance, in lengths of the filters",
        labelAnchor: "center",
        labelArrow: "none",
        ticks: [-1, -0.5, 0, 0.5, 1],
        tickFormat: (x: number) => String(x).replace("-", "−"),
      },
      y: { label: "loss", domain: [0, highest], grid: true, nice: true, ticks: 5 },
      marks: [Plot.line(here, { x: "at", y: "loss", z: "line", stroke: "kind", strokeWidth: 1.75, clip: true, curve: "monotone-x" })],
    });
  };
  const key = legend([
    ["plain", "solid", "plain"],
    ["SAM", "solid", "SAM"],
  ]);
  return figure(
    key + panels(models.map((model) => ({ title: model, body: panel(model) }))),
    `The loss along a random direction in which each filter moves by its own length (Li et al. 2018), so networks with large and small weights can be compared. The direction is the same for all seeds of a model, up to the lengths. Losses above ${ceiling} are cut off.`,
  );
}

/** L(w + a d1 + b d2) of each model whose plane was measured, plain and SAM; empty when there is none. */
export function planesFigure({ Plot, draw }: Plotter, models: readonly string[], finished: readonly FinishedRow[]): string {
  const planes = finished.filter(({ figures }) => Array.isArray(figures.landscape.loss[0]));
  if (planes.length === 0) return "";
  const valuesOf = ({ loss }: RowFigures["landscape"]): number[] => {
    const rows = loss as readonly (readonly Loss[])[];
    return rows.flatMap((_, j) => rows.map((row) => Math.min(ceiling, row[j] ?? ceiling))); // the first direction runs along x
  };
  const highest = Math.max(...planes.flatMap(({ figures }) => valuesOf(figures.landscape))),
    steps = 20;
  const thresholds = Array.from({ length: steps }, (_, i) => (highest * i) / steps);
  const shades = { type: "linear", domain: [0, highest], scheme: "cividis" } as const;
  const one = ({ row, figures }: FinishedRow): string => {
    const { axis } = figures.landscape,
      values = valuesOf(figures.landscape),
      radius = axis.at(-1)!,
      outer = radius * (1 + 1 / (axis.length - 1)), // a point is the middle of a cell
      width = panelWidth / 2;
    const edge = values.filter((_, i) => [0, axis.length - 1].some((end) => i % axis.length === end || Math.floor(i / axis.length) === end));
    const label = `${row.model}, ${kindOf(row)}: loss over a plane, ${number(values[(values.length - 1) / 2]!)} at the weights, ${number(mean(edge))} on the mean at the edges.`;
    const drawing = draw(label, {
      width,
      height: width,
      marginLeft: 22,
      marginBottom: 22,
      marginRight: 4,
      marginTop: 4,
      color: shades,
      x: { domain: [-radius, radius], ticks: [-radius, 0, radius], label: null, tickFormat: (x: number) => String(x).replace("-", "−") },
      y: { domain: [-radius, radius], ticks: [-radius, 0, radius], label: null, tickFormat: (x: number) => String(x).replace("-", "−") },
      marks: [
        Plot.contour(values, {
          width: axis.length,
          height: axis.length,
          x1: -outer,
          y1: -outer,
          x2: outer,
          y2: outer,
          clip: "frame",
          fill: Plot.identity,
          thresholds,
          stroke: "#fff",
          strokeOpacity: 0.25,
          strokeWidth: 0.5,
        }),
        Plot.dot([[0, 0]], { fill: "#fff", stroke: "#000", r: 2.5 }),
      ],
    });
    return `<div class="${kindOf(row)}"><p><b class="${kindOf(row)}">${kindOf(row)}</b></p>${drawing}</div>`;
  };
  const pairOf = (model: string): string =>
    kinds
      .map((kind: Kind) =>
        planes
          .filter(({ row }) => row.model === model && kindOf(row) === kind)
          .map(one)
          .join(""),
      )
      .join("");
  const paint = Plot.scale({ color: shades })!,
    scale = thresholds.map((x) => `<i style="background:${paint.apply(x + highest / steps / 2)}"></i>`).join("");
  return figure(
    `<div class="scale"><span>loss 0</span>${scale}<span>${number(highest)}${highest >= ceiling ? " and more" : ""}</span></div>` +
      panels(models.map((model) => ({ title: model, body: `<div class="pair">${pairOf(model)}</div>` }))),
    "The loss over a plane along two such directions, one seed; the dot is where training ended. Contours are equally far apart in all pictures: the wider they lie, the flatter the minimum.",
  );
}
