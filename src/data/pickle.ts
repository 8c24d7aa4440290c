import { fail } from "../core/errors.ts";

/** What a NumPy array looks like in a pickle. */
export interface PickledArray {
  shape: number[];
  dtype: string;
  fortranOrder: boolean;
  bytes: Uint8Array;
}

type Callable = "numpy.array" | "numpy.ndarray" | "numpy.dtype" | "bytes.encode";
interface PickledDType {
  dtype: string;
}

const callables: Record<string, Callable> = {
  "numpy.core.multiarray _reconstruct": "numpy.array",
  "numpy._core.multiarray _reconstruct": "numpy.array",
  "numpy ndarray": "numpy.ndarray",
  "numpy dtype": "numpy.dtype",
  "_codecs encode": "bytes.encode",
};

const mark = Symbol("mark");

/**
 * Reads the part of Python's pickle language that holds plain data and NumPy arrays: dicts become Maps, byte strings Uint8Arrays (text in
 * protocol 2 is bytes too). Nothing is called, nothing imported: any other global is refused.
 */
export function unpickle(op: string, path: string, bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: unknown[] = [];
  const memo = new Map<number, unknown>();
  let at = 0;

  const bad = (problem: string, place = at): never => fail("ERR_FORMAT", op, `${path}: at byte ${place}: ${problem}`);
  const need = (count: number): number => {
    if (at + count > bytes.length) bad(`the pickle ends ${at + count - bytes.length} bytes too early`);
    at += count;
    return at - count;
  };
  const u8 = (): number => bytes[need(1)]!;
  const u16 = (): number => view.getUint16(need(2), true);
  const u32 = (): number => view.getUint32(need(4), true);
  const u64 = (): number => Number(view.getBigUint64(need(8), true));
  const raw = (length: number): Uint8Array => {
    const start = need(length);
    return bytes.subarray(start, start + length);
  };
  const text = (length: number): string => new TextDecoder().decode(raw(length));
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    if (end < 0) bad("a line has no end");
    const found = text(end - at);
    at++;
    return found;
  };
  const pop = (): unknown => (stack.length ? stack.pop() : bad("the stack is empty"));
  const top = (): unknown => (stack.length ? stack.at(-1) : bad("the stack is empty"));
  const popToMark = (): unknown[] => {
    const start = stack.lastIndexOf(mark);
    if (start < 0) bad("there is no mark");
    const items = stack.splice(start + 1);
    stack.pop();
    return items;
  };
  const remembered = (index: number): unknown => (memo.has(index) ? memo.get(index) : bad(`nothing is remembered as ${index}`));
  const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : bad("expected a list"));
  const setItems = (items: unknown[]): void => {
    const target = top();
    if (!(target instanceof Map)) return bad("expected a dict");
    for (let i = 0; i < items.length; i += 2) target.set(asText(items[i]), items[i + 1]);
  };
  const global = (module: string, name: string): Callable =>
    callables[`${module} ${name}`] ?? bad(`expected plain data and NumPy arrays, and it asks for ${module}.${name}`);
  const call = (callable: unknown, args: unknown[]): unknown => {
    if (callable === "numpy.array") return { shape: [], dtype: "", fortranOrder: false, bytes: new Uint8Array() } satisfies PickledArray;
    if (callable === "numpy.dtype") return { dtype: asText(args[0]) } satisfies PickledDType;
    if (callable === "bytes.encode") return Uint8Array.from(String(args[0]), (char) => char.charCodeAt(0));
    return bad("expected a NumPy array to be made");
  };
  const build = (target: unknown, state: unknown): void => {
    if (!isArray(target)) return; // a dtype: its state adds byte order and fields, and u1 has neither
    const [, shape, dtype, fortranOrder, data] = list(state);
    if (!(data instanceof Uint8Array)) return bad("expected the bytes of a NumPy array");
    Object.assign(target, { shape: list(shape), dtype: (dtype as PickledDType).dtype, fortranOrder, bytes: data });
  };

  const opcodes: Record<string, () => void> = {
    "\x80": () => void u8(),
    "\x95": () => void u64(),
    "(": () => stack.push(mark),
    "0": () => void pop(),
    N: () => stack.push(null),
    "\x88": () => stack.push(true),
    "\x89": () => stack.push(false),
    K: () => stack.push(u8()),
    M: () => stack.push(u16()),
    J: () => stack.push(view.getInt32(need(4), true)),
    U: () => stack.push(raw(u8())),
    T: () => stack.push(raw(u32())),
    C: () => stack.push(raw(u8())),
    B: () => stack.push(raw(u32())),
    "\x8e": () => stack.push(raw(u64())),
    "\x8c": () => stack.push(text(u8())),
    X: () => stack.push(text(u32())),
    "}": () => stack.push(new Map()),
    "]": () => stack.push([]),
    ")": () => stack.push([]),
    "\x85": () => stack.push([pop()]),
    "\x86": () => stack.push([pop(), pop()].reverse()),
    "\x87": () => stack.push([pop(), pop(), pop()].reverse()),
    t: () => stack.push(popToMark()),
    l: () => stack.push(popToMark()),
    a: () => {
      const item = pop();
      list(top()).push(item);
    },
    e: () => {
      const items = popToMark();
      const target = list(top());
      for (const item of items) target.push(item);
    },
    s: () => setItems([pop(), pop()].reverse()),
    u: () => setItems(popToMark()),
    q: () => void memo.set(u8(), top()),
    r: () => void memo.set(u32(), top()),
    "\x94": () => void memo.set(memo.size, top()),
    h: () => stack.push(remembered(u8())),
    j: () => stack.push(remembered(u32())),
    c: () => stack.push(global(line(), line())),
    "\x93": () => {
      const name = asText(pop());
      stack.push(global(asText(pop()), name));
    },
    R: () => {
      const args = list(pop());
      stack.push(call(pop(), args));
    },
    b: () => {
      const state = pop();
      build(top(), state);
    },
  };

  for (;;) {
    const place = at;
    const opcode = String.fromCharCode(u8());
    if (opcode === ".") return pop();
    const run = opcodes[opcode] ?? bad(`opcode 0x${opcode.charCodeAt(0).toString(16).padStart(2, "0")} does not belong to plain data`, place);
    run();
  }
}

export const isArray = (value: unknown): value is PickledArray => typeof value === "object" && value !== null && "fortranOrder" in value;

/** Text of protocol 2 comes as bytes. */
export const asText = (value: unknown): string => (value instanceof Uint8Array ? new TextDecoder("latin1").decode(value) : String(value));
