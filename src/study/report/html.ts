/** Pieces of text that all parts of the report write alike. */
import type { StudyRow } from "../study.ts";

export const escape = (text: string): string => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);
const minus = (text: string): string => text.replace("-", "−");
export const percent = (share: number): string => minus(`${(100 * share).toFixed(1)}\u00a0%`);
/** Rounded, without zeros at the end. */
export const number = (x: number, digits = 3): string => written(x, { maximumSignificantDigits: digits });
/** A measured value: as many digits as it is known to. */
export const measured = (x: number, digits = 3): string => written(x, { minimumSignificantDigits: digits, maximumSignificantDigits: digits });
function written(x: number, options: Intl.NumberFormatOptions): string {
  if (!Number.isFinite(x)) return "–";
  const size = Math.abs(x),
    notation = size >= 1e5 || (size < 1e-3 && size > 0) ? "scientific" : "standard";
  return minus(x.toLocaleString("en-US", { ...options, notation }));
}
export const count = (n: number): string => Math.round(n).toLocaleString("en-US");
export const duration = (seconds: number): string => (seconds < 90 ? `${seconds.toFixed(0)} s` : `${(seconds / 60).toFixed(1)} min`);
export const plural = (n: number, noun: string): string => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
export const lambdaMax = "λ<sub>max</sub>";

/** How a row was trained, as colours and legends name it. */
export type Kind = "plain" | "SAM";
export const kindOf = ({ sam }: Pick<StudyRow, "sam">): Kind => (sam ? "SAM" : "plain");
export const kinds = ["plain", "SAM"] as const;

export const section = (id: string, title: string, body: string): string =>
  `<section aria-labelledby="${id}">\n<h2 id="${id}">${title}</h2>\n${body}\n</section>`;

export const figure = (body: string, caption: string): string => `<figure>\n${body}\n<figcaption>${caption}</figcaption>\n</figure>`;

/** Small pictures side by side, one a model, each under its name. */
export const panels = (items: readonly { readonly title: string; readonly body: string }[]): string =>
  `<div class="panels">${items.map(({ title, body }) => `<div class="panel"><h3>${escape(title)}</h3>${body}</div>`).join("\n")}</div>`;

type Stroke = "solid" | "dashed";
/** What the lines of a figure mean: ["plain", "solid", "plain, train"]. */
export const legend = (entries: readonly (readonly [kind: Kind, stroke: Stroke, words: string])[]): string =>
  `<ul class="legend">${entries.map(([kind, stroke, words]) => `<li><i class="${kind} ${stroke}"></i>${words}</li>`).join("")}</ul>`;
