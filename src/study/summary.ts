import type { StudyRow } from "./study.ts";

/** One model without SAM and with it, over its seeds. */
export interface Pair {
  readonly model: string;
  readonly plain: readonly StudyRow[];
  readonly sam: readonly StudyRow[];
  /** Geometric means of lambda_max. */
  readonly lambdaPlain: number;
  readonly lambdaSam: number;
  /** How many times flatter SAM's minimum is. */
  readonly ratio: number;
}

const geometricMean = (rows: readonly StudyRow[]): number =>
  Math.exp(rows.reduce((sum, { lambdaMax }) => sum + Math.log(lambdaMax.value), 0) / rows.length);

export function pairsOf(rows: readonly StudyRow[]): Pair[] {
  return [...new Set(rows.map(({ model }) => model))].map((model) => {
    const plain = rows.filter((row) => row.model === model && !row.sam),
      sam = rows.filter((row) => row.model === model && row.sam);
    const lambdaPlain = geometricMean(plain),
      lambdaSam = geometricMean(sam);
    return { model, plain, sam, lambdaPlain, lambdaSam, ratio: lambdaPlain / lambdaSam };
  });
}

export const mean = (rows: readonly StudyRow[], of: (row: StudyRow) => number): number => rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
