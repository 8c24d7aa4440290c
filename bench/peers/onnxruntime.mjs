// onnxruntime-node's side: inference only, so products and attention forward.
import { createRequire } from "node:module";
import { packageVersion } from "../sides/sides.mjs";
import { oneByOne, readInput, serve } from "../sides/serve.mjs";
import { onnxModel } from "./onnx.mjs";

const ort = createRequire(import.meta.url)("onnxruntime-node"),
  threads = Number(process.env.BENCH_THREADS);

/** A session of a model, fed with the inputs. */
async function task(model, inputs) {
  const session = await ort.InferenceSession.create(onnxModel(model), {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const feeds = Object.fromEntries(
    Object.keys(model.inputs).map((name) => [name, new ort.Tensor("float32", readInput(inputs[name]), inputs[name].shape)]),
  );
  return () => session.run(feeds);
}

const matmul = async (inputs) => ({
  forward: await task(
    {
      nodes: [{ op: "MatMul", inputs: ["a", "b"], outputs: ["y"] }],
      inputs: { a: inputs.a.shape, b: inputs.b.shape },
      outputs: { y: [...inputs.a.shape.slice(0, -1), inputs.b.shape.at(-1)] },
    },
    inputs,
  ),
});

const attention = async (inputs) => {
  const { shape } = inputs.q;
  const nodes = [
    { op: "Transpose", inputs: ["k"], outputs: ["kt"], attributes: { perm: [0, 1, 3, 2] } },
    { op: "MatMul", inputs: ["q", "kt"], outputs: ["products"] },
    { op: "Mul", inputs: ["products", "scale"], outputs: ["scores"] },
    { op: "Softmax", inputs: ["scores"], outputs: ["weights"], attributes: { axis: 3 } },
    { op: "MatMul", inputs: ["weights", "v"], outputs: ["y"] },
  ];
  return {
    forward: await task({ nodes, inputs: { q: shape, k: shape, v: shape }, outputs: { y: shape }, constants: { scale: shape[3] ** -0.5 } }, inputs),
  };
};

await serve({
  versions: { onnxruntime: packageVersion("onnxruntime-node"), threads },
  works: { matmul, attention },
  read: (value) => value.data,
  many: oneByOne(),
});
