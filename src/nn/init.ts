import type { DType } from "../core/dtype.ts";
import { sizeOf, type Shape } from "../core/shape.ts";
import { full, random } from "../index.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** First numbers of a parameter. */
export type Init = (key: Tensor, shape: Shape, dtype: DType) => Tensor;

/** The same number everywhere. */
export const constant =
  (value: number): Init =>
  (key, shape, dtype) =>
    full([...shape], value, { dtype, device: key.device });
/** 0 everywhere. */
export const zeros = constant(0);
/** 1 everywhere. */
export const ones = constant(1);

/** Normal of mean 0 and this standard deviation. */
export const normal =
  (std: number): Init =>
  (key, shape, dtype) =>
    random.normal(key, [...shape], { dtype }).mul(std);

/** Inputs of one output: all axes but the last. */
const fanIn = (shape: Shape): number => sizeOf(shape.slice(0, -1));
/** Axes before the inputs and outputs: a filter's window. */
const window = (shape: Shape): number => sizeOf(shape.slice(0, -2));

/** Uniform in +-sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010, eq. 16). A kernel that packs several side by side names the outputs of one. */
export function xavierUniform(outputs?: number): Init {
  return (key, shape, dtype) => {
    const limit = Math.sqrt(6 / (fanIn(shape) + window(shape) * (outputs ?? shape.at(-1)!)));
    return random
      .uniform(key, [...shape], { dtype })
      .mul(2 * limit)
      .sub(limit);
  };
}

/** The standard deviation of a standard normal cut at +-2. */
const cutStd = 0.879_625_661_034_239_78;

/** Normal cut at two standard deviations, of variance 1 / fan in (LeCun et al. 1998, section 4.6; the cut as in flax.linen). */
export const lecunNormal: Init = (key, shape, dtype) =>
  random.truncatedNormal(key, [...shape], { dtype }).mul(1 / (cutStd * Math.sqrt(fanIn(shape))));

/** Normal of variance 2 / fan out (He et al. 2015, eq. 14). */
export const heNormalFanOut: Init = (key, shape, dtype) =>
  random.normal(key, [...shape], { dtype }).mul(Math.sqrt(2 / (window(shape) * shape.at(-1)!)));
