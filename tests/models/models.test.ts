import { describe, expect, it } from "vitest";
import * as models from "../../src/models/index.ts";
import { expectClose, expectCode, f64, flatNumbers, leavesOf, st } from "./helpers.ts";

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const imageNet = { image: 224, classes: 1000 },
  cifar = { image: 32, classes: 10 };

describe("sizes", () => {
  // The 18 networks of Chen, Hsieh, Gong 2022 (tables 2 and 7), counted by hand; ViTs of the paper have the tanh layer (second group).
  const rows: [name: string, options: models.CreateOptions, params: number, macs?: number][] = [
    ["resnet-50", imageNet, 25_557_032, 4_089_184_256],
    ["resnet-101", imageNet, 44_549_160, 7_801_405_440],
    ["resnet-152", imageNet, 60_192_808, 11_513_626_624],
    ["resnet-50x2", imageNet, 98_004_072, 16_116_613_120],
    ["resnet-101x2", imageNet, 173_868_136, 30_965_497_856],
    ["resnet-152x2", imageNet, 236_350_568, 45_814_382_592],
    ["vit-s/32", imageNet, 22_878_952, 1_142_909_952],
    ["vit-s/16", imageNet, 22_050_664, 4_598_882_304],
    ["vit-s/14", imageNet, 22_004_584, 6_123_945_984],
    ["vit-s/8", imageNet, 22_055_272, 22_405_742_592],
    ["vit-b/32", imageNet, 88_224_232, 4_409_186_304],
    ["vit-b/16", imageNet, 86_567_656, 17_563_828_224],
    ["mixer-s/32", imageNet, 19_104_624, 1_002_426_368],
    ["mixer-s/16", imageNet, 18_528_264, 3_776_958_464],
    ["mixer-s/8", imageNet, 20_646_504, 14_875_086_848],
    ["mixer-b/32", imageNet, 60_293_428, 3_237_722_112],
    ["mixer-b/16", imageNet, 59_880_472, 12_601_767_936],
    ["mixer-b/8", imageNet, 64_864_168, 50_057_951_232],
    ["vit-s/32", { ...imageNet, representation: 384 }, 23_026_792, 1_143_057_408],
    ["vit-s/16", { ...imageNet, representation: 384 }, 22_198_504, 4_599_029_760],
    ["vit-s/14", { ...imageNet, representation: 384 }, 22_152_424, 6_124_093_440],
    ["vit-s/8", { ...imageNet, representation: 384 }, 22_203_112, 22_405_890_048],
    ["vit-b/32", { ...imageNet, representation: 768 }, 88_814_824, 4_409_776_128],
    ["vit-b/16", { ...imageNet, representation: 768 }, 87_158_248, 17_564_418_048],
    // models_test.py of google-research/vision_transformer
    ["vit-ti/16", imageNet, 5_717_416],
    ["vit-b/8", imageNet, 86_576_872],
    ["vit-l/16", imageNet, 304_326_632],
    ["vit-l/32", imageNet, 306_535_400],
    // depth 6 n + 2. Parameters: stem 27 * 16 + 32; stages of width w = 16, 32, 64: n blocks of 18 w^2 + 4 w; stages 2 and 3: 9 w^2 / 2 less
    // in the first block, w^2 / 2 + 2 w more for its shortcut; head 650. So 97,216 n - 19,174: 0.27, 0.46, 0.66, 0.85 million (He et al. 2016,
    // table 6, without the 2,752 of the shortcuts). Multiply-adds: stem 442,368; 4,718,592 a block, 1,179,648 - 131,072 less in the first of stages
    // 2 and 3; head 640. So 14,155,776 n - 1,654,144.
    ["resnet-20", cifar, 272_474, 40_813_184],
    ["resnet-32", cifar, 466_906, 69_124_736],
    ["resnet-44", cifar, 661_338, 97_436_288],
    ["resnet-56", cifar, 855_770, 125_747_840],
    ["vit-ti/4", cifar, 5_362_762],
    ["vit-ti/4", { ...cifar, hidden: 128, layers: 6, heads: 4 }, 1_205_898],
  ];
  for (const [name, options, params, macs] of rows) {
    it(`${name} ${JSON.stringify(options)}`, () => {
      const net = models.create(name, options);
      expect(net.paramCount).toBe(params);
      expect(leavesOf<{ shape: number[] }>(net.shapes().params).reduce((n, { shape }) => n + sizeOf(shape), 0)).toBe(params);
      if (macs !== undefined) expect(net.macs).toBe(macs);
      expect(net.name).toBe(name);
    });
  }
  it("free forms of the others", () => {
    const mixer = models.mixer({ ...cifar, patch: 4, hidden: 128, layers: 8, tokensMlp: 64 });
    const resnet = models.resnet({ ...cifar, blocks: [2, 2, 2], block: "basic", stem: "cifar" });
    expect([mixer.paramCount, resnet.paramCount]).toEqual([1_132_170, 2_777_674]);
  });
  const statistics = {
    "resnet-50": 53_120,
    "resnet-101": 105_344,
    "resnet-152": 151_424,
    "resnet-50x2": 106_240,
    "resnet-101x2": 210_688,
    "resnet-152x2": 302_848,
  };
  for (const [name, count] of Object.entries(statistics)) {
    it(`running statistics of ${name} are state`, () => {
      const { state } = models.create(name, imageNet).shapes();
      expect(leavesOf<{ shape: number[] }>(state).reduce((n, { shape }) => n + sizeOf(shape), 0)).toBe(count);
    });
  }
  it("a free form has a name of its own", () => {
    const net = models.vit({ ...cifar, patch: 4, hidden: 128, layers: 6, heads: 4 });
    expect([net.name, net.paramCount, net.config.mlp]).toEqual(["vit-d128-l6-h4/4", 1_205_898, 512]);
  });
});

describe("names and options", () => {
  it("list() names what create() knows", () => {
    for (const name of models.list()) expect(models.create(name, { image: 224 }).paramCount).toBeGreaterThan(0);
  });
  it("the nearest name is offered", async () => {
    expect((await expectCode("ERR_ARGUMENT", () => models.create("vit-bb/16"))).message).toContain('"vit-b/16"');
    await expectCode("ERR_ARGUMENT", () => models.create(7 as any));
  });
  it("the patch must divide the image", () => expectCode("ERR_SHAPE", () => models.create("vit-s/16", { image: 100 })));
  it("heads must divide hidden", () => expectCode("ERR_SHAPE", () => models.create("vit-s/16", { heads: 5 })));
  it("sizes are whole numbers", () => expectCode("ERR_ARGUMENT", () => models.create("vit-s/16", { layers: 1.5 })));
  it("dropout is a share", () => expectCode("ERR_ARGUMENT", () => models.create("vit-s/16", { dropout: 1 })));
});

describe("a small ViT", () => {
  const small = { image: 8, patch: 4, classes: 3, hidden: 8, layers: 2, heads: 2 };
  const net = models.vit(small),
    key = st.random.key(0);
  const x = () => st.tidy(() => st.random.normal(st.random.key(1), [3, 8, 8, 3]));

  it("init gives shapes(), the same bits for the same key", async () => {
    const { params, state } = net.init(key);
    expect(leavesOf(params).map((p) => [[...p.shape], p.dtype])).toEqual(leavesOf<any>(net.shapes().params).map((p) => [[...p.shape], p.dtype]));
    expect(leavesOf(state)).toEqual([]);
    const numbers = await flatNumbers(params);
    expect(await flatNumbers(net.init(key).params)).toEqual(numbers);
    expect(await flatNumbers(net.init(st.random.key(1)).params)).not.toEqual(numbers);
  });

  it("starts as the published code does", async () => {
    const { params } = models.vit({ ...small, hidden: 64, image: 32 }).init(key) as any;
    const std = async (p: any) => Number(await p.square().mean().sqrt().item());
    const largest = async (p: any) => Number(await p.abs().max().item());
    expect(await largest(params.cls)).toBe(0);
    expect(await largest(params.head.kernel)).toBe(0);
    expect(await std(params.position)).toBeCloseTo(0.02, 3);
    expect(await std(params.embed.kernel)).toBeCloseTo(1 / Math.sqrt(48), 2);
    const { attention, mlp } = params.blocks[0];
    for (const [kernel, limit] of [
      [attention.qkv.kernel, Math.sqrt(6 / 128)],
      [attention.out.kernel, Math.sqrt(6 / 128)],
      [mlp.fc1.kernel, Math.sqrt(6 / 320)],
    ]) {
      expect(await largest(kernel)).toBeLessThanOrEqual(limit * (1 + 1e-6));
      expect(await std(kernel)).toBeCloseTo(limit / Math.sqrt(3), 2);
    }
    expect(await std(mlp.fc1.bias)).toBeLessThan(2e-6);
    expect(await largest(attention.qkv.bias)).toBe(0);
  });

  it("each image is on its own", async () => {
    const { params, state } = withHead(net.init(key));
    const all = await net.apply({ params, state }, x()).out.data();
    const one = await net.apply({ params, state }, x().at([1, 2])).out.data();
    expect(Math.max(...one.map(Math.abs))).toBeGreaterThan(0.01);
    expectClose(one, all.subarray(3, 6), 1e-5);
  });

  it("images of another size are refused", async () => {
    const variables = net.init(key);
    await expectCode("ERR_SHAPE", () => net.apply(variables, st.zeros([1, 9, 8, 3])));
    await expectCode("ERR_SHAPE", () => net.apply(variables, st.zeros([8, 8, 3])));
  });

  it("drops in training only, by the key", async () => {
    const dropping = models.vit({ ...small, dropout: 0.5 }),
      variables = withHead(dropping.init(key));
    const out = async (options?: object) => Array.from(await dropping.apply(variables, x(), options).out.data());
    expect(await out()).toEqual(Array.from(await net.apply(variables, x()).out.data()));
    const [a, again, b] = [await out({ train: true, key }), await out({ train: true, key }), await out({ train: true, key: st.random.key(5) })];
    expect(again).toEqual(a);
    expect(b).not.toEqual(a);
    await expectCode("ERR_ARGUMENT", () => dropping.apply(variables, x(), { train: true }));
  });

  it("leaves no memory behind", async () => {
    const device = st.zeros([]).device,
      inUse = () => st.memory()[device]?.bytesInUse ?? 0;
    await st.evaluate(key);
    const before = inUse();
    const { params, state } = net.init(key),
      images = x(),
      { out } = net.apply({ params, state }, images);
    await st.evaluate(params, state, out);
    for (const made of [...leavesOf(params), images, out]) made.dispose();
    expect(inUse()).toBe(before);
  });
});

describe("a small Mixer and a small ResNet", () => {
  const mixer = models.mixer({ image: 8, patch: 4, classes: 3, hidden: 8, layers: 2, dtype: "f64" });
  const resnet = models.resnet({ image: 8, classes: 3, blocks: [1, 1], block: "basic", width: 4, stem: "cifar", dtype: "f64" });
  const bottleneck = models.resnet({ image: 16, classes: 3, blocks: [1, 1], width: 4, dtype: "f64" });
  for (const net of [mixer, resnet, bottleneck]) {
    it(`${net.name}: shapes, one image alone, every parameter has a gradient`, async () => {
      const { params, state } = withHead(net.init(st.random.key(1))) as any,
        side = net.config.image,
        x = f64(1, 3, side, side, 3);
      expect(leavesOf(params).map((p) => [...p.shape])).toEqual(leavesOf<any>(net.shapes().params).map((p) => [...p.shape]));
      const all = await net.apply({ params, state }, x).out.data(),
        one = await net.apply({ params, state }, x.at([2, 3])).out.data();
      expectClose(one, all.subarray(6), 1e-12);
      const moved = randomised(params),
        loss = (p: any) => net.apply({ params: p, state }, x, { train: true }).out.square().sum();
      for (const leaf of leavesOf(st.grad(loss)(moved))) expect(Math.max(...(await leaf.data()).map(Math.abs))).toBeGreaterThan(0);
    });
  }
  it("batch statistics move in training only", async () => {
    const { params, state } = resnet.init(st.random.key(1)),
      x = f64(1, 3, 8, 8, 3),
      before = await flatNumbers(state);
    expect(await flatNumbers(resnet.apply({ params, state }, x).state)).toEqual(before);
    const after = await flatNumbers(resnet.apply({ params, state }, x, { train: true }).state);
    expect(after.every((v, i) => v !== before[i])).toBe(true);
  });
});

/** Scales that start as zeros hide what is behind them. */
const randomised = (params: any): any => {
  if (params instanceof st.Tensor) return params.add(f64(3, ...params.shape).mul(0.1));
  if (Array.isArray(params)) return params.map(randomised);
  return Object.fromEntries(Object.entries(params).map(([key, item]) => [key, randomised(item)]));
};

/** The head starts as zeros; ones let something through. */
function withHead(variables: any) {
  const { params, state } = variables,
    kernel = st.random.normal(st.random.key(9), [...params.head.kernel.shape]);
  return { params: { ...params, head: { ...params.head, kernel } }, state };
}
