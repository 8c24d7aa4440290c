import { fail } from "../core/errors.ts";
import { isTensor, type Tensor } from "../index.ts";
import type { Augment } from "./prepare.ts";

/** What batches takes. */
export interface BatchOptions {
  /** Images of a batch; the last may be smaller. */
  size: number;
  /** Chooses the order and the augmentation of a pass: st.random.foldIn(key, epoch). Without a key the order is kept. */
  key?: Tensor;
  /** true: random crops after 4 pixels of padding, and mirroring. Or how much of each (4 and true where not given), and what else. */
  augment?: boolean | Partial<Augment>;
  /** Leave out the last batch when it is smaller. */
  dropLast?: boolean;
  /** Threads that prepare batches (default 1). No byte depends on it. */
  workers?: number;
  /** The number of classes: labels are checked against it. mixup and CutMix need it. */
  classes?: number;
}

export interface CheckedOptions {
  readonly size: number;
  readonly key: Tensor | undefined;
  readonly augment: Augment | null;
  readonly dropLast: boolean;
  readonly workers: number;
  readonly classes: number | undefined;
}

const op = "batches";

export function checkSet(set: { images: Tensor; labels: Tensor }): { images: Tensor; labels: Tensor } {
  const { images, labels } = set ?? {};
  if (!isTensor(images) || !isTensor(labels))
    return fail("ERR_ARGUMENT", op, "expected a set { images, labels } of tensors, as data.cifar10() gives");
  if (images.ndim < 1 || labels.ndim < 1 || images.shape[0] !== labels.shape[0] || images.shape[0] === 0) {
    fail(
      "ERR_SHAPE",
      op,
      `images and labels must have the same first axis, of at least 1, got [${images.shape.join(", ")}] and [${labels.shape.join(", ")}]`,
    );
  }
  return { images, labels };
}

export function checkOptions(options: BatchOptions, images: Tensor, labels: Tensor): CheckedOptions {
  const { size, key, augment = false, dropLast = false, workers = 1, classes } = options ?? {};
  checkCount("size", size);
  if (dropLast && size > images.shape[0]!) fail("ERR_ARGUMENT", op, `size ${size} with dropLast leaves no batch of ${images.shape[0]} images`);
  if (key !== undefined && (!isTensor(key) || key.dtype !== "u32" || key.shape.join() !== "2")) {
    fail("ERR_ARGUMENT", op, "key must be a key of st.random.key(seed)");
  }
  checkCount("workers", workers);
  if (classes !== undefined) {
    checkCount("classes", classes);
    if (labels.ndim !== 1 || labels.dtype !== "i32") {
      fail("ERR_DTYPE", op, `classes needs labels [N] of i32, got ${labels.dtype} [${labels.shape.join(", ")}]`);
    }
  }
  const checked = { size, key, dropLast, workers, classes };
  return { ...checked, augment: augment ? checkAugment(augment === true ? {} : augment, checked, images) : null };
}

function checkCount(what: string, value: unknown): void {
  if (!Number.isInteger(value) || (value as number) < 1) fail("ERR_ARGUMENT", op, `${what} must be a positive integer, got ${value}`);
}

function checkAugment(given: Partial<Augment>, { key, classes }: Omit<CheckedOptions, "augment">, images: Tensor): Augment {
  const { pad = 4, flip = true, randAugment = null, autoAugment = false, mixup = 0, cutmix = 0, erasing = 0 } = given;
  if (!key) fail("ERR_ARGUMENT", op, "augment needs a key to draw crops from (pass { key: st.random.key(seed) })");
  if (!Number.isInteger(pad) || pad < 0) fail("ERR_ARGUMENT", op, `augment.pad must be a whole number of pixels, got ${pad}`);
  if (images.ndim !== 4) fail("ERR_SHAPE", op, `augment needs images [N, height, width, channels], got [${images.shape.join(", ")}]`);
  if (randAugment) {
    const { layers, magnitude } = randAugment;
    checkCount("augment.randAugment.layers", layers);
    checkWithin("randAugment.magnitude", magnitude, 30);
  }
  if (randAugment && autoAugment) fail("ERR_ARGUMENT", op, "augment takes randAugment or autoAugment, got both");
  checkWithin("mixup", mixup, Infinity);
  checkWithin("cutmix", cutmix, Infinity);
  checkWithin("erasing", erasing, 1);
  const name = randAugment ? "randAugment" : autoAugment ? "autoAugment" : mixup ? "mixup" : cutmix ? "cutmix" : erasing ? "erasing" : null;
  if (name && images.dtype !== "u8") fail("ERR_DTYPE", op, `augment.${name} needs images of u8, got ${images.dtype}`);
  const channels = images.shape[3]!;
  if ((randAugment || autoAugment) && channels !== 1 && channels !== 3) {
    fail("ERR_SHAPE", op, `augment.${name} needs images of 1 or 3 channels, got ${channels}`);
  }
  if ((mixup || cutmix) && classes === undefined)
    fail("ERR_ARGUMENT", op, `augment.${mixup ? "mixup" : "cutmix"} needs the number of classes (pass { classes })`);
  return { pad, flip, randAugment, autoAugment, mixup, cutmix, erasing };
}

function checkWithin(what: string, value: unknown, most: number): void {
  if (typeof value !== "number" || !(value >= 0) || !(value <= most) || value === Infinity) {
    fail("ERR_ARGUMENT", op, `augment.${what} must be a number from 0${most === Infinity ? "" : ` to ${most}`}, got ${value}`);
  }
}
