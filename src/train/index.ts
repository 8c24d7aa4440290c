export { checkConfig, dataNames, defaultConfig, faultOf, optimizerNames, type TrainConfig } from "./config.ts";
export { type Evaluation, type Evaluator, evaluatorOf } from "./evaluate.ts";
export { type FitConfig, type FitHooks, type Fitted, fit, type StepInfo, type TrainResult } from "./fit.ts";
export { type Checkpoint, type EpochLine, type Place, readCheckpoint, readConfig, readLog } from "./folder.ts";
export { type Sharpness, type SharpnessOptions, sharpnessOf } from "./sharpness.ts";
export { loadData, networkOf } from "./task.ts";
