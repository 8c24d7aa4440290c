const rotations = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;
const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/** Threefry-2x32 with 20 rounds (Salmon et al. 2011): the block of counter (x0, x1) under key (k0, k1). */
export function threefryBlock(k0: number, k1: number, x0: number, x1: number): [number, number] {
  const keys = [k0, k1, k0 ^ k1 ^ 0x1bd11bda];
  let a = (x0 + k0) | 0,
    b = (x1 + k1) | 0;
  for (let group = 0; group < 5; group++) {
    for (const by of rotations[group % 2]!) {
      a = (a + b) | 0;
      b = rotate(b, by) ^ a;
    }
    a = (a + keys[(group + 1) % 3]!) | 0;
    b = (b + keys[(group + 2) % 3]! + group + 1) | 0;
  }
  return [a >>> 0, b >>> 0];
}
