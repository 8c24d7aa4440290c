import type { StudyRow } from "../study.ts";
import type { Pair } from "../summary.ts";
import { kindOf, measured, number } from "./html.ts";
import type { Plotter } from "./plots.ts";

/** lambda_max on a logarithmic axis: a bar is the geometric mean, a dot a seed. */
export function sharpnessPlot({ Plot, draw }: Plotter, pairs: readonly Pair[], rows: readonly StudyRow[]): string {
  const bars = pairs.flatMap(({ model, plain, sam, lambdaPlain, lambdaSam }) =>
    [["plain", plain, lambdaPlain] as const, ["SAM", sam, lambdaSam] as const].map(([kind, of, value]) => ({
      model,
      kind,
      value,
      end: Math.max(...of.map((row) => row.lambdaMax.value)),
    })),
  );
  const dots = rows.filter(({ lambdaMax }) => lambdaMax.value > 0), // a logarithm has no place for others
    values = dots.map(({ lambdaMax }) => lambdaMax.value),
    most = 1.2 * Math.max(...values),
    least = 10 ** Math.floor(Math.log10(Math.min(...values) / 1.5));
  const ticks = Array.from(
    { length: 2 * Math.ceil(Math.log10(most / least)) },
    (_, i) => (i % 2 === 0 ? 1 : 3) * least * 10 ** Math.floor(i / 2),
  ).filter((x) => x <= most);
  const label = `Largest eigenvalue of the Hessian, logarithmic. ${pairs.map(({ model, lambdaPlain, lambdaSam }) => `${model}: plain ${number(lambdaPlain)}, SAM ${number(lambdaSam)}.`).join(" ")}`;
  const at = { fy: "model", y: "kind" } as const;
  return draw(label, {
    width: 400,
    height: 70 + 84 * pairs.length,
    marginLeft: 44,
    marginRight: 56,
    marginTop: 24,
    x: { type: "log", domain: [least, most], label: "λmax", grid: true, ticks, tickFormat: (x: number) => number(x) },
    y: { domain: ["plain", "SAM"], label: null, padding: 0.18, tickSize: 0 },
    fy: { domain: pairs.map(({ model }) => model), axis: null, padding: 0.36 },
    marks: [
      Plot.text(
        bars,
        Plot.selectFirst({
          z: "model",
          fy: "model",
          text: "model",
          frameAnchor: "top-left",
          dx: -36,
          dy: -10,
          fontWeight: 600,
          lineAnchor: "bottom",
        }),
      ),
      Plot.barX(bars, { ...at, x1: least, x2: "value", fill: "kind", rx2: 2 }),
      Plot.dot(dots, { fy: "model", y: kindOf, x: (row: StudyRow) => row.lambdaMax.value, stroke: "var(--ink)", fill: "var(--paper)", r: 3.5 }),
      Plot.text(bars, { ...at, x: "end", text: ({ value }: { value: number }) => measured(value), dx: 9, textAnchor: "start", fontWeight: 600 }),
    ],
  });
}
