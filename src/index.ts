/**
 * Tensors, operations and transforms. Every operation whose first argument is a tensor is a method of {@link Tensor}, too.
 *
 * @categoryDescription elementwise
 * Operands broadcast (ERR_SHAPE where they do not) and are promoted; a number takes the dtype of the tensor beside it.
 *
 * @categoryDescription reductions
 * `{ axis?: number | number[], keepDims?: boolean }`; without axis, over all. An axis that is not there is ERR_ARGUMENT.
 *
 * @categoryDescription indexing
 * Indices are integers (else ERR_DTYPE); negative ones count from the end, those outside are taken to the nearest end.
 *
 * @module
 */

import "./tensor/methods.ts";

export type { DType, TypedArray } from "./core/dtype.ts";
export { type ErrorCode, SteppeError } from "./core/errors.ts";
export { devices, type DeviceInfo, openDevice, setDevice } from "./run/devices.ts";
export { memory, type MemoryInfo } from "./run/memory.ts";
export type { KernelProfile, Profile } from "./run/profile.ts";
export { type Compiled, type CompileOptions, compile } from "./tensor/compile.ts";
export { type Loaded, type LoadOptions, load, loadNpz, type SaveOptions, save } from "./tensor/io.ts";
export * from "./tensor/ops.ts";
export { type Key, type Random, random } from "./tensor/random.ts";
export { checkpoint, customVjp, evaluate, profile, stopGradient, tidy } from "./tensor/run.ts";
export { isTensor, Tensor } from "./tensor/tensor.ts";
export {
  type GradOptions,
  grad,
  hessian,
  hvp,
  jacfwd,
  jacrev,
  jvp,
  linearize,
  type VmapOptions,
  valueAndGrad,
  vjp,
  vmap,
} from "./tensor/transforms.ts";
export type { AnyTensor, Operand, Shape } from "./tensor/types.ts";
