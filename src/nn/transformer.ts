import type { DType } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { attention, gelu, softmax, split } from "../index.ts";
import { type Init, normal, xavierUniform } from "./init.ts";
import { dense, dropout, dropPath, layerNorm } from "./layers.ts";
import { type Module, module } from "./module.ts";

/** The form of GELU: "tanh" (JAX's networks) or "none" (by erf, PyTorch's). */
export type GeluForm = "tanh" | "none";

/** Self-attention of x [B, N, size] (Vaswani et al. 2017, section 3.2). q, k and v come from one product and are views of it, never copies. Notes its weights [B, heads, N, N]. */
export function multiHeadAttention(size: number, heads: number, { dtype }: { dtype?: DType } = {}): Module {
  if (size % heads !== 0) fail("ERR_SHAPE", "multiHeadAttention", `heads must divide the size, got ${heads} heads for ${size}`);
  const dim = size / heads;
  return module({
    name: "multiHeadAttention",
    dtype,
    children: { qkv: dense(size, 3 * size, { dtype, kernelInit: xavierUniform(size) }), out: dense(size, size, { dtype }) },
    forward(call, x) {
      const [batch, tokens] = x.shape as [number, number];
      const parts = split(call.run("qkv", x), 3, { axis: -1 });
      const [q, k, v] = parts.map((part) => part.reshape([batch, tokens, heads, dim]).transpose([0, 2, 1, 3])) as [any, any, any]; // [B, H, N, D]
      call.note("weights", () => softmax(q.matmul(k.mT()).mul(1 / Math.sqrt(dim)))); // [B, H, N, N]
      return call.run("out", attention(q, k, v).transpose([0, 2, 1, 3]).reshape([batch, tokens, size]));
    },
  });
}

/** Options of {@link mlp}. */
export interface MlpOptions {
  /** Of the parameters. Default: f32. */
  readonly dtype?: DType;
  /** The share that training drops after each dense layer. Default: 0. */
  readonly dropout?: number;
  /** Default: "tanh". */
  readonly gelu?: GeluForm;
  /** The axis that is mixed: the last, or the one before. Default: -1. */
  readonly axis?: -1 | -2;
  /** First kernels. Default: {@link init.xavierUniform}. */
  readonly kernelInit?: Init;
  /** First biases. Default: normal of standard deviation 1e-6. */
  readonly biasInit?: Init;
}

/** Dense, GELU, Dense over the last axis (or the one before), each followed by dropout. Notes what GELU gives as "hidden". */
export function mlp(size: number, hidden: number, options: MlpOptions = {}): Module {
  const { dtype, dropout: rate = 0, gelu: approximate = "tanh", kernelInit, biasInit = normal(1e-6), axis } = options;
  const layer = { dtype, kernelInit, biasInit, axis };
  return module({
    name: "mlp",
    dtype,
    children: { fc1: dense(size, hidden, layer), fc2: dense(hidden, size, layer), drop1: dropout(rate), drop2: dropout(rate) },
    forward(call, x) {
      const active = gelu(call.run("fc1", x), { approximate });
      call.note("hidden", () => active);
      return call.run("drop2", call.run("fc2", call.run("drop1", active)));
    },
  });
}

/** Options of {@link transformerBlock}. */
export interface BlockOptions extends MlpOptions {
  /** Heads of the attention; they divide the size (else ERR_SHAPE). */
  readonly heads: number;
  /** Hidden size of the MLP. */
  readonly mlp: number;
  /** The rate of stochastic depth for both branches. Default: 0. */
  readonly dropPath?: number;
}

/** x += path(dropout(attention(norm(x)))); x += path(mlp(norm(x))) (Dosovitskiy et al. 2021, eqs. 2 and 3). x [B, N, size]. */
export function transformerBlock(size: number, { heads, mlp: hidden, dropPath: pathRate = 0, ...options }: BlockOptions): Module {
  const { dtype, dropout: rate = 0 } = options;
  return module({
    name: "transformerBlock",
    dtype,
    children: {
      norm1: layerNorm(size, { dtype }),
      attention: multiHeadAttention(size, heads, { dtype }),
      drop: dropout(rate),
      norm2: layerNorm(size, { dtype }),
      mlp: mlp(size, hidden, options),
      path1: dropPath(pathRate),
      path2: dropPath(pathRate),
    },
    forward(call, x) {
      const attended = x.add(call.run("path1", call.run("drop", call.run("attention", call.run("norm1", x)))));
      return attended.add(call.run("path2", call.run("mlp", call.run("norm2", attended))));
    },
  });
}
