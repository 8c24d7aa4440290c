import { constantKey } from "./tree.ts";

/** Attributes as text; functions by identity. */
export function attrsKey(attrs: object): string {
  for (const _ in attrs) return JSON.stringify(attrs, plain);
  return "{}";
}

function plain(_: string, v: unknown): unknown {
  if (typeof v === "function") return constantKey(v);
  if (typeof v !== "number" || (Number.isFinite(v) && !Object.is(v, -0))) return v;
  return Object.is(v, -0) ? "-0" : String(v);
}
