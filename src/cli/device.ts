import type { CommonOptions } from "./options.ts";

/** Applies --threads and --device; must come before anything is computed. */
export async function prepareDevice({ device, threads }: CommonOptions): Promise<void> {
  if (threads !== undefined) process.env.STEPPE_THREADS = String(threads);
  const { setDevice } = await import("../index.ts");
  if (device !== undefined) setDevice(device as Parameters<typeof setDevice>[0]);
}
