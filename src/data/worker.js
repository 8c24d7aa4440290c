// Makes batches off the JS thread.
import { parentPort } from "node:worker_threads";
import { makeBatch, openPass } from "./augment/makeBatch.js";

/**
 * @typedef {{ open: import("./prepare.ts").PassOptions, id: number } | { batch: number, id: number } | { close: true, id: number }} Request
 */

/** @type {Map<number, import("./augment/makeBatch.js").Pass>} */
const passes = new Map();

parentPort?.on("message", (/** @type {Request} */ request) => {
  if ("open" in request) {
    passes.set(request.id, openPass(request.open));
  } else if ("close" in request) {
    passes.delete(request.id);
  } else {
    const pass = passes.get(request.id);
    if (!pass) return;
    const { images, labels } = makeBatch(pass, request.batch);
    parentPort?.postMessage({ id: request.id, batch: request.batch, images, labels }, [images.buffer, labels.buffer]);
  }
});
