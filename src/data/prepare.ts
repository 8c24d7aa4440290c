import { Worker } from "node:worker_threads";
import { SteppeError } from "../core/errors.ts";

/** Rows of bytes, `stride` of them an entry, in shared memory. */
export interface Rows {
  readonly bytes: Uint8Array;
  readonly stride: number;
}

/** What is done to the images of a pass, at random. */
export interface Augment {
  /** Images move by up to so many pixels each way; black comes in. */
  readonly pad: number;
  /** Every other image is mirrored. */
  readonly flip: boolean;
  /** RandAugment (Cubuk et al. 2020), as augment/randAugment.js says: so many operations an image, at a magnitude of 0 to 30; null for none. */
  readonly randAugment: { readonly layers: number; readonly magnitude: number } | null;
  /** AutoAugment's policy for CIFAR-10 (Cubuk et al. 2019). */
  readonly autoAugment: boolean;
  /** mixup (Zhang et al. 2018): alpha of Beta(alpha, alpha), from which a batch's share is drawn; 0 for none. */
  readonly mixup: number;
  /** CutMix (Yun et al. 2019): alpha as for mixup; 0 for none. With both, a batch has either with probability 1/2. */
  readonly cutmix: number;
  /** Random erasing (Zhong et al. 2020): the probability for an image; 0 for none. */
  readonly erasing: number;
}

export interface PassOptions {
  readonly images: Rows;
  readonly labels: Rows;
  readonly count: number;
  readonly size: number;
  readonly batches: number;
  /** Chooses the order and the augmentation; null keeps the order. */
  readonly seed: readonly [number, number] | null;
  readonly augment: (Augment & { readonly height: number; readonly width: number; readonly pixelBytes: number }) | null;
  /** Classes of the soft targets that mixup and CutMix make of i32 labels. */
  readonly classes: number;
}

export interface PreparedBatch {
  readonly images: Uint8Array<ArrayBuffer>;
  readonly labels: Uint8Array<ArrayBuffer>;
}

interface Waiting {
  resolve(batch: PreparedBatch): void;
  reject(error: unknown): void;
}

interface Thread {
  readonly worker: Worker;
  readonly waiting: Map<string, Waiting>;
  /** Why it stopped. */
  failure: SteppeError | null;
}

const threads: (Thread | undefined)[] = [];
let nextPass = 0;

function threadAt(index: number): Thread {
  const known = threads[index];
  if (known) return known;
  const thread: Thread = { worker: new Worker(new URL("./worker.js", import.meta.url)), waiting: new Map(), failure: null };
  thread.worker.unref();
  thread.worker.on("message", ({ id, batch, images, labels }: PreparedBatch & { id: number; batch: number }) =>
    settle(thread, `${id} ${batch}`)?.resolve({ images, labels }),
  );
  const stopped = (reason: string, cause?: unknown): void => {
    thread.failure ??= new SteppeError("ERR_STATE", "batches", `the worker that prepares batches stopped: ${reason}`, { cause });
    if (threads[index] === thread) threads[index] = undefined;
    for (const key of [...thread.waiting.keys()]) settle(thread, key)?.reject(thread.failure);
  };
  thread.worker.on("error", (cause) => stopped(cause.message, cause));
  thread.worker.on("exit", (code) => stopped(`it left with code ${code}`));
  threads[index] = thread;
  return thread;
}

/** Node stays alive while a batch is on its way, and only then. */
function settle(thread: Thread, key: string): Waiting | undefined {
  const found = thread.waiting.get(key);
  thread.waiting.delete(key);
  if (thread.waiting.size === 0) thread.worker.unref();
  return found;
}

function request(thread: Thread, id: number, batch: number): Promise<PreparedBatch> {
  if (thread.failure) return Promise.reject(thread.failure);
  return new Promise((resolve, reject) => {
    thread.waiting.set(`${id} ${batch}`, { resolve, reject });
    thread.worker.ref();
    thread.worker.postMessage({ id, batch });
  });
}

/** One pass over a data set, prepared ahead by threads that take turns; their number changes no byte. */
export async function* preparePass(options: PassOptions, workers = 1): AsyncGenerator<PreparedBatch, void, void> {
  const { batches } = options;
  const used = Array.from({ length: Math.min(workers, batches) }, (_, index) => threadAt(index));
  const ahead = 2 * used.length + 2; // batches asked for before they are needed
  const id = nextPass++;
  for (const { worker } of used) worker.postMessage({ open: options, id });
  const queue: Promise<PreparedBatch>[] = [];
  let asked = 0;
  try {
    for (let taken = 0; taken < batches; taken++) {
      for (; asked < Math.min(batches, taken + ahead); asked++) {
        const batch = request(used[asked % used.length]!, id, asked);
        batch.catch(() => {}); // reported by the await below; the consumer may leave before it gets there
        queue.push(batch);
      }
      yield await queue.shift()!;
    }
  } finally {
    for (const thread of used) thread.worker.postMessage({ close: true, id });
    for (let batch = 0; batch < asked; batch++) settle(used[batch % used.length]!, `${id} ${batch}`);
  }
}
