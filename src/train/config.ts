import { fail, nearest } from "../core/errors.ts";

export const optimizerNames = ["adamw", "sgd", "lamb"] as const;
export const dataNames = ["cifar10", "mnist", "fashion-mnist"] as const;

/** Everything that the figures of a run depend on, and its weights to the bit. It is kept in the run's config.json. */
export interface TrainConfig {
  /** A name of models.list(). */
  readonly model: string;
  /** Sizes that replace the model's own: { hidden: 64, layers: 4 }. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly dropout: number;
  readonly data: (typeof dataNames)[number];
  /** A folder with the data; null: the npm package. */
  readonly dataDir: string | null;
  /** Only the first so many images of each split; null: all. */
  readonly limit: number | null;
  /** Only the first so many test images; null: as many as limit says. */
  readonly testLimit: number | null;
  /** Random crops and mirroring. */
  readonly augment: boolean;
  readonly epochs: number;
  readonly batch: number;
  readonly optimizer: (typeof optimizerNames)[number];
  /** The peak; a linear warm-up leads to it, and half a cosine from it to 0. */
  readonly lr: number;
  readonly weightDecay: number;
  /** Epochs of warm-up. */
  readonly warmup: number;
  /** rho of sharpness-aware minimization; 0: without. */
  readonly sam: number;
  readonly seed: number;
}

export const defaultConfig: TrainConfig = {
  model: "vit-ti/4",
  sizes: {},
  dropout: 0,
  data: "cifar10",
  dataDir: null,
  limit: null,
  testLimit: null,
  augment: true,
  epochs: 10,
  batch: 128,
  optimizer: "adamw",
  lr: 1e-3,
  weightDecay: 0.1,
  warmup: 1,
  sam: 0,
  seed: 0,
};

type Check = (value: unknown) => true | string;
const whole =
  (least: number, most = Number.MAX_SAFE_INTEGER): Check =>
  (x) =>
    (Number.isSafeInteger(x) && (x as number) >= least && (x as number) <= most) ||
    `a whole number from ${least}${most < Number.MAX_SAFE_INTEGER ? ` to ${most}` : " on"}`;
const number =
  (words: string, holds: (x: number) => boolean): Check =>
  (x) =>
    (typeof x === "number" && Number.isFinite(x) && holds(x)) || `a number ${words}`;
const oneOf =
  (names: readonly string[]): Check =>
  (x) => {
    if (names.includes(x as string)) return true;
    const near = typeof x === "string" ? nearest(x, names) : undefined;
    return `one of ${names.join(", ")}${near ? ` (did you mean "${near}"?)` : ""}`;
  };
const orNull =
  (check: Check): Check =>
  (x) =>
    x === null || check(x);
const text: Check = (x) => (typeof x === "string" && x !== "") || "a text";

const checks: Record<keyof TrainConfig, Check> = {
  model: text,
  sizes: (x) =>
    (typeof x === "object" && x !== null && Object.values(x).every((n) => Number.isSafeInteger(n) && (n as number) > 0)) ||
    "an object of whole numbers above 0",
  dropout: number("from 0 on and below 1", (x) => x >= 0 && x < 1),
  data: oneOf(dataNames),
  dataDir: orNull(text),
  limit: orNull(whole(1)),
  testLimit: orNull(whole(1)),
  augment: (x) => typeof x === "boolean" || "true or false",
  epochs: whole(1),
  batch: whole(1),
  optimizer: oneOf(optimizerNames),
  lr: number("above 0", (x) => x > 0),
  weightDecay: number("from 0 on", (x) => x >= 0),
  warmup: number("from 0 on", (x) => x >= 0),
  sam: number("from 0 on", (x) => x >= 0),
  seed: whole(0, 2 ** 32 - 1),
};
const keys = Object.keys(checks) as (keyof TrainConfig)[];

/** What is wrong with one value, in words: "lr must be a number above 0, got -1"; null when nothing is. */
export function faultOf(key: keyof TrainConfig, value: unknown, name: string = key): string | null {
  const verdict = checks[key](value);
  return verdict === true
    ? null
    : `${name} must be ${verdict.includes("(did you mean") ? verdict.replace(" (did", `, got ${JSON.stringify(value)} (did`) : `${verdict}, got ${JSON.stringify(value) ?? String(value)}`}`;
}

/** A whole configuration, from the parts that are given. */
export function checkConfig(given: unknown, report: (fault: string) => never = (fault) => fail("ERR_ARGUMENT", "fit", fault)): TrainConfig {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    return report(`a configuration must be an object, got ${JSON.stringify(given)}`);
  const config = { ...defaultConfig, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
  for (const [key, value] of Object.entries(config)) {
    if (!Object.hasOwn(checks, key)) {
      const near = nearest(key, keys);
      return report(`there is no setting ${JSON.stringify(key)}${near ? ` (did you mean "${near}"?)` : ""}`);
    }
    const fault = faultOf(key as keyof TrainConfig, value);
    if (fault) return report(fault);
  }
  if (config.warmup > config.epochs) return report(`warmup must not be longer than the run of ${config.epochs} epochs, got ${config.warmup}`);
  return config;
}
