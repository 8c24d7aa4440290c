import type { DType } from "../core/dtype.ts";
import { dropout as dropOut, layerNorm as normalize, patchEmbed as embed, random, where } from "../index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Init, lecunNormal, ones, xavierUniform, zeros } from "./init.ts";
import { type Module, module } from "./module.ts";

/** Options of layers with a kernel and a bias. */
export interface LayerOptions {
  /** Of the parameters. Default: f32. */
  readonly dtype?: DType;
  /** First kernel. Default: {@link init.xavierUniform} for dense, {@link init.lecunNormal} for patchEmbed. */
  readonly kernelInit?: Init;
  /** First bias. Default: zeros. */
  readonly biasInit?: Init;
}

/** Options of {@link dense}. */
export interface DenseOptions extends LayerOptions {
  /** The axis that is mixed: the last, or the one before (then nothing is transposed). Default: -1. */
  readonly axis?: -1 | -2;
}

/** x [..., inputs] to x kernel + bias [..., outputs]; with axis -2 x [..., inputs, n] to kernel^T x + bias [..., outputs, n]. */
export function dense(inputs: number, outputs: number, options: DenseOptions = {}): Module {
  const { dtype, kernelInit = xavierUniform(), biasInit = zeros, axis = -1 } = options;
  return module({
    name: "dense",
    dtype,
    params: { kernel: { shape: [inputs, outputs], init: kernelInit }, bias: { shape: [outputs], init: biasInit } },
    forward(call, x) {
      const kernel = call.param("kernel"),
        bias = call.param("bias");
      return axis === -1 ? x.matmul(kernel).add(bias) : kernel.mT().matmul(x).add(bias.expandDims(1));
    },
  });
}

/** Mean 0 and variance 1 over the last axis, then scale and bias (Ba et al. 2016). x [..., size]; eps is added to the variance. */
export function layerNorm(size: number, { dtype, eps = 1e-6 }: { dtype?: DType; eps?: number } = {}): Module {
  return module({
    name: "layerNorm",
    dtype,
    params: { scale: { shape: [size], init: ones }, bias: { shape: [size], init: zeros } },
    forward: (call, x) => normalize(x, call.param("scale"), call.param("bias"), { eps }),
  });
}

/** Images [N, H, W, channels] to tokens [N, H / patch * W / patch, outputs], row after row (Dosovitskiy et al. 2021, eq. 1). */
export function patchEmbed(
  patch: number,
  channels: number,
  outputs: number,
  { dtype, kernelInit = lecunNormal, biasInit = zeros }: LayerOptions = {},
): Module {
  return module({
    name: "patchEmbed",
    dtype,
    params: { kernel: { shape: [patch, patch, channels, outputs], init: kernelInit }, bias: { shape: [outputs], init: biasInit } },
    forward: (call, images) => embed(images, call.param("kernel"), call.param("bias"), { patch }),
  });
}

/** In training sets a share of the numbers to 0 and scales the others by 1 / (1 - rate). It needs a key then (else ERR_ARGUMENT). */
export function dropout(rate: number): Module {
  return module({ name: "dropout", forward: (call, x) => (call.train && rate > 0 ? dropOut(x, rate, call.key()) : x) });
}

/**
 * Stochastic depth (Huang et al. 2016, section 3) for a residual branch x [N, ...]: in training sets a share of the samples to 0 and scales the
 * others by 1 / (1 - rate), so that nothing is scaled outside of training.
 */
export function dropPath(rate: number): Module {
  return module({
    name: "dropPath",
    forward(call, x) {
      if (!call.train || rate === 0) return x;
      const kept = random.bernoulli(call.key(), [x.shape[0]!, ...x.shape.slice(1).map(() => 1)], { p: 1 - rate });
      return where(kept, x.mul(1 / (1 - rate)), 0);
    },
  });
}

/** A function of one tensor as a module. */
export const activation = (f: (x: Tensor) => Tensor): Module => module({ name: "activation", forward: (_, x) => f(x) });

/** One after another; params are { layers: [...] }. */
export const sequential = (layers: readonly Module[]): Module =>
  module({ name: "sequential", children: { layers }, forward: (call, x) => call.run("layers", x) });

/** x + branch(x); params are { branch }. */
export const residual = (branch: Module): Module =>
  module({ name: "residual", children: { branch }, forward: (call, x) => x.add(call.run("branch", x)) });
