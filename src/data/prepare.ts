import { Worker } from "node:worker_threads";
import { SteppeError } from "../core/errors.ts";

/** Rows of bytes, `stride` of them an entry, in shared memory. */
export interface Rows {
  readonly bytes: Uint8Array;
  readonly stride: number;
}

export interface Augment {
  /** Images move by up to so many pixels each way; black comes in. */
  readonly pad: number;
  /** Every other image is mirrored. */
  readonly flip: boolean;
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
}

export interface PreparedBatch {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

interface Waiting {
  resolve(batch: PreparedBatch): void;
  reject(error: unknown): void;
}

/** Batches asked for before they are needed. */
const ahead = 4;

let worker: Worker | null = null;
let nextPass = 0;
const waiting = new Map<string, Waiting>();

function theWorker(): Worker {
  if (worker) return worker;
  const started = new Worker(new URL("./worker.js", import.meta.url));
  started.unref();
  started.on("message", ({ id, batch, images, labels }: PreparedBatch & { id: number; batch: number }) =>
    settle(`${id} ${batch}`)?.resolve({ images, labels }),
  );
  started.on("error", (cause) => {
    worker = null;
    const error = new SteppeError("ERR_STATE", "batches", `the worker that prepares batches stopped: ${cause.message}`, { cause });
    for (const key of [...waiting.keys()]) settle(key)?.reject(error);
  });
  worker = started;
  return worker;
}

/** Node stays alive while a batch is on its way, and only then. */
function settle(key: string): Waiting | undefined {
  const found = waiting.get(key);
  waiting.delete(key);
  if (waiting.size === 0) worker?.unref();
  return found;
}

function request(id: number, batch: number): Promise<PreparedBatch> {
  return new Promise((resolve, reject) => {
    waiting.set(`${id} ${batch}`, { resolve, reject });
    theWorker().ref();
    theWorker().postMessage({ id, batch });
  });
}

/** One pass over a data set, prepared ahead by the worker thread. */
export async function* preparePass(options: PassOptions): AsyncGenerator<PreparedBatch, void, void> {
  const { batches, ...open } = options;
  const id = nextPass++;
  theWorker().postMessage({ open, id });
  const queue: Promise<PreparedBatch>[] = [];
  try {
    for (let asked = 0, taken = 0; taken < batches; taken++) {
      for (; asked < Math.min(batches, taken + ahead); asked++) {
        const batch = request(id, asked);
        batch.catch(() => {}); // reported by the await below; the consumer may leave before it gets there
        queue.push(batch);
      }
      yield await queue.shift()!;
    }
  } finally {
    worker?.postMessage({ close: true, id });
    for (let batch = 0; batch < batches; batch++) settle(`${id} ${batch}`);
  }
}
