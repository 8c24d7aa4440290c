// The addon as it is, without TypeScript, for processes and worker threads of their own.
import { createRequire } from "node:module";

export const addon = createRequire(import.meta.url)(process.env.STEPPE_ADDON);

/** A stream whose calls give promises. */
export function open(threads = 2) {
  const waiting = [];
  let first = 1;
  const stream = new addon.Stream(threads, addon.levels.length - 1, 2 ** 30, (done, reports) => {
    const settled = waiting.splice(0, done - first + 1);
    for (const [ticket, failed, , message] of reports) if (failed >= 0) settled[ticket - first].reject(new Error(message));
    first = done + 1;
    for (const call of settled) call.resolve();
  });
  const ticket = () => new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  const submit = (kernel, buffers, words) => {
    const padded = words.length % 2 ? [...words, 0] : words;
    stream.submit(
      Int32Array.from([
        1,
        1,
        addon.kernels.indexOf(`test_${kernel}_f32`),
        buffers.length,
        words.length,
        0,
        ...buffers.flatMap((slot) => [slot, 0, 0, 0]),
        ...padded,
      ]),
      false,
    );
    return ticket();
  };
  return {
    stream,
    slow: (ms) => submit("slow", [], [ms]),
    fail: () => submit("fail", [], []),
    add: (x, y, value, n) => submit("add", [x, y], [...new Int32Array(Float64Array.of(value).buffer), n]),
    read: async (slot, bytes) => {
      const target = new ArrayBuffer(bytes);
      stream.read(slot, 0, target);
      await ticket();
      return new Float32Array(target);
    },
  };
}
