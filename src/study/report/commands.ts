import type { Plan } from "../presets.ts";
import { type FinishedRow, folderOf, type StudyOptions, type StudyResults } from "../study.ts";
import { count, duration, escape, plural } from "./html.ts";

const quoted = (text: string): string => (/^[\w./:=,@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
const kebab = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The command that trains a row again in the folder `again`, to the same bits. */
export function trainCommandOf({ settings }: Plan, again: string): string {
  const flags = Object.entries(settings).flatMap(([key, value]): string[] => {
    if (value === null || value === undefined) return [];
    if (key === "augment") return value ? [] : ["--no-augment"];
    if (typeof value === "boolean") return value ? [`--${kebab(key)}`] : [];
    const sizes = typeof value === "object" && Object.entries(value).map(([name, size]) => `${name}=${size}`);
    return [`--${kebab(key)} ${quoted(sizes ? sizes.join(",") : String(value))}`];
  });
  return `npx steppe train ${flags.join(" ")} --out ${quoted(again)}`;
}

export function studyCommandOf({ name, out, dataDir }: StudyOptions): string {
  return `npx steppe study --preset ${name}${dataDir === undefined ? "" : ` --data-dir ${quoted(dataDir)}`} --out ${quoted(out)}`;
}

const facts = (entries: readonly (readonly [string, string])[]): string =>
  `<dl class="facts">${entries.map(([term, words]) => `<div><dt>${term}</dt><dd>${words}</dd></div>`).join("")}</dl>`;
const code = (text: string, label: string): string =>
  `<pre tabindex="0" role="region" aria-label="${escape(label)}"><code>${escape(text)}</code></pre>`;

/** The machine, how the sharpness was measured, and every command. */
export function runSection(options: StudyOptions, { machine, rows }: StudyResults, finished: readonly FinishedRow[]): string {
  const { images, maxIterations, tol } = options.preset.sharpness,
    { lambdaMax: found } = rows[0]!,
    mode = rows.map(({ lambdaMax }) => lambdaMax.batchNorm).find((name) => name !== null);
  const all = rows.reduce((sum, { seconds }) => sum + seconds, 0);
  const rowsOf = finished.map(({ plan }) => {
    const again = `again/${plan.id}`;
    return `${trainCommandOf(plan, again)}\nnpx steppe sharpness ${again} --limit ${images} --iterations ${maxIterations} --tolerance ${tol}`;
  });
  return `${facts([
    ["Processor", escape(machine.cpu)],
    ["Instruction set", escape(machine.isa)],
    ["Threads", String(machine.threads)],
    ["Node", escape(machine.node)],
    ["Training", `${plural(rows.length, "row")}, ${duration(all)}`],
    [
      "Eigenvalues",
      `${escape(found.method)}, at most ${maxIterations} products, tolerance ${tol}, ${count(found.images)} images${mode ? `, batch norms in ${mode} mode` : ""}`,
    ],
  ])}
<p>This page and all its rows, which are kept in <code>${escape(folderOf(options.out, { ...finished[0]!.plan, id: "" }))}</code>:</p>
${code(studyCommandOf(options), "command of the study")}
<details><summary>Each row alone, with the same weights to the bit, and its sharpness</summary>
${code(rowsOf.join("\n\n"), "commands of the rows")}</details>`;
}
