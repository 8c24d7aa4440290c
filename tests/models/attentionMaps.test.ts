import { expect, it } from "vitest";
import { attentionMaps } from "../../src/analysis/index.ts";
import * as models from "../../src/models/index.ts";
import { expectClose, expectCode, f64, leavesOf, st } from "./helpers.ts";

const sizes = { image: 12, patch: 4, classes: 3, hidden: 6, layers: 2, dtype: "f64" } as const;
const vit = models.vit({ ...sizes, heads: 2 }),
  [images, patches, heads] = [3, 9, 2];
const x = f64(1, images, 12, 12, 3);
const variables = vit.init(st.random.key(4)) as any;

it("is the class token's row of the last block, averaged over heads, without its own column", async () => {
  const path = "blocks.1.attention.weights",
    weights = await vit.apply(variables, x, { observe: (name) => name === path }).seen[path]!.data();
  const tokens = patches + 1,
    plain = Array.from({ length: images }, (_, n) =>
      Array.from({ length: patches }, (_, p) => {
        let sum = 0;
        for (let h = 0; h < heads; h++) sum += Number(weights[((n * heads + h) * tokens + 0) * tokens + p + 1]);
        return sum / heads;
      }),
    );
  const maps = await attentionMaps(vit, variables, x);
  expect(maps.map(({ length }) => length)).toEqual([patches, patches, patches]);
  maps.forEach((map, n) => expectClose(map, plain[n]!, 2 ** -23, `image ${n}`)); // one rounding to f32
  expect(new Set(maps.flatMap((map) => Array.from(map))).size).toBeGreaterThan(patches); // it does look at something
});

it("a network that cannot tell tokens apart looks at all of them alike", async () => {
  const { blocks, ...rest } = variables.params;
  const blind = blocks.map((block: any) => ({ ...block, attention: Object.fromEntries(zeroed(block.attention)) }));
  for (const map of await attentionMaps(vit, { ...variables, params: { ...rest, blocks: blind } }, x))
    expectClose(map, new Array(patches).fill(1 / (patches + 1)), 2 ** -23);
});
const zeroed = (tree: object): [string, unknown][] =>
  Object.entries(tree).map(([name, leaf]) => [name, "shape" in leaf ? st.zerosLike(leaf) : Object.fromEntries(zeroed(leaf))]);

it("leaves no tensor behind, and names a network that has no attention", async () => {
  await st.evaluate(variables, x);
  const before = st.memory().cpu!.bytesInUse;
  await attentionMaps(vit, variables, x);
  expect(st.memory().cpu!.bytesInUse).toBe(before);
  const mixer = models.mixer(sizes),
    weights = mixer.init(st.random.key(0));
  const { message } = await expectCode("ERR_ARGUMENT", () => attentionMaps(mixer, weights, x));
  expect(message).toContain("mixer-d6-l2/4");
  for (const leaf of leavesOf(weights)) leaf.dispose();
});
