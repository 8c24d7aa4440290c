/** What the command writes: progress on stderr, results on stdout. Colours and bars only on a terminal; NO_COLOR is kept. */
import { type Options, type Params, SingleBar } from "cli-progress";
import pc from "picocolors";

const colours = (stream: NodeJS.WriteStream) => pc.createColors(Boolean(stream.isTTY) && !process.env.NO_COLOR && process.env.TERM !== "dumb");
export const onError = colours(process.stderr);
export const onOutput = colours(process.stdout);

/** A bar with the most important texts first: those at the end are left out where the terminal is narrow. */
export class Progress {
  #bar: SingleBar | null = null;

  /** Draws the bar anew. Nothing is drawn where stderr is no terminal. */
  update(label: string, done: number, all: number, texts: readonly string[]): void {
    if (!process.stderr.isTTY) return;
    if (!this.#bar) {
      this.#bar = new SingleBar({
        stream: process.stderr,
        format: draw,
        hideCursor: true,
        fps: 8,
        clearOnComplete: true,
        linewrap: false,
        barsize: 30,
        gracefulExit: false,
      });
      this.#bar.start(all, done, { label, texts });
    }
    if (this.#bar.getTotal() !== all) this.#bar.setTotal(all);
    this.#bar.update(done, { label, texts });
  }

  /** Takes the bar away and writes a line that stays. */
  line(text: string): void {
    this.stop();
    process.stderr.write(`${text}\n`);
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = null;
  }
}

function draw({ barsize = 30 }: Options, { progress }: Params, { label, texts }: { label: string; texts: readonly string[] }): string {
  const width = (process.stderr.columns || 80) - 1,
    share = Math.min(1, Math.max(0, progress));
  let room = width - label.length - 1;
  const bar = Math.max(6, Math.min(barsize, Math.floor(room / 3)));
  room -= bar;
  const shown: string[] = [];
  for (const text of texts) {
    if (room < text.length + 2) break;
    room -= text.length + 2;
    shown.push(text);
  }
  const full = Math.round(share * bar);
  return `${label} ${onError.green("━".repeat(full))}${onError.dim("─".repeat(bar - full))}  ${shown.join("  ")}`.trimEnd();
}

export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string;
  readonly align?: "left" | "right";
  /** Columns of the highest number go first where the terminal is narrow. */
  readonly spare?: number;
}

/** A table that fits into `width` characters, if need be without its spare columns. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width = process.stdout.columns || 120): string {
  const cells = columns.map((column) => [column.title, ...rows.map(column.of)]);
  const widths = cells.map((column) => Math.max(...column.map((cell) => cell.length)));
  const kept = columns.map((_, i) => i);
  const total = (): number => kept.reduce((sum, i) => sum + widths[i]! + 2, -2);
  for (const i of columns
    .map((_, index) => index)
    .filter((index) => columns[index]!.spare)
    .sort((a, b) => columns[b]!.spare! - columns[a]!.spare!)) {
    if (total() <= width) break;
    kept.splice(kept.indexOf(i), 1);
  }
  const line = (row: number): string =>
    kept
      .map((i) => (columns[i]!.align === "left" ? cells[i]![row]!.padEnd(widths[i]!) : cells[i]![row]!.padStart(widths[i]!)))
      .join("  ")
      .trimEnd();
  return [onOutput.bold(line(0)), onOutput.dim("─".repeat(Math.min(width, total()))), ...rows.map((_, i) => line(i + 1))].join("\n");
}

export const printJson = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
export const print = (text: string): void => void process.stdout.write(`${text}\n`);

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
export const count = (n: number): string => Math.round(n).toLocaleString("en-US");
export const significant = (x: number, digits = 4): string => {
  if (x === 0 || !Number.isFinite(x)) return String(x);
  const magnitude = Math.abs(x);
  return magnitude >= 1e6 || magnitude < 1e-3 ? x.toExponential(digits - 1) : Number(x.toPrecision(digits)).toString();
};
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds)),
    pad = (n: number): string => String(n).padStart(2, "0");
  if (s < 60) return `${s} s`;
  return s < 3600 ? `${Math.floor(s / 60)}:${pad(s % 60)} min` : `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)} h`;
}
