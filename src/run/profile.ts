import type { KernelTime } from "../backends/backend.ts";

/** All runs of one kernel with one label. */
export interface KernelProfile {
  /** The kernel, and what it was used for: `matmul <matmul+add>`. */
  readonly name: string;
  /** How often it ran. */
  readonly calls: number;
  /** Milliseconds in all. */
  readonly ms: number;
  /** 10^9 floating-point operations a second, as the kernel counts them. */
  readonly gflops: number;
  /** 10^9 bytes a second that it read and wrote, as the kernel counts them. */
  readonly gbs: number;
  /** Its part of the time of all kernels together, 0 to 1. */
  readonly share: number;
  /** Its speed against the fastest kernel of this profile, by arithmetic or by memory, whichever is nearer. */
  readonly shareOfPeak: number;
}
/** Where the time went. */
export interface Profile {
  /** The slowest in all first. */
  readonly kernels: readonly KernelProfile[];
  /** For chrome://tracing and ui.perfetto.dev. */
  readonly trace: { readonly traceEvents: readonly object[] };
}

/** Sums times by kernel and label. */
export function profileOf(times: readonly KernelTime[]): Profile {
  const groups = new Map<string, { calls: number; ms: number; flops: number; bytes: number }>();
  for (const { kernel, label, ms, flops, bytes } of times) {
    const name = label === kernel ? kernel : `${kernel} <${label}>`;
    const g = groups.get(name) ?? { calls: 0, ms: 0, flops: 0, bytes: 0 };
    groups.set(name, { calls: g.calls + 1, ms: g.ms + ms, flops: g.flops + flops, bytes: g.bytes + bytes });
  }
  const rate = (amount: number, ms: number): number => (ms > 0 ? amount / ms / 1e6 : 0);
  const total = times.reduce((sum, t) => sum + t.ms, 0);
  const rows = [...groups].map(([name, { calls, ms, flops, bytes }]) => ({
    name,
    calls,
    ms,
    gflops: rate(flops, ms),
    gbs: rate(bytes, ms),
    share: total > 0 ? ms / total : 0,
  }));
  const peak = { gflops: Math.max(...rows.map((r) => r.gflops), 0), gbs: Math.max(...rows.map((r) => r.gbs), 0) };
  const kernels = rows
    .map((row) => ({ ...row, shareOfPeak: Math.max(peak.gflops > 0 ? row.gflops / peak.gflops : 0, peak.gbs > 0 ? row.gbs / peak.gbs : 0) }))
    .sort((a, b) => b.ms - a.ms);
  const traceEvents = times.map((t) => ({
    name: t.label,
    cat: t.kernel,
    ph: "X",
    pid: 1,
    tid: 1,
    ts: t.start * 1000,
    dur: t.ms * 1000,
    args: { flops: t.flops, bytes: t.bytes },
  }));
  return { kernels, trace: { traceEvents } };
}
