import { readFileSync, rmSync } from "node:fs";
import { link, readFile, rename, rm, unlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { fail } from "../core/errors.ts";

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When the process began, so that a later process with the same number is told apart. */
  readonly began: string | null;
}

/** Takes a folder for this process; the returned function gives it back. A lock whose process is dead is taken over. */
export async function lockFolder(op: string, folder: string): Promise<() => Promise<void>> {
  const path = join(folder, "lock"),
    mine = JSON.stringify({ pid: process.pid, host: hostname(), began: beganOf(process.pid) } satisfies Owner);
  for (let tries = 0; !(await createWhole(path, mine)); tries++) {
    const text = await readFile(path, "utf8").catch(() => null);
    if (text === null) continue; // just given back
    const owner = parseOwner(text);
    if (!owner || isAlive(owner) || tries > 10) {
      const who = owner ? `process ${owner.pid}${owner.host === hostname() ? "" : ` on ${owner.host}`}` : "another process";
      fail(
        "ERR_STATE",
        op,
        `${folder} is in use by ${who}; wait for its end${owner?.host === hostname() ? "" : `, or delete ${path} if it is gone`}`,
      );
    }
    await removeStale(path, text);
  }
  const removeAtExit = (): void => rmSync(path, { force: true });
  process.once("exit", removeAtExit);
  return async () => {
    process.off("exit", removeAtExit);
    await rm(path, { force: true });
  };
}

let made = 0;

/** Makes the file with its text in one step: a lock is never seen half written. */
async function createWhole(path: string, text: string): Promise<boolean> {
  const aside = `${path}.${process.pid}.${made++}`;
  await writeFile(aside, text);
  try {
    await link(aside, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await unlink(aside);
  }
}

/** Moves the lock away first: had another process taken it meanwhile, its text differs, and it is put back. */
async function removeStale(path: string, text: string): Promise<void> {
  const aside = `${path}.${process.pid}.${made++}.old`;
  try {
    await rename(path, aside);
  } catch {
    return; // another process was quicker
  }
  if ((await readFile(aside, "utf8")) === text) await unlink(aside);
  else await rename(aside, path);
}

function parseOwner(text: string): Owner | null {
  try {
    const owner = JSON.parse(text) as Owner;
    return Number.isInteger(owner.pid) && typeof owner.host === "string" ? owner : null;
  } catch {
    return null;
  }
}

function isAlive({ pid, host, began }: Owner): boolean {
  if (host !== hostname()) return true; // cannot be known from here
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return began === null || beganOf(pid) === began;
}

/** Linux: the start time of a process, field 22 of its stat line (after the name, which may hold spaces). */
function beganOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}
