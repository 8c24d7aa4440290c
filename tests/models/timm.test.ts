import { expect, it } from "vitest";
import * as models from "../../src/models/index.ts";
import { golden } from "../parity/goldens.ts";
import { expectCode, flatNumbers, leavesOf, st } from "./helpers.ts";

const sizes = { image: 16, patch: 8, hidden: 12, layers: 2, classes: 5 } as const;
const net = models.vit({ ...sizes, heads: 2 });
const resnet = models.resnet({ image: 32, classes: 5, blocks: [1, 2, 1, 1], width: 3 });
const load = async (name: string) => (await st.load(golden(`timm-${name}.safetensors`))).tree.tensors;
const message = async (code: string, call: () => unknown) => (await expectCode(code, call)).message;

/** A tree as a flat record by dotted keys. */
const flat = (tree: any, path = ""): Record<string, st.Tensor> =>
  tree instanceof st.Tensor
    ? { [path]: tree }
    : Object.assign({}, ...Object.entries(tree).map(([key, item]) => flat(item, path ? `${path}.${key}` : key)));

it("gives the tree that init() gives, from nested and from flat keys", async () => {
  const tensors = await load("vit"),
    made = models.fromTimm(net, tensors),
    like = net.init(st.random.key(0));
  const describe = (tree: any) => Object.entries(flat(tree)).map(([path, { shape, dtype }]) => `${path} ${dtype} [${shape}]`);
  expect(describe(made.params).sort()).toEqual(describe(like.params).sort());
  expect(leavesOf(made.state)).toEqual([]);
  expect(await flatNumbers(models.fromTimm(net, flat(tensors)).params)).toEqual(await flatNumbers(made.params));
  const half = models.fromTimm(models.vit({ ...sizes, heads: 2, dtype: "f64" }), tensors);
  expect(leavesOf(half.params).every(({ dtype }) => dtype === "f64")).toBe(true);
});

it("puts each number in its place", async () => {
  const tensors = await load("vit"),
    { params } = models.fromTimm(net, tensors) as any;
  const at = async (x: any, ...index: number[]) => x.at(...index).item();
  expect(await at(params.blocks[1].attention.qkv.kernel, 3, 20)).toBe(await at(tensors.blocks[1].attn.qkv.weight, 20, 3));
  expect(await at(params.embed.kernel, 1, 2, 0, 7)).toBe(await at(tensors.patch_embed.proj.weight, 7, 0, 1, 2));
  const { state } = models.fromTimm(resnet, await load("resnet")) as any,
    theirs = await load("resnet");
  expect(await state.stage2[0].shortcutNorm.variance.data()).toEqual(await theirs.layer2[0].downsample[1].running_var.data());
});

it("outlives the file's tensors, and leaves nothing else behind", async () => {
  const device = st.zeros([]).device,
    inUse = () => st.memory()[device]!.bytesInUse,
    tensors = await load("resnet"),
    before = inUse();
  const { params, state } = models.fromTimm(resnet, tensors);
  await st.evaluate(params, state);
  for (const tensor of leavesOf<st.Tensor>(tensors)) tensor.dispose();
  expect((await flatNumbers([params, state])).every(Number.isFinite)).toBe(true);
  for (const tensor of leavesOf<st.Tensor>([params, state])) tensor.dispose();
  expect(inUse()).toBeLessThanOrEqual(before);
});

it("ignores the counters of batches", async () => {
  const tensors = flat(await load("resnet"));
  const counted = { ...tensors, "bn1.num_batches_tracked": st.tensor(7), "layer1.0.bn1.num_batches_tracked": st.tensor(7) };
  expect(leavesOf(models.fromTimm(resnet, counted).params).length).toBeGreaterThan(0);
});

it("names the first three keys that are missing, left over, or of another shape", async () => {
  const tensors = flat(await load("vit"));
  const { cls_token, "norm.bias": _, ...others } = tensors;
  expect(await message("ERR_ARGUMENT", () => models.fromTimm(net, { ...others, token: cls_token! }))).toMatch(
    /missing: cls_token, norm\.bias; left over: token/,
  );
  const without = Object.fromEntries(Object.entries(tensors).filter(([name]) => !name.startsWith("blocks.0.mlp")));
  expect(await message("ERR_ARGUMENT", () => models.fromTimm(net, without))).toMatch(
    /missing: blocks\.0\.mlp\.fc1\.bias, blocks\.0\.mlp\.fc1\.weight, blocks\.0\.mlp\.fc2\.bias and 1 more \(/,
  );
  expect(await message("ERR_SHAPE", () => models.fromTimm(models.vit({ ...sizes, heads: 2, classes: 7 }), tensors))).toMatch(
    /of another shape: head\.bias \(\[7\] was expected, got \[5\]\), head\.weight \(\[7, 12\] was expected, got \[5, 12\]\) \(/,
  );
  expect(await message("ERR_ARGUMENT", () => models.fromTimm(resnet, tensors))).toMatch(/missing: conv1\.weight, .* and \d+ more; left over: /);
  await expectCode("ERR_ARGUMENT", () => models.fromTimm(models.create("resnet-50", { norm: "group" }), tensors));
});
