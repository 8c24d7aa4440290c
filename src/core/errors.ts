/** What went wrong, in one word that programs can test: sizes that do not agree; a dtype that cannot be used; an axis, index, name or option out
 *  of range; a tensor that was disposed; a value read in a traced function; a device that is not there; no memory; a damaged file; a state
 *  that should not be. The file system's own errors keep Node's codes. */
export type ErrorCode =
  | "ERR_SHAPE"
  | "ERR_DTYPE"
  | "ERR_ARGUMENT"
  | "ERR_DISPOSED"
  | "ERR_TRACED"
  | "ERR_DEVICE"
  | "ERR_OUT_OF_MEMORY"
  | "ERR_FORMAT"
  | "ERR_STATE";

/** Every error that steppe throws: `[op] what was expected, what came, what to do`. */
export class SteppeError extends Error {
  /** Always "SteppeError". */
  override readonly name = "SteppeError";
  constructor(
    /** What went wrong, in one word. */
    readonly code: ErrorCode,
    op: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`[${op}] ${message}`, options);
  }
}

/** Throws a SteppeError: `fail("ERR_SHAPE", "matmul", "...")`. */
export function fail(code: ErrorCode, op: string, message: string, options?: ErrorOptions): never {
  throw new SteppeError(code, op, message, options);
}

/** `"adamw"` for `"adamv"`; undefined when nothing is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Throws ERR_ARGUMENT unless `value` is one of `allowed`; offers the nearest spelling. */
export function checkOneOf<T extends string>(op: string, what: string, value: unknown, allowed: readonly T[]): T {
  if (allowed.includes(value as T)) return value as T;
  const near = typeof value === "string" ? nearest(value, allowed) : undefined;
  const hint = near ? ` (did you mean "${near}"?)` : "";
  return fail("ERR_ARGUMENT", op, `${what} must be one of ${allowed.join(", ")}, got ${JSON.stringify(value)}${hint}`);
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}
