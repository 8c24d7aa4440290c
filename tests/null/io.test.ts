import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { compile, load, loadNpz, memory, ones, random, save, setDevice, tensor, zeros } from "../../src/index.ts";
import { readSafeTensors } from "../../src/run/safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "io-"));
let count = 0;
const fresh = (): string => join(folder, `${count++}.safetensors`);
beforeAll(() => setDevice("reference"));

test("trees come back as they were, and as names tell them to others", async () => {
  const path = fresh(),
    tree = { layers: [{ w: ones([2]) }, { w: zeros([0, 3]) }], none: [], "a.b": tensor(7), dtype: tensor([1, 2]).cast("bf16") };
  await save(path, tree, { metadata: { note: "äöü" } });
  const { tree: back, metadata } = await load(path);
  expect(metadata).toEqual({ note: "äöü" });
  expect(Object.keys(back).sort()).toEqual(Object.keys(tree).sort());
  expect([await back.layers[0].w.array(), back.layers[1].w.shape, back.none, await back["a.b"].item(), back.dtype.dtype]).toEqual([
    [1, 1],
    [0, 3],
    [],
    7,
    "bf16",
  ]);
  expect([...(await readSafeTensors(path)).tensors.keys()].sort()).toEqual(["a.b", "dtype", "layers.0.w", "layers.1.w"]);
  const single = fresh();
  await save(single, tensor([[1, 2]]));
  expect(await (await load(single)).tree.array()).toEqual([[1, 2]]);
});

test("what was loaded may be used by a compiled function without being an argument", async () => {
  const path = fresh();
  await save(path, { w: tensor([1, 2, 3]) });
  const { tree } = await load(path);
  const f = compile((x: any) => x.add(tree.w));
  expect(await f(tensor([10, 10, 10])).array()).toEqual([11, 12, 13]);
  await tree.w.data();
  expect(await f(tensor([0, 0, 0])).array()).toEqual([1, 2, 3]);
});

test("bits are kept, also those of NaN in f16 and the signs of zeros", async () => {
  const path = fresh(),
    x = tensor([0, -0, Number.NaN, Number.POSITIVE_INFINITY, 5.96e-8, 65504]);
  await save(path, { h: x.cast("f16"), b: x.cast("bf16"), f: x });
  const { tree } = await load(path),
    again = fresh();
  await save(again, tree);
  const [a, b] = [await readSafeTensors(path), await readSafeTensors(again)];
  for (const [name, { bytes }] of a.tensors) expect(Buffer.from(b.tensors.get(name)!.bytes).equals(Buffer.from(bytes)), name).toBe(true);
});

test("what is saved is what it was at the call, whatever happens to the tensors meanwhile", async () => {
  const path = fresh(),
    step = compile((x) => x.add(1), { donate: [0] });
  const x = random.normal(random.key(0), [64]),
    wanted = await x.array();
  const saving = save(path, { x });
  step(x).dispose();
  const gone = ones([3]),
    both = save(fresh(), { gone });
  gone.dispose();
  await Promise.all([saving, both]);
  expect(await (await load(path)).tree.x.array()).toEqual(wanted);
});

test("saving keeps no tensor", async () => {
  const x = ones([4]),
    before = memory().reference!.tensors,
    bytes = memory().reference!.bytesInUse;
  for (let i = 0; i < 3; i++) await save(join(folder, "same.safetensors"), { x });
  expect(memory().reference!.tensors).toBe(before);
  expect(memory().reference!.bytesInUse - bytes).toBeLessThanOrEqual(64); // x itself
  expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("wrong calls are refused at once", () => {
  const path = fresh();
  expect(() => save(path, { lr: 0.1 })).toThrow(/\[save\] a tree of tensors is needed, got number at "lr"/);
  expect(() => save(path, { x: ones([1]) }, { metadata: { step: 3 as unknown as string } })).toThrow(
    /metadata must hold strings, got number under "step"/,
  );
  expect(() => save("", ones([1]))).toThrow(/a path was expected/);
  const gone = ones([1]);
  gone.dispose();
  expect(() => save(path, gone)).toThrow(expect.objectContaining({ code: "ERR_DISPOSED" }));
  expect(() => compile((x) => save(path, x))(ones([1]))).toThrow(expect.objectContaining({ code: "ERR_TRACED" }));
});

test("a missing file keeps the file system's code", async () => {
  await expect(load(join(folder, "nothing"))).rejects.toMatchObject({ code: "ENOENT" });
  await expect(loadNpz(join(folder, "nothing"))).rejects.toMatchObject({ code: "ENOENT" });
  await expect(save(join(folder, "no/such/folder"), ones([1]))).rejects.toMatchObject({ code: "ENOENT" });
});
