import { describe, expect, it } from "vitest";
import * as models from "../../src/models/index.ts";
import * as nn from "../../src/nn/index.ts";
import { expectClose, expectCode, f64, leavesOf, st } from "./helpers.ts";

/** Images [n, side, side, channels] in plain numbers. */
interface Images {
  readonly x: Float64Array;
  readonly n: number;
  readonly side: number;
  readonly channels: number;
}
const numbersOf = async (x: any): Promise<Float64Array> => (await x.data()) as Float64Array;
const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
const deviation = (list: readonly number[]): number => Math.sqrt(mean(list.map((v) => (v - mean(list)) ** 2)));

/** 3x3, by 1, padded by 1; each filter w becomes (w - mean) / (std + 1e-5) first. */
async function conv({ x, n, side, channels }: Images, kernel: any): Promise<Images> {
  const [, , , filters] = kernel.shape as number[],
    w = await numbersOf(kernel),
    out = new Float64Array(n * side * side * filters!);
  for (let f = 0; f < filters!; f++) {
    const filter = Array.from({ length: 9 * channels }, (_, i) => w[i * filters! + f]!),
      center = mean(filter),
      spread = deviation(filter) + 1e-5;
    for (let at = 0; at < n * side * side; at++) {
      const image = Math.floor(at / side ** 2),
        row = Math.floor(at / side) % side,
        column = at % side;
      for (let tap = 0; tap < 9; tap++) {
        const r = row + Math.floor(tap / 3) - 1,
          c = column + (tap % 3) - 1;
        if (r < 0 || c < 0 || r >= side || c >= side) continue;
        for (let i = 0; i < channels; i++)
          out[at * filters! + f]! += (x[((image * side + r) * side + c) * channels + i]! * (filter[tap * channels + i]! - center)) / spread;
      }
    }
  }
  return { x: out, n, side, channels: filters! };
}

async function norm({ x, n, side, channels }: Images, params: any, groups: number): Promise<Images> {
  const scale = await numbersOf(params.scale),
    bias = await numbersOf(params.bias),
    out = new Float64Array(x.length),
    size = channels / groups;
  for (let image = 0; image < n; image++) {
    for (let group = 0; group < groups; group++) {
      const places = Array.from(
        { length: side * side * size },
        (_, i) => (image * side * side + Math.floor(i / size)) * channels + group * size + (i % size),
      );
      const values = places.map((at) => x[at]!),
        center = mean(values),
        spread = Math.sqrt(deviation(values) ** 2 + 1e-6);
      for (const at of places) out[at] = ((x[at]! - center) / spread) * scale[at % channels]! + bias[at % channels]!;
    }
  }
  return { x: out, n, side, channels };
}
const relu = (images: Images): Images => ({ ...images, x: images.x.map((v) => Math.max(0, v)) });
const add = (a: Images, b: Images): Images => ({ ...a, x: a.x.map((v, i) => v + b.x[i]!) });

describe("a ResNet with group norms", () => {
  for (const [width, groups] of [
    [4, 4],
    [64, 32],
  ] as const) {
    it(`is the plain formula at width ${width}, in ${groups} groups`, async () => {
      const net = models.resnet({ image: 4, classes: 2, blocks: [1], block: "basic", width, stem: "cifar", norm: "group", dtype: "f64" });
      const { params, state } = net.init(st.random.key(1)) as any;
      expect(leavesOf(state)).toEqual([]);
      const [block] = params.stage1;
      for (const [i, one] of [params.norm, block.norm1, block.norm2].entries()) {
        one.scale = f64(i, width).add(1.5);
        one.bias = f64(10 + i, width);
      }
      const images = f64(1, 2, 4, 4, 3),
        { out, seen } = net.apply({ params, state }, images, { train: true, observe: (path) => path === "stage1.0.relu2" });
      const started = relu(
        await norm(await conv({ x: await numbersOf(images), n: 2, side: 4, channels: 3 }, params.conv.kernel), params.norm, groups),
      );
      const middle = relu(await norm(await conv(started, block.conv1.kernel), block.norm1, groups));
      const wanted = relu(add(started, await norm(await conv(middle, block.conv2.kernel), block.norm2, groups)));
      expectClose(await seen["stage1.0.relu2"]!.data(), wanted.x, 1e-12);
      expect([...out.shape]).toEqual([2, 2]);
    });
  }

  it("has as many parameters as one with batch norms, and no state", () => {
    for (const name of ["resnet-50", "resnet-101x2", "resnet-20"]) {
      const net = models.create(name, { norm: "group" });
      expect(net.paramCount).toBe(models.create(name).paramCount);
      expect(leavesOf(net.shapes().state)).toEqual([]);
    }
  });

  it("options that do not fit", async () => {
    await expectCode("ERR_ARGUMENT", () => models.create("resnet-20", { norm: "layer" as any }));
    await expectCode("ERR_SHAPE", () => models.create("resnet-20", { norm: "group", width: 48 }));
    await expectCode("ERR_SHAPE", () => nn.groupNorm(6, { groups: 4 }));
  });
});
