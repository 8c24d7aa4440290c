import { fail } from "../core/errors.ts";
import { permutation } from "./augment/randomWords.js";
import { emptyImageSet, type ImageSet } from "./imageSet.ts";
import { asTensors, type DataSet, hostCopyOf } from "./sets.ts";

/**
 * A share of every class: of a class with n images, ceil(share n) chosen at random by the seed, in the order of the set. With one seed, the
 * images of a smaller share are among those of a larger one.
 *
 * @param set as a loader of this module gave it: images u8 [N, height, width, channels], labels i32 [N]
 * @param share above 0, at most 1; 1 gives the set itself
 * @param seed a whole number from 0 to 2^32 - 1
 * @returns tensors of its own (the given set stays whole, and the caller's)
 *
 * Throws ERR_ARGUMENT for a share or a seed out of range and for a set that was not loaded by this module.
 */
export function fraction(set: DataSet, share: number, seed = 0): DataSet {
  if (typeof share !== "number" || !(share > 0 && share <= 1)) fail("ERR_ARGUMENT", "fraction", `share must be above 0 and at most 1, got ${share}`);
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) fail("ERR_ARGUMENT", "fraction", `seed must be a whole number below 2^32, got ${seed}`);
  if (share === 1) return set;
  const [images, labels] = [hostCopyOf(set.images), hostCopyOf(set.labels)];
  if (!images || !labels) return fail("ERR_ARGUMENT", "fraction", "expected a set that data.cifar10, mnist, fashionMnist, images or fraction gave");
  const chosen = chosenOf(labels, share, seed);
  const [, height, width, channels] = set.images.shape as unknown as ImageSet["shape"];
  const stride = height * width * channels;
  const part = emptyImageSet([chosen.length, height, width, channels], set.classes);
  chosen.forEach((from, to) => {
    part.images.set(images.subarray(from * stride, (from + 1) * stride), to * stride);
    part.labels[to] = labels[from]!;
  });
  return asTensors(part);
}

/** The chosen indices, ascending. */
function chosenOf(labels: ArrayLike<number>, share: number, seed: number): number[] {
  const members = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (!members.has(label)) members.set(label, []);
    members.get(label)!.push(i);
  }
  const chosen: number[] = [];
  for (const [label, indices] of members) {
    const count = Math.max(1, Math.ceil(share * indices.length - 1e-9)); // 0.1 * 30 is 3.0000000000000004
    const order = permutation(indices.length, [seed, label]);
    for (let k = 0; k < count; k++) chosen.push(indices[order[k]!]!);
  }
  return chosen.sort((a, b) => a - b);
}
