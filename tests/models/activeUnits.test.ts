import { describe, expect, it } from "vitest";
import { activeUnits } from "../../src/analysis/index.ts";
import * as models from "../../src/models/index.ts";
import { expectCode, f64, leavesOf, st } from "./helpers.ts";

const key = st.random.key(4),
  sizes = { image: 8, patch: 4, classes: 3, hidden: 6, layers: 2, dtype: "f64" } as const;
const vit = models.vit({ ...sizes, heads: 2 });
const batches = [f64(1, 3, 8, 8, 3), f64(2, 1, 8, 8, 3)];

const cases: [net: models.Model<any>, paths: string[]][] = [
  [vit, ["blocks.0.mlp.hidden", "blocks.1.mlp.hidden"]],
  [models.mixer(sizes), ["blocks.0.tokens.hidden", "blocks.0.channels.hidden", "blocks.1.tokens.hidden", "blocks.1.channels.hidden"]],
  [
    models.resnet({ image: 8, classes: 3, blocks: [1, 1], block: "basic", width: 4, stem: "cifar", dtype: "f64" }),
    ["stage1.0.relu1", "stage1.0.relu2", "stage2.0.relu1", "stage2.0.relu2"],
  ],
];

describe("the share of active units", () => {
  for (const [net, paths] of cases) {
    it(`${net.name}: the count over all images, whatever their batches`, async () => {
      const variables = net.init(key),
        found = await activeUnits(net, variables, batches);
      expect(found.map(({ path }) => path)).toEqual(paths);
      const { seen } = net.apply(variables, st.concat(batches, { axis: 0 }), { observe: () => true });
      for (const { path, share } of found) {
        const numbers = Array.from(await seen[path]!.data(), Number);
        expect(share, path).toBe(numbers.filter((x) => x > 0).length / numbers.length);
      }
      expect(found.some(({ share }) => share > 0 && share < 1)).toBe(true);
    });
  }

  it("is 0 and 1 where the biases decide", async () => {
    const { params, state } = vit.init(key) as any;
    const biased = params.blocks.map((block: any, i: number) => {
      const { fc1 } = block.mlp;
      return { ...block, mlp: { ...block.mlp, fc1: { ...fc1, bias: st.fullLike(fc1.bias, i === 0 ? -1e3 : 1e3) } } };
    });
    const found = await activeUnits(vit, { params: { ...params, blocks: biased }, state }, batches);
    expect(found.map(({ share }) => share)).toEqual([0, 1]);
  });

  it("leaves no tensor behind, and says what it cannot measure", async () => {
    const variables = vit.init(key);
    await st.evaluate(variables, batches);
    const before = st.memory().cpu!.bytesInUse;
    await activeUnits(vit, variables, batches);
    expect(st.memory().cpu!.bytesInUse).toBe(before);
    expect((await expectCode("ERR_ARGUMENT", () => activeUnits(vit, variables, []))).message).toContain("got none");
    for (const leaf of leavesOf(variables)) leaf.dispose();
  });
});
