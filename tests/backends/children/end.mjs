// Ends in the way that the first argument says, while its stream has work.
import { addon, open } from "./stream.mjs";

const { stream, slow, fail, add, read } = open();
const x = stream.alloc(4000),
  y = stream.alloc(4000);
stream.write(x, 0, new Uint8Array(4000));
await add(x, y, 1, 1000);

const ends = {
  done: () => {},
  queued: () => {
    for (let i = 0; i < 100; i++) add(x, y, i, 1000);
  },
  read: () => {
    slow(20);
    read(y, 4000);
  },
  exit: () => {
    for (let i = 0; i < 50; i++) slow(100);
    process.exit(0);
  },
  exitLater: () => {
    slow(5000);
    setTimeout(() => process.exit(0), 20);
  },
  throw: () => {
    slow(5000);
    setTimeout(() => {
      throw new Error("on purpose");
    }, 10);
  },
  many: () => {
    for (let i = 0; i < 8; i++) open(4).slow(3);
  },
  closed: () => {
    slow(5000);
    stream.close();
    stream.close();
  },
  rejected: () => {
    fail().catch(() => console.log("rejected"));
  },
  dropped: () => {
    for (let i = 0; i < 20; i++) new addon.Stream(2, 0, 1e6, () => {});
    globalThis.gc?.();
  },
};
ends[process.argv[2]]();
