import { backendOf, defaultDevice, openBackends } from "./devices.ts";

/** Memory of one device, in bytes, and handles on it. */
export interface MemoryInfo {
  /** Bytes held by values, plans and queued work. */
  readonly bytesInUse: number;
  /** Bytes taken from the system, with what is kept for reuse. */
  readonly bytesReserved: number;
  /** The most bytesInUse since the start. */
  readonly peakBytes: number;
  /** Handles that were made and not disposed. */
  readonly tensors: number;
  /** Computed tensors that were dropped without dispose() and freed by the garbage collector. */
  readonly leaked: number;
}

const handles = new Map<string, number>();
const leaks = new Map<string, number>();

/** Notes that a handle was made (1) or ended (-1). */
export const countHandle = (device: string, by: number): void => void handles.set(device, (handles.get(device) ?? 0) + by);
/** Notes that a computed tensor was dropped without dispose(). */
export const countLeak = (device: string): void => void leaks.set(device, (leaks.get(device) ?? 0) + 1);

/** Memory of the default device and of every other that is open, by name. */
export function memory(): Record<string, MemoryInfo> {
  backendOf(defaultDevice());
  return Object.fromEntries(
    [...openBackends()].map(([name, backend]) => [name, { ...backend.memory(), tensors: handles.get(name) ?? 0, leaked: leaks.get(name) ?? 0 }]),
  );
}
