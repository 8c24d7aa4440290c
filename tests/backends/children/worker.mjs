// A worker thread: adds `rounds` times (0: without end) and posts the sum.
import { parentPort, workerData } from "node:worker_threads";
import { open } from "./stream.mjs";

const { stream, add, slow, read } = open();
const x = stream.alloc(4096),
  y = stream.alloc(4096);
stream.write(x, 0, new Uint8Array(4096));
parentPort.postMessage("started");
for (let i = 0; workerData.rounds === 0 || i < workerData.rounds; i++) {
  await add(x, y, 1, 1024);
  await add(y, x, 1, 1024);
  if (workerData.rounds === 0) {
    slow(3);
    read(y, 4096);
  }
}
parentPort.postMessage((await read(x, 4096)).reduce((sum, v) => sum + v, 0));
