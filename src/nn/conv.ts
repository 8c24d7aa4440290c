import type { DType } from "../core/dtype.ts";
import { conv2d as convolve, batchNorm as normalize } from "../index.ts";
import { heNormalFanOut, type Init, ones, zeros } from "./init.ts";
import { type Module, module } from "./module.ts";

export interface ConvOptions {
  readonly window?: number;
  readonly stride?: number;
  readonly dtype?: DType;
  readonly kernelInit?: Init;
}

/** Images [N, H, W, inputs] to [N, ceil(H / stride), ceil(W / stride), outputs], padded by (window - 1) / 2 on all sides; without a bias. */
export function conv2d(inputs: number, outputs: number, { window = 3, stride = 1, dtype, kernelInit = heNormalFanOut }: ConvOptions = {}): Module {
  const pad = (window - 1) / 2,
    sides: [number, number] = [pad, pad];
  return module({
    name: "conv2d",
    dtype,
    params: { kernel: { shape: [window, window, inputs, outputs], init: kernelInit } },
    forward: (call, x) => convolve(x, call.param("kernel"), { stride, padding: [sides, sides] }),
  });
}

export interface BatchNormOptions {
  readonly dtype?: DType;
  readonly eps?: number;
  /** The share of the old running statistics that a training step keeps. */
  readonly momentum?: number;
  readonly scaleInit?: Init;
}

/** Mean 0 and variance 1 over all axes but the last: of the batch in training, of the running statistics otherwise. */
export function batchNorm(size: number, { dtype, eps = 1e-5, momentum = 0.9, scaleInit = ones }: BatchNormOptions = {}): Module {
  return module({
    name: "batchNorm",
    dtype,
    params: { scale: { shape: [size], init: scaleInit }, bias: { shape: [size], init: zeros } },
    state: { mean: { shape: [size], init: zeros }, variance: { shape: [size], init: ones } },
    forward(call, x) {
      const scale = call.param("scale"),
        bias = call.param("bias");
      if (!call.train) return normalize(x, scale, bias, { mean: call.state("mean"), variance: call.state("variance"), eps }).y;
      const { y, mean, variance } = normalize(x, scale, bias, { eps }),
        count = x.size / size;
      const unbiased = variance.mul(count / Math.max(1, count - 1));
      call.keep(
        "mean",
        call
          .state("mean")
          .mul(momentum)
          .add(mean.mul(1 - momentum)),
      );
      call.keep(
        "variance",
        call
          .state("variance")
          .mul(momentum)
          .add(unbiased.mul(1 - momentum)),
      );
      return y;
    },
  });
}
