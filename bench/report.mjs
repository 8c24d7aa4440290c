// The results of all machines as one page that needs nothing beside it.
import { milliseconds } from "./text.mjs";
import { style } from "./reportStyle.mjs";

const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

/** SVG as text, drawn by Observable Plot on a DOM without a browser. */
async function drawer() {
  const [Plot, { parseHTML }] = await Promise.all([import("@observablehq/plot"), import("linkedom")]);
  const { document } = parseHTML("<html><body></body></html>");
  const draw = (label, options) => {
    const svg = Plot.plot({ document, width: 760, marginRight: 20, marginBottom: 44, ...options });
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
    return svg.outerHTML;
  };
  return { Plot, draw };
}

const figure = (body, caption) => `<figure>\n<div class="wide">${body}</div>\n<figcaption>${caption}</figcaption>\n</figure>`;

/** Measured / must of every bar, so that all kinds share one axis: left of 1 is better, whichever way the bar counts. */
function barsPlot({ Plot, draw }, { bars }) {
  const against = (bar, value) => (bar.better === "lower" ? value / bar.must : bar.must / value);
  const points = bars
    .filter(({ measured }) => measured !== null)
    .map((bar) => ({ name: bar.name, x: against(bar, bar.measured), met: bar.met ? "met" : "missed" }));
  if (points.length === 0) return "";
  const names = points.map(({ name }) => name),
    aims = bars.filter(({ name }) => names.includes(name)).map((bar) => ({ name: bar.name, x: against(bar, bar.aim) }));
  const svg = draw("Every bar: measured against what must be reached", {
    height: 60 + 20 * points.length,
    marginLeft: 400,
    x: { type: "log", label: "measured / must (left is better)", grid: true, ticks: 6, tickFormat: (x) => String(Number(x.toPrecision(2))) },
    y: { domain: names, label: null },
    color: { domain: ["met", "missed"], range: ["var(--good)", "var(--bad)"] },
    marks: [
      Plot.ruleX([1], { stroke: "var(--ink)" }),
      Plot.tickX(aims, { x: "x", y: "name", stroke: "var(--soft)" }),
      Plot.dot(points, { x: "x", y: "name", fill: "met", r: 4.5 }),
    ],
  });
  return figure(svg, "A dot is what was measured, a small line the aim; at 1 stands what must be reached. The axis is logarithmic.");
}

const ratiosOf = ({ parts }) =>
  ["kernels", "models", "curvature"].flatMap((part) =>
    (parts[part]?.rows ?? []).flatMap((row) =>
      Object.keys(row.times)
        .filter((entry) => entry.startsWith("own:") && row.times[entry.replace("own", "torch")])
        .map((entry) => ({ part, name: `${row.id} ${entry.slice(4)}`, ratio: row.times[entry] / row.times[entry.replace("own", "torch")] })),
    ),
  );

function ratiosPlot({ Plot, draw }, results) {
  const ratios = ratiosOf(results);
  if (ratios.length === 0) return "";
  const svg = draw("Our time by PyTorch's for every case", {
    height: 60 + 16 * ratios.length,
    marginLeft: 250,
    x: { type: "log", label: "our time / PyTorch's (left is faster)", grid: true, ticks: 6, tickFormat: (x) => String(Number(x.toPrecision(2))) },
    y: { domain: ratios.map(({ name }) => name), label: null },
    marks: [
      Plot.ruleX([1], { stroke: "var(--ink)" }),
      Plot.ruleY(ratios, { y: "name", x1: 1, x2: "ratio", stroke: "var(--line)" }),
      Plot.dot(ratios, { x: "ratio", y: "name", fill: "var(--mark)", r: 3.5 }),
    ],
  });
  return figure(svg, "Medians of turns in one run, outputs compared first.");
}

function growthPlots({ Plot, draw }, { parts }) {
  return (parts.growth?.growths ?? [])
    .map(({ what, sizes, times, slope, expected }) => {
      const svg = draw(what, {
        width: 340,
        height: 230,
        marginLeft: 56,
        x: { type: "log", label: "size", ticks: 4, tickFormat: "~s" },
        y: { type: "log", label: "ms", grid: true, ticks: 5, tickFormat: "~g" },
        marks: [
          Plot.line(
            sizes.map((size, i) => [size, times[i]]),
            { stroke: "var(--mark)" },
          ),
          Plot.dot(
            sizes.map((size, i) => [size, times[i]]),
            { fill: "var(--mark)", r: 3 },
          ),
        ],
      });
      return `<figure>${svg}<figcaption>${escape(what)}: slope ${slope.toFixed(2)} where arithmetic has ${expected}</figcaption></figure>`;
    })
    .join("\n");
}

const table = (head, rows) => `<div class="wide" tabindex="0"><table>
<thead><tr>${head.map((cell) => `<th scope="col">${escape(cell)}</th>`).join("")}</tr></thead>
<tbody>${rows.map((cells) => `<tr>${cells.map((cell, i) => (i === 0 ? `<th scope="row">${escape(cell)}</th>` : `<td>${escape(cell)}</td>`)).join("")}</tr>`).join("\n")}</tbody>
</table></div>`;

const written = ({ unit }, x) => (x === null ? "–" : unit === "x" ? x.toFixed(2) : `${x.toPrecision(3)} ${unit}`);

/** All bars, a column of measured values for each of the results. */
function barsTable(all) {
  const rows = all[0].bars.map((bar, i) => [
    bar.name,
    `${bar.better === "lower" ? "≤" : "≥"} ${written(bar, bar.must)}`,
    written(bar, bar.aim),
    ...all.map(({ bars }) => `${written(bar, bars[i]?.measured ?? null)}${bars[i]?.met === false ? " missed" : ""}`),
  ]);
  return table(["bar", "must", "aim", ...all.map(({ machine }) => `${machine.isa}, ${machine.threads} threads`)], rows);
}

function timesTable({ parts }) {
  const rows = ["kernels", "models", "curvature"].flatMap((part) =>
    (parts[part]?.rows ?? []).flatMap((row) =>
      Object.entries(row.times).map(([entry, ms]) => [
        row.what,
        entry.replace(":", ", "),
        milliseconds(ms),
        `±${(100 * row.spreads[entry]).toFixed(1)} %`,
      ]),
    ),
  );
  return rows.length ? `<details><summary>All times</summary>${table(["case", "side, task", "median", "spread"], rows)}</details>` : "";
}

function section(plotter, results, i) {
  const { machine, parts } = results;
  const versions = Object.values(parts).flatMap(({ versions = {} }) =>
    Object.values(versions).flatMap(({ threads, isa, ...of }) => Object.entries(of).map(([name, version]) => `${name} ${version}`)),
  );
  const said = [...new Set(versions.filter(Boolean))].join(", "),
    when = [...new Set(Object.values(parts).map(({ at, commit }) => `${commit} on ${at.slice(0, 10)}`))].join(", ");
  const absent = [...new Set(Object.values(parts).flatMap(({ absent = [] }) => absent.map(({ name }) => name)))];
  return `<section aria-labelledby="machine-${i}">
<h2 id="machine-${i}">${escape(machine.cpu)}, ${escape(machine.isa)}, ${machine.threads} threads</h2>
<p class="note">steppe ${escape(when)}; Node ${escape(machine.node)}${said ? `; ${escape(said)}` : ""}${absent.length ? `; not here: ${escape(absent.join(", "))}` : ""}</p>
${barsPlot(plotter, results)}
${ratiosPlot(plotter, results)}
<div class="panels">${growthPlots(plotter, results)}</div>
${timesTable(results)}
</section>`;
}

/** A page of results, { machine, parts, bars } each. */
export async function reportOf(all) {
  const plotter = await drawer();
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>steppe bench</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>steppe against PyTorch and its peers</h1>
<p>Times are medians; the sides take turns in one run with equal threads, and their outputs are compared first.</p>
</header>
<main>
${all.length ? `<section aria-labelledby="bars"><h2 id="bars">What must be reached</h2>\n${barsTable(all)}</section>` : "<p>Nothing was measured yet.</p>"}
${all.map((results, i) => section(plotter, results, i)).join("\n")}
</main>
</body>
</html>
`;
}
