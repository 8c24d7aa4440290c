import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkOneOf, fail, SteppeError } from "../core/errors.ts";
import { dtypes, type DType } from "../core/dtype.ts";
import type { Plan } from "../plan/plan.ts";
import { Tape, version } from "./tape.ts";
import type { Backend, Caps, CommandList, KernelTime, MemoryCounters, Slot } from "./backend.ts";

/** [ticket, failed command or -1, out of memory, message, start and end of each command in ms]. */
type Report = [ticket: number, failed: number, outOfMemory: boolean, message: string, times: Float64Array];

interface NativeStream {
  alloc(bytes: number, scratch: boolean): Slot;
  free(slot: Slot): void;
  write(slot: Slot, offset: number, bytes: Uint8Array): boolean;
  read(slot: Slot, offset: number, target: ArrayBuffer): void;
  submit(tape: Int32Array, timed: boolean): void;
  memory(): Float64Array;
  close(): void;
}
export interface Addon {
  /** Levels of the instruction set that this CPU runs, the best one last. */
  readonly levels: readonly string[];
  readonly kernels: readonly string[];
  readonly tapeVersion: number;
  now(): number;
  readonly Stream: new (threads: number, level: number, limit: number, settled: (done: number, reports: Report[]) => void) => NativeStream;
}

export interface NativeOptions {
  /** Default: STEPPE_THREADS, else the cores that this process may use. */
  readonly threads?: number;
  /** "baseline", "avx2" or "avx512"; default: STEPPE_ISA, else the best. Never above what the CPU has. */
  readonly isa?: string;
  /** Bytes; default: STEPPE_MEMORY_LIMIT, else 90 % of the memory of this machine or container. */
  readonly memoryLimit?: number;
}

let loaded: Addon | undefined;

/** The addon of this platform: STEPPE_ADDON, or build/Release/steppe.node of this package. */
export function loadAddon(): Addon {
  if (loaded) return loaded;
  const path = process.env["STEPPE_ADDON"] ?? join(packageRoot(), "build", "Release", "steppe.node");
  if (!existsSync(path)) fail("ERR_DEVICE", "cpu", `the native addon was not found at ${path}: run \`npm run build\` in the folder of steppe`);
  let addon: Addon;
  try {
    addon = createRequire(import.meta.url)(path) as Addon;
  } catch (cause) {
    fail(
      "ERR_DEVICE",
      "cpu",
      `the native addon at ${path} does not load on this machine (${(cause as Error).message}): run \`npm run build\` in the folder of steppe`,
      { cause },
    );
  }
  if (addon.tapeVersion !== version)
    fail(
      "ERR_DEVICE",
      "cpu",
      `the native addon reads tapes of version ${addon.tapeVersion}, this is version ${version}: run \`npm run build\` again`,
    );
  return (loaded = addon);
}

function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json")) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}

/** A promise that is waiting for its ticket. */
interface Waiting {
  readonly resolve: (value: any) => void;
  readonly reject: (error: Error) => void;
  /** What a read gives. */
  readonly value?: Uint8Array;
  /** What a submit ran. */
  readonly plan?: Plan;
  readonly profile?: KernelTime[];
  readonly began?: number;
}

/** The backend "cpu" with these options; throws ERR_DEVICE where the addon is missing. */
export const openNative = (options?: NativeOptions): Backend => new NativeBackend(options);

/** The CPU, through the native addon: its own dispatcher thread and worker pool. */
export class NativeBackend implements Backend {
  readonly name = "cpu";
  readonly caps: Caps;
  private readonly addon = loadAddon();
  private readonly kernels = new Map(this.addon.kernels.map((name, index) => [name, index]));
  private readonly tapes = new WeakMap<Plan, Tape>();
  /** The calls that wait, by ticket: `first` is the ticket of the oldest. */
  private waiting: Waiting[] = [];
  private first = 1;
  private profiling: { readonly times: KernelTime[]; readonly began: number } | undefined;
  private closed = false;
  private readonly stream: NativeStream;

  constructor(options: NativeOptions = {}) {
    const { levels } = this.addon;
    const threads = wholeNumber("threads", options.threads ?? process.env["STEPPE_THREADS"] ?? availableParallelism(), 1);
    const wanted = checkOneOf("cpu", "isa", options.isa ?? process.env["STEPPE_ISA"] ?? "avx512", ["baseline", "avx2", "avx512"]);
    const level = levels.includes(wanted) ? levels.indexOf(wanted) : levels.length - 1;
    const limit = wholeNumber("memoryLimit", options.memoryLimit ?? process.env["STEPPE_MEMORY_LIMIT"] ?? Math.floor(0.9 * machineMemory()), 0);
    this.caps = { dtypes, alignment: 1, threads, isa: levels[level], memoryLimit: limit };
    this.stream = new this.addon.Stream(threads, level, limit, (done, reports) => this.settle(done, reports));
  }

  supports(kernel: string, dtype: DType): true | string {
    return this.kernels.has(`${kernel}_${dtype}`) || `the cpu backend has no kernel ${kernel} for ${dtype}`;
  }

  alloc(bytes: number, scratch = false): Slot {
    this.checkOpen();
    const slot = this.stream.alloc(bytes, scratch);
    if (slot >= 0) return slot;
    const { bytesInUse } = this.memory();
    return fail(
      "ERR_OUT_OF_MEMORY",
      "cpu",
      `${bytes} bytes are wanted beside ${bytesInUse} in use, the limit is ${this.caps["memoryLimit"]}: dispose tensors, or raise STEPPE_MEMORY_LIMIT`,
    );
  }
  free(slot: Slot): void {
    if (!this.closed) this.stream.free(slot);
  }

  write(slot: Slot, offset: number, bytes: Uint8Array): void {
    this.checkOpen();
    if (!this.stream.write(slot, offset, bytes))
      fail("ERR_OUT_OF_MEMORY", "cpu", `the system has no memory for a copy of ${bytes.length} bytes: write in smaller pieces`);
  }

  submit(list: CommandList): Promise<void> {
    this.checkOpen();
    const { plan } = list,
      { profiling } = this;
    let tape = this.tapes.get(plan);
    if (!tape) this.tapes.set(plan, (tape = new Tape(plan, (kernel) => this.indexOf(kernel))));
    this.stream.submit(tape.bind(list), profiling !== undefined);
    return this.wait({ plan, ...(profiling && { profile: profiling.times, began: profiling.began }) });
  }

  read(slot: Slot, offset: number, bytes: number): Promise<Uint8Array> {
    this.checkOpen();
    const value = new Uint8Array(bytes);
    this.stream.read(slot, offset, value.buffer);
    return this.wait({ value });
  }

  memory(): MemoryCounters {
    const [bytesInUse, bytesReserved, peakBytes] = this.stream.memory() as unknown as [number, number, number];
    return { bytesInUse, bytesReserved, peakBytes };
  }

  profile(): () => Promise<readonly KernelTime[]> {
    const profiling = { times: [] as KernelTime[], began: this.addon.now() };
    this.profiling = profiling;
    return async () => {
      if (this.profiling === profiling) this.profiling = undefined;
      await this.drained();
      return profiling.times;
    };
  }

  async dispose(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.drained();
    this.stream.close();
  }

  private indexOf(kernel: string): number {
    return this.kernels.get(kernel) ?? fail("ERR_DEVICE", "cpu", `there is no kernel ${kernel} in the addon: run \`npm run build\` again`);
  }
  private checkOpen(): void {
    if (this.closed) fail("ERR_STATE", "cpu", "the device was disposed: open it again");
  }

  private wait(call: Omit<Waiting, "resolve" | "reject">): Promise<any> {
    return new Promise((resolve, reject) => this.waiting.push({ ...call, resolve, reject }));
  }
  /** When all that was submitted is done, well or not. */
  private async drained(): Promise<void> {
    if (this.waiting.length > 0) await new Promise<void>((resolve) => this.onDrained.push(resolve));
  }
  private readonly onDrained: (() => void)[] = [];

  /** All tickets up to `done` are done. */
  private settle(done: number, reports: readonly Report[]): void {
    const settled = this.waiting.splice(0, done - this.first + 1);
    for (const [ticket, failed, outOfMemory, message, times] of reports) {
      const call = settled[ticket - this.first]!,
        steps = call.plan!.steps;
      if (call.profile) record(call.profile, call.plan!, times, call.began!);
      if (failed >= 0)
        call.reject(
          new SteppeError(
            outOfMemory ? "ERR_OUT_OF_MEMORY" : "ERR_DEVICE",
            steps[failed]!.label,
            `${message} (kernel ${steps[failed]!.kernel.name})`,
          ),
        );
    }
    this.first = done + 1;
    for (const call of settled) call.resolve(call.value); // changes nothing where it was rejected
    if (this.waiting.length === 0) for (const resolve of this.onDrained.splice(0)) resolve();
  }
}

function record(profile: KernelTime[], plan: Plan, times: Float64Array, began: number): void {
  for (let i = 0; 2 * i < times.length; i++) {
    const { kernel, label, params } = plan.steps[i]!,
      start = times[2 * i]!;
    profile.push({ label, kernel: kernel.name, start: start - began, ms: times[2 * i + 1]! - start, ...kernel.cost(kernel.unpack(params)) });
  }
}

/** Of the container where it has a limit, else of the machine. */
function machineMemory(): number {
  const limit = (process as { constrainedMemory?: () => number | undefined }).constrainedMemory?.() ?? 0;
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

function wholeNumber(name: string, value: number | string, least: number): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < least)
    fail("ERR_ARGUMENT", "cpu", `${name} must be a whole number from ${least} on, got ${JSON.stringify(value)}`);
  return number;
}
