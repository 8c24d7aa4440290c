export { type AdamOptions, adamw, lamb } from "./adam.ts";
export { clipByGlobalNorm } from "./clip.ts";
export { type DecayMask, decayKernels } from "./decay.ts";
export { type Ema, ema } from "./ema.ts";
export type { Optimizer, OptimizerOptions, OptimizerState } from "./optimizer.ts";
export { type SamOptions, sam } from "./sam.ts";
export {
  constant,
  linear,
  type MultiStepOptions,
  multiStep,
  type Schedule,
  type WarmupOptions,
  type WarmupStepOptions,
  warmupConstant,
  warmupCosine,
  warmupLinear,
  warmupStep,
} from "./schedule.ts";
export { type SgdOptions, sgd } from "./sgd.ts";
