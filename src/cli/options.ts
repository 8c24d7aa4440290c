import type { Command } from "commander";
import { nearest } from "../core/errors.ts";
import { faultOf, type TrainConfig } from "../train/config.ts";
import { WrongUse } from "./errors.ts";

export const deviceNames = ["cpu", "cuda", "webgpu", "reference"] as const;

/** What every subcommand takes. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly device?: string;
  readonly threads?: number;
}

export const withCommonOptions = (command: Command): Command =>
  command
    .option("--json", "print one JSON object on stdout; progress goes to stderr")
    .option("--device <name>", `where to compute: ${deviceNames.join(", ")} (default: STEPPE_DEVICE, or cpu)`, oneOf("--device", deviceNames))
    .option(
      "--threads <n>",
      "threads of the cpu device (default: STEPPE_THREADS, or one a core); results do not depend on it",
      wholeFrom("--threads", 1),
    );

const decimal = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** The number that a text spells, or the text itself, which no check lets pass. */
const numberOf = (text: string): unknown => (decimal.test(text) ? Number(text) : text);

export const oneOf =
  (flag: string, names: readonly string[]) =>
  (text: string): string => {
    if (names.includes(text)) return text;
    const near = nearest(text, names);
    throw new WrongUse(`${flag} must be one of ${names.join(", ")}, got "${text}"${near ? ` (did you mean ${near}?)` : ""}`);
  };

export const wholeFrom =
  (flag: string, least: number) =>
  (text: string): number => {
    const value = numberOf(text);
    if (Number.isSafeInteger(value) && (value as number) >= least) return value as number;
    throw new WrongUse(`${flag} must be a whole number from ${least} on, got "${text}"`);
  };

/** A setting of a run: checked by the rule of its config.json. */
export const numberSetting =
  (key: keyof TrainConfig, flag: string) =>
  (text: string): number =>
    setting(key, flag, numberOf(text)) as number;
export const textSetting =
  (key: keyof TrainConfig, flag: string) =>
  (text: string): string =>
    setting(key, flag, text) as string;
/** "hidden=64,layers=4" as { hidden: 64, layers: 4 }. */
export const sizesSetting =
  (key: keyof TrainConfig, flag: string) =>
  (text: string): object => {
    const parts = text.split(",").map((part) => /^([a-zA-Z]+)=(\S+)$/.exec(part.trim()));
    if (parts.some((part) => part === null)) throw new WrongUse(`${flag} must be a list like hidden=64,layers=4, got "${text}"`);
    return setting(key, flag, Object.fromEntries(parts.map((part) => [part![1], numberOf(part![2]!)]))) as object;
  };
function setting(key: keyof TrainConfig, flag: string, value: unknown): unknown {
  const fault = faultOf(key, value, flag);
  if (fault) throw new WrongUse(fault);
  return value;
}
