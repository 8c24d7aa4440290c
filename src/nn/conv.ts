import type { DType } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { conv2d as convolve, groupNorm as normalizeGroups, batchNorm as normalize } from "../index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { heNormalFanOut, type Init, ones, zeros } from "./init.ts";
import { type Module, module } from "./module.ts";

/** Options of {@link conv2d}. */
export interface ConvOptions {
  /** Rows and columns of the kernel, an odd number of pixels. Default: 3. */
  readonly window?: number;
  /** Pixels from one place of the window to the next. Default: 1. */
  readonly stride?: number;
  /** Of the parameters. Default: f32. */
  readonly dtype?: DType;
  /** First kernel [window, window, inputs, outputs]. Default: {@link init.heNormalFanOut}. */
  readonly kernelInit?: Init;
  /** Whether the kernel is used with mean 0 and standard deviation 1 for each output (weight standardisation, Qiao et al. 2019). Default: false. */
  readonly standardized?: boolean;
}

/** (w - mean) / (std + 1e-5) over all axes but the last (weight standardisation, Qiao et al. 2019, with the constant of big_vision's models/bit.py). */
function standardize(kernel: Tensor): Tensor {
  const axis = [0, 1, 2],
    keepDims = true;
  return kernel.sub(kernel.mean({ axis, keepDims })).div(kernel.std({ axis, keepDims }).add(1e-5));
}

/** Images [N, H, W, inputs] to [N, ceil(H / stride), ceil(W / stride), outputs], padded by (window - 1) / 2 on all sides; without a bias. */
export function conv2d(
  inputs: number,
  outputs: number,
  { window = 3, stride = 1, dtype, kernelInit = heNormalFanOut, standardized = false }: ConvOptions = {},
): Module {
  const pad = (window - 1) / 2,
    sides: [number, number] = [pad, pad];
  return module({
    name: "conv2d",
    dtype,
    params: { kernel: { shape: [window, window, inputs, outputs], init: kernelInit } },
    forward(call, x) {
      const kernel = call.param("kernel");
      return convolve(x, standardized ? standardize(kernel) : kernel, { stride, padding: [sides, sides] });
    },
  });
}

/** Options of {@link batchNorm}. */
export interface BatchNormOptions {
  /** Of the parameters. Default: f32. */
  readonly dtype?: DType;
  /** Added to the variance. Default: 1e-5. */
  readonly eps?: number;
  /** The share of the old running statistics that a training step keeps. Default: 0.9. */
  readonly momentum?: number;
  /** First scale [size]. Default: ones. */
  readonly scaleInit?: Init;
}

/**
 * Mean 0 and variance 1 over all axes but the last, then scale and bias (Ioffe and Szegedy 2015): by the batch in training, by the running statistics
 * otherwise. x [..., size]. Params are { scale, bias }, state is { mean, variance }; the running variance is the unbiased one, as in PyTorch.
 */
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

/** Options of {@link groupNorm}. */
export interface GroupNormOptions {
  /** Of the parameters. Default: f32. */
  readonly dtype?: DType;
  /** Groups of neighbouring channels; they divide the size (else ERR_SHAPE). */
  readonly groups: number;
  /** Added to the variance. Default: 1e-6. */
  readonly eps?: number;
  /** First scale [size]. Default: ones. */
  readonly scaleInit?: Init;
}

/** Mean 0 and variance 1 over the pixels and the channels of a group, for each image; then scale and bias by channel (Wu and He 2018). x [N, ..., size]. */
export function groupNorm(size: number, { dtype, groups, eps = 1e-6, scaleInit = ones }: GroupNormOptions): Module {
  if (size % groups !== 0) fail("ERR_SHAPE", "groupNorm", `groups must divide the size, got ${groups} groups for ${size}`);
  return module({
    name: "groupNorm",
    dtype,
    params: { scale: { shape: [size], init: scaleInit }, bias: { shape: [size], init: zeros } },
    forward: (call, x) => normalizeGroups(x, call.param("scale"), call.param("bias"), { groups, eps }),
  });
}
