export {
  brokenNames,
  checkConfig,
  dataNames,
  decayNames,
  defaultConfig,
  faultOf,
  lossNames,
  normNames,
  optimizerNames,
  policyNames,
  scheduleNames,
  type TrainConfig,
} from "./config.ts";
export { type Evaluation, type Evaluator, evaluatorOf } from "./evaluate.ts";
export { type FitConfig, type FitHooks, type Fitted, fit, type StartInfo, type StepInfo, type TrainResult } from "./fit.ts";
export { type Checkpoint, type EpochLine, type Place, readCheckpoint, readConfig, readLog } from "./folder.ts";
export { type Sharpness, type SharpnessOptions, sharpnessOf } from "./sharpness.ts";
export { type LoadHooks, loadData, networkOf, normalize } from "./sources.ts";
export { evaluated, type Training } from "./step.ts";
