import { open, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

let count = 0;

/**
 * Replaces a file as a whole: a reader sees the old bytes or the new ones, also after a crash or a full disk.
 * The bytes go to a temporary file in the same folder, which is synced and then renamed.
 */
export async function writeFileAtomic(path: string, chunks: readonly Uint8Array[]): Promise<void> {
  const folder = dirname(path),
    temporary = join(folder, `.${basename(path)}.${process.pid}.${count++}.tmp`);
  try {
    const file = await open(temporary, "wx");
    try {
      for (const chunk of chunks) await writeAll(file, chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
  await syncFolder(folder);
}

export const isTemporaryOf = (name: string): boolean => /^\..+\.\d+\.\d+\.tmp$/.test(name);

type Writable = { write(bytes: Uint8Array, offset: number, length: number): Promise<{ bytesWritten: number }> };

async function writeAll(file: Writable, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done, bytes.length - done)).bytesWritten;
}

/** Makes a rename last; Windows has no way to open a folder, and needs none. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
