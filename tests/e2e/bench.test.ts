import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { apartOf, compare, toleranceOf } from "../../bench/agreement.mjs";
import { bars, barsOf } from "../../bench/bars.mjs";
import { kernelCases } from "../../bench/cases/kernels.mjs";
import { layoutOf, networks } from "../../bench/cases/networks.mjs";
import { labels, normal, numbersOf, pieces } from "../../bench/inputs.mjs";
import { help, parseOptions, parts } from "../../bench/options.mjs";
import { treeOf } from "../../bench/own/networks.mjs";
import { peakReached } from "../../bench/parts/probes.mjs";
import { onnxModel } from "../../bench/peers/onnx.mjs";
import { reportOf } from "../../bench/report.mjs";
import { fileOf, joined, resultsOf } from "../../bench/results.mjs";
import { fromSmooth, geometricMean, median, polynomialFit, slope, spread } from "../../bench/statistics.mjs";
import { barsTable, linesOfRow } from "../../bench/text.mjs";
import { turnOf } from "../../bench/timing.mjs";
import * as st from "../../src/index.ts";
import * as models from "../../src/models/index.ts";
import { layoutOf as flatLayout, ravel } from "../../src/tensor/flat.ts";

const script = fileURLToPath(new URL("../../bench/run.mjs", import.meta.url));

describe("statistics", () => {
  test("medians, spreads and means of ratios", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(spread([8, 10, 12, 10, 50])).toBeCloseTo(0.2);
    expect(geometricMean([0.5, 2])).toBeCloseTo(1);
  });
  test("a polynomial through its own points is found again", () => {
    const xs = [1, 2, 3, 5, 8],
      curve = polynomialFit(
        xs,
        xs.map((x) => 2 - 3 * x + 0.5 * x * x),
        2,
      );
    expect(curve(4)).toBeCloseTo(2 - 12 + 8);
  });
  test("the exponent of a power law, and what stands out of it", () => {
    const sizes = [60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70],
      times = sizes.map((n) => 3e-9 * n ** 3);
    expect(slope(sizes, times)).toBeCloseTo(3);
    expect(Math.max(...fromSmooth(sizes, times).map(Math.abs))).toBeLessThan(1e-9);
    const away = fromSmooth(sizes, [...times.slice(0, 5), 1.4 * times[5]!, ...times.slice(6)]);
    expect(away[5]).toBeGreaterThan(0.3);
    expect(Math.max(...away.filter((_: number, i: number) => i !== 5).map(Math.abs))).toBeLessThan(0.1);
  });
  test("short work runs often in a sample, long work once", () => {
    expect(turnOf(0.01).inner).toBe(200);
    expect(turnOf(1)).toEqual({ inner: 4, repeats: 11 });
    expect(turnOf(2000)).toEqual({ inner: 1, repeats: 1 });
  });
});

describe("inputs and agreement", () => {
  test("numbers come from the seed and have the distribution asked for", () => {
    const x = Float32Array.from(numbersOf(normal([100, 101], { std: 2, mean: 3 }), 1)),
      mean = x.reduce((a, b) => a + b) / x.length,
      variance = x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.length;
    expect(x).toEqual(numbersOf(normal([100, 101], { std: 2, mean: 3 }), 1));
    expect(x).not.toEqual(numbersOf(normal([100, 101], { std: 2, mean: 3 }), 2));
    expect(Math.abs(mean - 3)).toBeLessThan(5 * (2 / Math.sqrt(x.length)));
    expect(Math.abs(variance / 4 - 1)).toBeLessThan(5 * Math.sqrt(2 / x.length));
    expect(new Set(numbersOf(labels(500, 3), 1))).toEqual(new Set([0, 1, 2]));
    const list = [
      { size: 3, std: 0, mean: 1 },
      { size: 2, std: 0, mean: 2 },
    ];
    expect([...numbersOf(pieces(list), 1)]).toEqual([1, 1, 1, 2, 2]);
  });
  test("differences count against the largest number, and nothing slips through", () => {
    expect(compare(Float32Array.of(1, 2), Float32Array.of(1, 4), "x")).toEqual({ difference: 2, largest: 4 });
    expect(compare(Float32Array.of(Number.NaN, 2), Float32Array.of(1, 2), "x").difference).toBeNaN();
    expect(() => compare(Float32Array.of(1), Float32Array.of(1, 2), "x")).toThrow("1 numbers, the other 2");
    expect(() => compare(Float32Array.of(0), Float32Array.of(0), "x")).toThrow("nothing is compared");
    const folder = mkdtempSync(join(tmpdir(), "steppe-agreement-")),
      file = (name: string, ...numbers: number[]): string => {
        writeFileSync(join(folder, name), Float32Array.from(numbers));
        return join(folder, name);
      };
    const scales = new Map();
    expect(apartOf({ loss: file("a", 2) }, { loss: file("b", 2.5), other: "" }, "step", scales)).toBeCloseTo(0.2);
    expect(apartOf({ loss: file("c", 0.1) }, { loss: file("d", 0.2) }, "step", scales)).toBeCloseTo(0.1 / 2.5);
    expect(() => apartOf({ a: "" }, { b: "" }, "step")).toThrow("no output in common");
    rmSync(folder, { recursive: true });
  });
  test("the tolerance of a sum is far above its rounding, and far below a wrong term", () => {
    const terms = 1024,
      a = numbersOf(normal([64, terms]), 1),
      b = numbersOf(normal([terms]), 2);
    let [apart, largest] = [0, 0];
    for (let row = 0; row < 64; row++) {
      let [single, exact] = [0, 0];
      for (let k = 0; k < terms; k++) {
        const product = a[row * terms + k]! * b[k]!;
        single = Math.fround(single + Math.fround(product));
        exact += product;
      }
      apart = Math.max(apart, Math.abs(single - exact));
      largest = Math.max(largest, Math.abs(exact));
    }
    expect(apart / largest).toBeLessThan(toleranceOf(terms) / 2);
    expect(1 / largest).toBeGreaterThan(50 * toleranceOf(terms)); // one missing term
  });
  test.each(networks)("the layout of $id is that of its flat vector", ({ family, config }) => {
    const net = (models as any)[family](config),
      { params } = net.shapes(),
      layout = layoutOf(params),
      own = flatLayout("test", params);
    expect(layout.map(({ path }) => path)).toEqual(own.paths);
    expect(layout.map(({ offset }) => offset)).toEqual(own.offsets);
  });
  test("a tree of views of the flat vector has every number in its place", async () => {
    const net = models.resnet({ blocks: [1, 1], block: "basic", width: 2, stem: "cifar", image: 8, classes: 3 }),
      { params } = net.init(st.random.key(0)),
      flat = ravel(params);
    const tree = treeOf(flat, layoutOf(net.shapes().params));
    expect(await ravel(tree).data()).toEqual(await flat.data());
    expect(Array.isArray(tree.stage1)).toBe(true);
  });
});

describe("ONNX models", () => {
  /** The fields of a protobuf message: numbers as they are, what has a length as bytes. */
  function fieldsOf(bytes: Uint8Array): [field: number, value: number | Uint8Array][] {
    const fields: [number, number | Uint8Array][] = [];
    let at = 0;
    const whole = (): number => {
      let [value, unit] = [0, 1];
      for (; ; unit *= 128) {
        const byte = bytes[at++]!;
        value += (byte % 128) * unit;
        if (byte < 128) return value;
      }
    };
    while (at < bytes.length) {
      const tag = whole(),
        value = whole();
      if (tag % 8 === 0) fields.push([tag >> 3, value]);
      else {
        fields.push([tag >> 3, bytes.slice(at, at + value)]);
        at += value;
      }
    }
    return fields;
  }
  const only = (bytes: unknown, field: number): any[] =>
    fieldsOf(bytes as Uint8Array)
      .filter(([number]) => number === field)
      .map(([, value]) => value);
  const textOf = (bytes: unknown): string => Buffer.from(bytes as Uint8Array).toString();

  test("read back, they have the nodes, shapes and constants that were asked for", () => {
    const model = onnxModel({
      nodes: [
        { op: "Transpose", inputs: ["a"], outputs: ["b"], attributes: { perm: [1, 0] } },
        { op: "Softmax", inputs: ["b"], outputs: ["c"], attributes: { axis: 1 } },
      ],
      inputs: { a: [2, 300] },
      outputs: { c: [300, 2] },
      constants: { half: 0.5 },
    });
    expect(only(model, 1)).toEqual([8]); // ir_version
    expect(only(only(model, 8)[0], 2)).toEqual([17]); // opset_import.version
    const graph = only(model, 7)[0],
      nodes = only(graph, 1);
    expect(nodes.map((node) => textOf(only(node, 4)[0]))).toEqual(["Transpose", "Softmax"]);
    expect(nodes.map((node) => [only(node, 1), only(node, 2)].flat().map(textOf))).toEqual([
      ["a", "b"],
      ["b", "c"],
    ]);
    const attributes = nodes.map((node) => only(node, 5)[0]);
    expect(attributes.map((one) => textOf(only(one, 1)[0]))).toEqual(["perm", "axis"]);
    expect(only(attributes[0], 8)).toEqual([1, 0]); // ints
    expect(only(attributes[1], 3)).toEqual([1]); // i
    const shapeOf = (info: unknown): number[] => only(only(only(only(info, 2)[0], 1)[0], 2)[0], 1).map((dim) => only(dim, 1)[0]);
    expect(shapeOf(only(graph, 11)[0])).toEqual([2, 300]);
    expect(shapeOf(only(graph, 12)[0])).toEqual([300, 2]);
    expect([...only(only(graph, 5)[0], 9)[0]]).toEqual([...new Uint8Array(Float32Array.of(0.5).buffer)]);
  });
});

/** Results in which every entry took `ms` of its side: ours 1, the others 2. */
function madeUp(isa = "avx2") {
  const row = (id: string, entries: string[], more = {}) => ({
    id,
    what: id,
    times: Object.fromEntries(entries.map((entry) => [entry, entry.startsWith("own:") ? 1 : 2])),
    spreads: Object.fromEntries(entries.map((entry) => [entry, 0.01])),
    apart: {},
    failed: {},
    ...more,
  });
  const tasks = (names: string[]): string[] => names.flatMap((name) => [`own:${name}`, `torch:${name}`]);
  const growth = {
    id: "tokens",
    what: "tokens",
    sizes: [1, 10, 100],
    times: [1, 10, 100],
    firsts: [2, 20, 200],
    slope: 1,
    planSlope: 1,
    expected: 1,
  };
  const when = { at: "2026-01-02T00:00:00.000Z", commit: "0123456789ab" };
  const found: any = {
    kernels: {
      ...when,
      versions: { own: { isa, threads: 2 }, torch: { torch: "2.13.0", isa: "AVX2", threads: 2 } },
      absent: [{ name: "tfjs", why: "tfjs is not here" }],
      rows: kernelCases().map((each: any) => row(each.id, each.entries, { flops: each.flops, bytes: each.bytes })),
      peak: { gflops: 200, gbs: 400, from: "test" },
    },
    models: {
      ...when,
      rows: [
        ...networks.map(({ id }) => row(id, [...tasks(["step", "sam"]), "own1:step"])),
        row("mlp", ["own:step", "jaxjs:step", "tfjs:step", "own:hvp8", "jaxjs:hvp8"]),
      ],
    },
    curvature: { ...when, rows: networks.map(({ id }) => row(`curvature-${id}`, tasks(["gradient", "hvp", "kept", "singles8", "batched8"]))) },
    memory: { ...when, rows: [{ id: "vit-ti", what: "vit-ti", own: 300, torch: 500 }] },
    latency: { ...when, gapMs: 2, firstResultMs: 50, tinyCallUs: 20, chainMs: 4, addonMb: 2.5, calls: {} },
    growth: { ...when, growths: [growth], cliffs: [{ id: "matmul-60-70", what: "matmul", farthest: 0.2 }] },
  };
  return resultsOf({ cpu: "AMD EPYC 9R14", cores: 2, isa, threads: 2, node: "20.11.0" }, found);
}

describe("bars", () => {
  test("each has a name of its own, and aims at least as high as it must", () => {
    expect(new Set(bars.map(({ name }: any) => name)).size).toBe(bars.length);
    for (const { must, aim, better } of bars as any[]) expect(better === "lower" ? aim <= must : aim >= must).toBe(true);
  });
  test("all are measured where every part ran", () => {
    const { bars: table } = madeUp() as any;
    expect(table.filter((bar: any) => bar.measured === null).map(({ name }: any) => name)).toEqual([]);
    const of = (name: string) => table.find((bar: any) => bar.name.startsWith(name));
    expect(of("matmul with dgrad and wgrad / PyTorch, geometric mean")).toMatchObject({ must: 0.95, aim: 0.86, measured: 0.5, met: true });
    expect(of("training step, ViT d128")).toMatchObject({ must: 0.68, aim: 0.54, measured: 0.5 });
    expect(of("SAM step")).toMatchObject({ measured: 0.5, met: true });
    expect(of("training step, 1 to 2 threads")).toMatchObject({ must: 1.85, measured: 2, met: true });
    expect(of("peak memory")).toMatchObject({ measured: 0.6, met: true });
    expect(of("neighbouring sizes")).toMatchObject({ must: 0.15, measured: 0.2, met: false });
    expect(of("attention, 197 tokens: times faster than jax-js")).toMatchObject({ must: 10, measured: 2, met: false });
    const bytes = 16 * 2 ** 24;
    expect(of("SAM's perturbation").measured).toBeCloseTo(bytes / 1e6 / 400);
  });
  test("what did not run is not measured", () => {
    const { memory, latency } = (madeUp() as any).parts;
    const table = barsOf({ parts: { memory, latency } });
    expect(table.filter((bar: any) => bar.measured !== null)).toHaveLength(6);
    expect(table.every((bar: any) => (bar.met === null) === (bar.measured === null))).toBe(true);
    expect(barsOf({ parts: {} }).every((bar: any) => bar.measured === null)).toBe(true);
  });
  test("the table shows must, aim and measured", () => {
    const lines = barsTable((madeUp() as any).bars).split("\n");
    expect(lines).toHaveLength(bars.length + 1);
    expect(lines.find((line: string) => line.startsWith("neighbouring sizes"))).toMatch(/<= 0\.15 +0\.15 +0\.20 +MISSED$/);
    expect(lines.find((line: string) => line.startsWith("addon"))).toMatch(/<= 3\.00 MB +3\.00 MB +2\.50 MB +met$/);
  });
});

describe("results", () => {
  test("a part replaces the earlier one, a part that ran for some cases only replaces their rows", () => {
    const earlier = madeUp() as any;
    const again: any = {
      rows: [{ ...earlier.parts.kernels.rows[0], times: { "own:forward": 9, "torch:forward": 1 } }],
      commit: "new",
      partial: true,
    };
    const { parts: whole, bars: table } = joined(earlier, { machine: earlier.machine, parts: { kernels: again } }) as any;
    expect(whole.kernels.rows).toHaveLength(earlier.parts.kernels.rows.length);
    expect(whole.kernels.rows[0].times["own:forward"]).toBe(9);
    expect(whole.kernels.rows[1]).toEqual(earlier.parts.kernels.rows[1]);
    expect(whole.memory).toEqual(earlier.parts.memory);
    expect(table.find(({ name }: any) => name.endsWith("worst") && name.startsWith("matmul")).measured).toBe(9);
    expect((joined(earlier, { machine: earlier.machine, parts: { memory: { rows: [] } } }) as any).parts.memory.rows).toEqual([]);
    expect(joined(null, earlier)).toEqual(earlier);
  });
  test("the file is named by CPU, instruction set and threads", () => {
    expect(fileOf(madeUp().machine)).toMatch(/bench\/results\/amd-epyc-9r14-avx2-2\.json$/);
  });
  test("the best rates of a table stand for the peak", () => {
    const rows = [
      { times: { "own:a": 2, "torch:a": 1 }, flops: { a: 3e6 } },
      { times: { "own:b": 2 }, bytes: { b: 8e6 } },
    ];
    expect(peakReached(rows)).toMatchObject({ gflops: 3, gbs: 4 });
  });
  test("a row as a line: rates, shares of the peak, ratios, and what was not timed", () => {
    const row = {
      id: "m",
      what: "matmul",
      times: { "own:forward": 2, "torch:forward": 4 },
      apart: { "torch:forward": 3e-7 },
      failed: { "tfjs:forward": "no" },
      flops: { forward: 2e8 },
    };
    const [line, failed] = linesOfRow(row, { gflops: 200, gbs: 10 });
    expect(line).toBe("matmul, forward: ours 2.00 ms (100 GFLOP/s, 50 %), PyTorch 4.00 ms (ratio 0.50), apart 3e-7  [m]");
    expect(failed).toBe("  tfjs:forward was not timed: no");
  });
});

test("the report needs nothing beside it and shows every bar of every machine", async () => {
  const page = await reportOf([madeUp("avx2"), madeUp("avx512")]);
  for (const { name } of bars as any[]) expect(page).toContain(name.replaceAll("&", "&amp;"));
  expect(page.match(/<svg/g)).toHaveLength(6); // bars, ratios and growth of each
  expect(page).toContain("AMD EPYC 9R14, avx512, 2 threads");
  expect(page).toContain("not here: tfjs");
  expect(page).toContain("torch 2.13.0");
  expect(page).toContain("prefers-color-scheme: dark");
  expect(page.replaceAll("http://www.w3.org/", "")).not.toMatch(/https?:|<script|<link|@import|NaN|undefined/);
  expect(await reportOf([])).toContain("Nothing was measured yet");
});

describe("the command line", () => {
  test("--help names every part and flag", () => {
    const said = execFileSync(process.execPath, [script, "--help"], { encoding: "utf8" });
    expect(said.trim()).toBe(help);
    for (const word of [...parts, "compare A B", "--quick", "--json", "--threads", "--isa", "--rounds", "--out", "--help"])
      expect(said).toContain(word);
  });
  test("parts and cases are told apart", () => {
    expect(parseOptions([])).toMatchObject({ parts, cases: [], threads: 2, compare: null });
    expect(parseOptions(["models", "vit-d128", "--threads", "1"])).toMatchObject({ parts: ["models"], cases: ["vit-d128"], threads: 1 });
    expect(parseOptions(["compare", "a", "b", "mlp"])).toMatchObject({ compare: ["a", "b"], cases: ["mlp"] });
  });
  test.each([
    [["--isa", "sse"], '--isa must be avx2 or avx512, got "sse"'],
    [["--threads", "0"], '--threads must be a whole number from 1 on, got "0"'],
    [["compare", "a"], "compare needs two commits"],
    [["--fast"], "Unknown option '--fast'"],
  ])("%j gets one sentence", (args, sentence) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: "utf8" });
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(sentence);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
  test("the peers' versions are fixed", () => {
    const { dependencies } = JSON.parse(readFileSync(new URL("../../bench/peers/package.json", import.meta.url), "utf8"));
    for (const version of Object.values(dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  });
});
