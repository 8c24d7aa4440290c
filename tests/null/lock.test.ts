import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lockFolder } from "../../src/train/lock.ts";

const fresh = () => mkdtempSync(join(tmpdir(), "lock-"));
const deadPid = () => spawnSync(process.execPath, ["-e", ""]).pid;

test("a folder is held once, and free again afterwards", async () => {
  const folder = fresh(),
    release = await lockFolder("fit", folder);
  await expect(lockFolder("fit", folder)).rejects.toMatchObject({
    code: "ERR_STATE",
    message: expect.stringContaining(`${folder} is in use by process ${process.pid}`),
  });
  await release();
  expect(readdirSync(folder)).toEqual([]);
  await (await lockFolder("fit", folder))();
});

test("of many at once, one gets it", async () => {
  const folder = fresh(),
    results = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder("fit", folder)));
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test.each([
  ["a process that is dead", () => ({ pid: deadPid(), host: hostname(), began: "1" })],
  ["a process whose number went to another", () => ({ pid: process.pid, host: hostname(), began: "1" })],
])("the lock of %s is taken over", async (_, owner) => {
  const folder = fresh();
  writeFileSync(join(folder, "lock"), JSON.stringify(owner()));
  const release = await lockFolder("fit", folder);
  expect(JSON.parse(readFileSync(join(folder, "lock"), "utf8")).pid).toBe(process.pid);
  await release();
  expect(readdirSync(folder)).toEqual([]);
});

test.each([
  ["another host", JSON.stringify({ pid: 1, host: "elsewhere", began: null }), /process 1 on elsewhere; .* delete .*lock/],
  ["nobody knows whom", "what is this", /another process; .* delete .*lock/],
])("a lock of %s is left alone, and the way out is said", async (_, text, message) => {
  const folder = fresh();
  writeFileSync(join(folder, "lock"), text);
  await expect(lockFolder("fit", folder)).rejects.toMatchObject({ code: "ERR_STATE", message: expect.stringMatching(message) });
  expect(existsSync(join(folder, "lock"))).toBe(true);
});
