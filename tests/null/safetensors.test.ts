import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bytesPer, dtypes } from "../../src/core/dtype.ts";
import { fill, flatten, nest, tellsTheTree, type Skeleton } from "../../src/run/names.ts";
import { readSafeTensors, writeSafeTensors, type StoredTensor } from "../../src/run/safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "safetensors-"));
let count = 0;
const fresh = () => join(folder, `${count++}.safetensors`);

const tensor = (dtype: StoredTensor["dtype"], shape: number[], seed = 0): StoredTensor => {
  const bytes = new Uint8Array(shape.reduce((a, b) => a * b, bytesPer[dtype]));
  bytes.forEach((_, i) => {
    bytes[i] = dtype === "bool" ? i % 2 : (i * 37 + seed) & 0xff;
  });
  return { dtype, shape, bytes };
};

describe("what is written comes back", () => {
  test("every dtype, an empty tensor, a scalar, metadata", async () => {
    const path = fresh();
    const tensors = new Map(dtypes.map((dtype) => [dtype as string, tensor(dtype, [3, 5])]));
    tensors
      .set("scalar", tensor("f64", []))
      .set("empty", tensor("f32", [0, 7]))
      .set('name ü "quoted"', tensor("u8", [3]));
    await writeSafeTensors(path, { tensors, metadata: { note: "äöü", step: "12" } });
    const back = await readSafeTensors(path);
    expect(back.metadata).toEqual({ note: "äöü", step: "12" });
    expect([...back.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
    for (const [name, { dtype, shape, bytes }] of tensors) {
      const found = back.tensors.get(name)!;
      expect([found.dtype, found.shape], name).toEqual([dtype, shape]);
      expect(Buffer.from(found.bytes).equals(Buffer.from(bytes)), name).toBe(true);
    }
  });
  test("a file with nothing in it", async () => {
    const path = fresh();
    await writeSafeTensors(path, { tensors: new Map(), metadata: {} });
    expect((await readSafeTensors(path)).tensors.size).toBe(0);
  });
  test("tensors lie aligned to their width", async () => {
    const path = fresh();
    await writeSafeTensors(path, {
      tensors: new Map([
        ["a", tensor("u8", [3])],
        ["b", tensor("f64", [2])],
        ["c", tensor("f16", [1])],
        ["d", tensor("f32", [1])],
      ]),
      metadata: {},
    });
    const file = readFileSync(path),
      start = 8 + Number(file.readBigUInt64LE(0));
    expect(start % 8).toBe(0);
    const header = JSON.parse(file.subarray(8, start).toString()) as Record<string, { data_offsets: [number, number] }>;
    expect([header.b!, header.d!, header.c!, header.a!].map((entry) => entry.data_offsets)).toEqual([
      [0, 16],
      [16, 20],
      [20, 22],
      [22, 25],
    ]);
  });
  test("the same tensors give the same bytes, in whatever order they come", async () => {
    const [a, b] = [fresh(), fresh()],
      list: [string, StoredTensor][] = [
        ["x", tensor("f32", [4])],
        ["y", tensor("f32", [2])],
        ["z", tensor("u8", [1])],
      ];
    await writeSafeTensors(a, { tensors: new Map(list), metadata: { k: "v" } });
    await writeSafeTensors(b, { tensors: new Map(list.toReversed()), metadata: { k: "v" } });
    expect(readFileSync(a).equals(readFileSync(b))).toBe(true);
  });
});

describe("trees as names", () => {
  const isLeaf = (x: unknown): x is { leaf: number } => typeof x === "object" && x !== null && "leaf" in x;
  const roundTrip = (tree: unknown) => {
    const named = flatten("save", tree, isLeaf);
    const known = tellsTheTree(named);
    return { known, back: known ? nest(named.leaves) : fill(JSON.parse(JSON.stringify(named.skeleton)) as Skeleton, named.leaves)!.tree };
  };
  const leaf = (n: number) => ({ leaf: n });
  test.each<[string, unknown, boolean]>([
    ["objects and arrays", { layers: [{ w: leaf(0) }, { w: leaf(1), b: leaf(2) }], head: leaf(3) }, true],
    ["twelve layers stay in order", { layers: Array.from({ length: 12 }, (_, i) => leaf(i)) }, true],
    ["a single tensor", leaf(1), false],
    ["an object with keys 0 and 1", { "0": leaf(0), "1": leaf(1) }, false],
    ["an object with key 1 only", { "1": leaf(1) }, true],
    ["keys with dots", { "a.b": leaf(0), c: leaf(1) }, false],
    ["empty arrays and objects", { a: [], b: {}, c: leaf(1) }, false],
    ["nothing", {}, true],
    ["null among tensors", { a: null, b: [leaf(0), null] }, false],
    ["__proto__ as a key", JSON.parse('{"__proto__": {"leaf": 1}}'), true],
  ])("%s", (_, tree, known) => {
    expect(roundTrip(tree)).toEqual({ known, back: tree });
  });
  test("__proto__ in a name changes no prototype", () => {
    const back = nest(new Map([["__proto__.polluted", 1]])) as object;
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
  test("names that contradict each other stay flat", () => {
    expect(
      nest(
        new Map([
          ["w", 1],
          ["w.scale", 2],
        ]),
      ),
    ).toEqual({ w: 1, "w.scale": 2 });
    expect(
      nest(
        new Map([
          ["w.scale", 2],
          ["w", 1],
        ]),
      ),
    ).toEqual({ w: 1, "w.scale": 2 });
  });
  test("a skeleton that does not fit the names is not used", () => {
    expect(fill({ a: "a" }, new Map([["b", 1]]))).toBeUndefined();
    expect(
      fill(
        { a: "a" },
        new Map([
          ["a", 1],
          ["b", 2],
        ]),
      ),
    ).toBeUndefined();
  });
  test("what is no tensor is refused, with its place", () => {
    expect(() => flatten("save", { layers: [{ lr: 0.1 }] }, isLeaf)).toThrow(/\[save\] .*number at "layers.0.lr"/);
    expect(() => flatten("save", { "a.b": leaf(0), a: { b: leaf(1) } }, isLeaf)).toThrow(/"a.b" comes twice/);
  });
});

const head = (header: string | object, data: Uint8Array, claimed?: bigint) => {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header)),
    length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(text.length));
  return Buffer.concat([length, text, data]);
};
const f32 = (shape: unknown, from: unknown, to: unknown, dtype: unknown = "F32") => ({ dtype, shape, data_offsets: [from, to] });
const eight = Buffer.alloc(8);

test("I64, which other programs write, is read as i32", async () => {
  const path = fresh(),
    data = Buffer.from(BigInt64Array.of(7n, -3n, 2n ** 31n - 1n).buffer);
  writeFileSync(path, head({ a: f32([3], 0, 24, "I64") }, data));
  const { dtype, shape, bytes } = (await readSafeTensors(path)).tensors.get("a")!;
  expect([dtype, shape, Array.from(new Int32Array(bytes.buffer, bytes.byteOffset, 3))]).toEqual(["i32", [3], [7, -3, 2 ** 31 - 1]]);
});

describe("damaged and foreign files name the file and the place", () => {
  test.each<[string, Buffer, RegExp]>([
    ["empty", Buffer.alloc(0), /the file ends at byte 0/],
    ["five bytes", Buffer.alloc(5), /it has 5 bytes/],
    ["a header longer than the file", head({ a: f32([2], 0, 8) }, eight, 1_000_000n), /claim a header of 1000000 bytes/],
    ["a header of 2^63 bytes", head({ a: f32([2], 0, 8) }, eight, 2n ** 63n), /claim a header of 9223372036854775808 bytes/],
    ["bad JSON", head('{"a": {', eight), /is no JSON/],
    ["bad UTF-8", head(Buffer.from([0x7b, 0xff, 0x7d]).toString("latin1"), eight), /is no JSON/],
    ["a list", head("[1]", eight), /must be a JSON object/],
    ["null", head("null", eight), /must be a JSON object/],
    ["an entry that is a number", head({ a: 5 }, eight), /tensor "a" must be described/],
    ["no offsets", head({ a: { dtype: "F32", shape: [2] } }, eight), /tensor "a" has data_offsets undefined/],
    ["no shape", head({ a: { dtype: "F32", data_offsets: [0, 8] } }, eight), /tensor "a" has shape undefined/],
    [
      "an I64 beyond i32",
      head({ a: f32([1], 0, 8, "I64") }, Buffer.from(BigInt64Array.of(2n ** 31n).buffer)),
      /its element 0 is 2147483648, which i32/,
    ],
    ["an unknown dtype", head({ a: f32([2], 0, 8, "Q7") }, eight), /dtype "Q7"/],
    ["a dtype named toString", head({ a: f32([2], 0, 8, "toString") }, eight), /dtype "toString"/],
    ["a negative size", head({ a: f32([-2], 0, 8) }, eight), /tensor "a" has shape \[-2\]/],
    ["half a size", head({ a: f32([1.5], 0, 6) }, eight), /tensor "a" has shape \[1.5\]/],
    ["sizes whose product overflows", head({ a: f32([2 ** 40, 2 ** 40], 0, 8) }, eight), /bytes are needed|so .* bytes/],
    ["a negative offset", head({ a: f32([2], -8, 0) }, eight), /data_offsets \[-8,0\]/],
    ["an end before the start", head({ a: f32([2], 8, 0) }, eight), /data_offsets \[8,0\]/],
    ["three offsets", head({ a: { dtype: "F32", shape: [2], data_offsets: [0, 8, 8] } }, eight), /data_offsets \[0,8,8\]/],
    ["too few bytes for the shape", head({ a: f32([3], 0, 8) }, eight), /so 12 bytes, and data_offsets give it 8/],
    ["an overlap", head({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, Buffer.alloc(12)), /tensor "b" begins at byte 4 .* overlap/],
    ["a hole", head({ a: f32([2], 0, 8), b: f32([2], 12, 20) }, Buffer.alloc(20)), /tensor "b" begins at byte 12 .* hole/],
    ["cut off", head({ a: f32([2], 0, 8) }, Buffer.alloc(5)), /take 8 bytes, and 5 follow/],
    ["bytes at the end", head({ a: f32([2], 0, 8) }, Buffer.alloc(9)), /take 8 bytes, and 9 follow/],
    ["metadata that is no text", head({ __metadata__: { step: 3 }, a: f32([2], 0, 8) }, eight), /__metadata__ holds number under "step"/],
    ["BOOL with a 2", head({ a: f32([2], 0, 2, "BOOL") }, Buffer.from([1, 2])), /tensor "a" is BOOL and byte \d+ is 2/],
    ["a pickle", Buffer.from("80027d71002858030000006161617101", "hex"), /claim a header of/],
  ])("%s", async (_, bytes, message) => {
    const path = fresh();
    writeFileSync(path, bytes);
    const error = await readSafeTensors(path).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "ERR_FORMAT", message: expect.stringMatching(message) });
    expect((error as Error).message.startsWith(`[load] ${path} `)).toBe(true);
  });
  test("every cut of a good file is refused", async () => {
    const path = fresh(),
      cut = fresh();
    await writeSafeTensors(path, {
      tensors: new Map([
        ["a", tensor("f32", [5])],
        ["b", tensor("u8", [3])],
      ]),
      metadata: { k: "v" },
    });
    const whole = readFileSync(path);
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(cut, whole.subarray(0, length));
      await expect(readSafeTensors(cut), `${length} bytes`).rejects.toMatchObject({ code: "ERR_FORMAT" });
    }
  });
});

describe("the file system's own errors keep their codes", () => {
  test("a missing file, a folder", async () => {
    await expect(readSafeTensors(join(folder, "nothing"))).rejects.toMatchObject({ code: "ENOENT" });
    await expect(readSafeTensors(folder)).rejects.toMatchObject({ code: "EISDIR" });
    await expect(writeSafeTensors(join(folder, "no", "x.safetensors"), { tensors: new Map(), metadata: {} })).rejects.toMatchObject({
      code: "ENOENT",
    });
  });
  test("when the last step fails, the place is as it was and no temporary file stays", async () => {
    const place = join(folder, "blocked"),
      path = join(place, "a.safetensors");
    mkdirSync(join(path, "inside"), { recursive: true }); // a folder stands where the file should go
    await expect(writeSafeTensors(path, { tensors: new Map([["a", tensor("u8", [4])]]), metadata: {} })).rejects.toMatchObject({
      code: expect.stringMatching(/EISDIR|ENOTEMPTY|EPERM|EEXIST/),
    });
    expect(readdirSync(place)).toEqual(["a.safetensors"]);
    expect(readdirSync(path)).toEqual(["inside"]);
  });
});
