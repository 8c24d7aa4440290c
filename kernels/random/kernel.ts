import { kernel } from "../kernel.ts";
import { threefryBlock } from "./threefry.ts";

/** n words a key; pairs 1: n is even; counted 1: `first` is given. */
export type ThreefryParams = { batch: number; n: number; pairs: number; counted: number };

const top = 2 ** 32;

/**
 * Random words bits [batch, n] of keys [batch, 2], as JAX's partitionable Threefry: block i of a key has the counter (0, first + i),
 * first [batch] being 0 where it is not given. pairs 0: word i is the exclusive or of block i's halves (random bits);
 * pairs 1: words 2 i and 2 i + 1 are the halves of block i (n / 2 new keys: `split`; with n = 2, `foldIn` of first).
 */
export const threefry = kernel<ThreefryParams>({
  name: "threefry",
  dtypes: ["u32"],
  inputs: { keys: "u32", "first?": "u32" },
  outputs: { bits: "u32" },
  params: { batch: "u32", n: "u32", pairs: "u32", counted: "u32" },
  sizes: ({ batch, n, counted }) => ({ keys: 2 * batch, ...(counted ? { first: batch } : {}), bits: batch * n }),
  cost: ({ batch, n, pairs }) => ({ flops: (batch * n * 100) / (1 + pairs), bytes: 4 * batch * (n + 3) }),
  reference({ inputs: { keys, first }, outputs: { bits } }, { batch, n, pairs }) {
    for (let b = 0; b < batch; b++) {
      const start = first?.[b] ?? 0;
      const block = (i: number): [number, number] => threefryBlock(keys![2 * b]!, keys![2 * b + 1]!, 0, (start + i) % top);
      for (let i = 0; i < n; i++) {
        const [x, y] = block(pairs ? i >> 1 : i);
        bits![b * n + i] = pairs ? (i % 2 ? y : x) : (x ^ y) >>> 0;
      }
    }
  },
  cases: [
    { batch: 1, n: 1, pairs: 0, counted: 0 },
    { batch: 1, n: 17, pairs: 0, counted: 1 },
    { batch: 3, n: 65, pairs: 0, counted: 1 },
    { batch: 197, n: 2, pairs: 1, counted: 1 },
    { batch: 2, n: 34, pairs: 1, counted: 0 },
    { batch: 0, n: 4, pairs: 0, counted: 0 },
    { batch: 2, n: 0, pairs: 0, counted: 0 },
    { batch: 1, n: 100000, pairs: 0, counted: 0 },
  ],
  generate: (_, size, __, random) => Float64Array.from({ length: size }, () => Math.floor(random() * top)),
});
