import type { Backend, BackendName, Caps } from "../backends/backend.ts";
import { openNative } from "../backends/native.ts";
import { NullBackend } from "../backends/null.ts";
import { ReferenceBackend } from "../backends/reference.ts";
import { fail, nearest } from "../core/errors.ts";

/** What a device is: "check" ones compute slowly in f64 (reference), or count and check plans without computing (null). */
export type DeviceKind = "cpu" | "gpu" | "check";
/** A device, and what it can do or why it cannot be opened. */
export interface DeviceInfo {
  /** As setDevice, `to` and { device } take it. */
  readonly name: BackendName;
  /** What it is. */
  readonly kind: DeviceKind;
  /** What it can do; missing where it cannot be opened. */
  readonly caps?: Caps;
  /** Why it cannot be opened here. */
  readonly reason?: string;
}

interface Driver {
  readonly kind: DeviceKind;
  open(): Backend;
}
const missing =
  (reason: string): Driver["open"] =>
  () =>
    fail("ERR_DEVICE", "openDevice", reason);
const drivers: Record<BackendName, Driver> = {
  cpu: { kind: "cpu", open: openNative },
  reference: { kind: "check", open: () => new ReferenceBackend() },
  null: { kind: "check", open: () => new NullBackend() },
  webgpu: { kind: "gpu", open: missing('this version has no WebGPU backend, use "cpu"') },
  cuda: { kind: "gpu", open: missing('this version has no CUDA backend, use "cpu"') },
};

const opened = new Map<string, Backend>();
let current: BackendName | null = null;

function checkName(op: string, name: unknown): BackendName {
  if (typeof name === "string" && Object.hasOwn(drivers, name)) return name as BackendName;
  const near = typeof name === "string" ? nearest(name, Object.keys(drivers)) : undefined;
  return fail(
    "ERR_DEVICE",
    op,
    `there is no device ${JSON.stringify(name)}, only ${Object.keys(drivers).join(", ")}${near ? ` (did you mean "${near}"?)` : ""}`,
  );
}

/** The open backend of a device; the first use opens it. */
export function backendOf(name: string): Backend {
  let backend = opened.get(name);
  if (!backend) opened.set(name, (backend = drivers[checkName("openDevice", name)].open()));
  return backend;
}

/** What can run here, and why the rest cannot. Opens every device that can be opened. */
export function devices(): DeviceInfo[] {
  return (Object.keys(drivers) as BackendName[]).map((name) => {
    const { kind } = drivers[name];
    try {
      return { name, kind, caps: backendOf(name).caps };
    } catch (error) {
      return { name, kind, reason: (error as Error).message };
    }
  });
}

/** Opens a device; rejects with ERR_DEVICE, and the reason, where it cannot be had. */
export async function openDevice(name: BackendName): Promise<DeviceInfo> {
  const checked = checkName("openDevice", name);
  return { name: checked, kind: drivers[checked].kind, caps: backendOf(checked).caps };
}

/** Chooses the device of tensors that do not say another; at first the one in STEPPE_DEVICE, or "cpu". Throws ERR_DEVICE where it cannot be had. */
export function setDevice(name: BackendName): void {
  const checked = checkName("setDevice", name);
  backendOf(checked);
  current = checked;
}

/** The device of tensors that do not say another. */
export function defaultDevice(): BackendName {
  return (current ??= checkName("STEPPE_DEVICE", process.env.STEPPE_DEVICE ?? "cpu"));
}

/** The name of a device that is open, or can be opened; else throws ERR_DEVICE. */
export const checkDevice = (op: string, name: unknown): BackendName => {
  const checked = checkName(op, name);
  backendOf(checked);
  return checked;
};

/** The open devices, by name. */
export const openBackends = (): IterableIterator<[string, Backend]> => opened.entries();
