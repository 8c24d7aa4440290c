import { constantKey } from "./tree.ts";

const keys = new WeakMap<object, string>();

/** Attributes as text; functions by identity. */
export function attrsKey(attrs: object): string {
  let key = keys.get(attrs);
  if (key === undefined) {
    key = JSON.stringify(attrs, (_, v) => (typeof v === "function" ? constantKey(v) : typeof v === "number" && (!Number.isFinite(v) || Object.is(v, -0)) ? `${Object.is(v, -0) ? "-0" : v}` : v));
    keys.set(attrs, key);
  }
  return key;
}
