export { type LambdaMax, type LambdaMaxOptions, lambdaMax, type Progress, type SpectrumOptions, spectrum } from "./eigen.ts";
export { type HessianOperator, type HessianOptions, hessian } from "./hessian.ts";
export type { LinearOperator } from "./operator.ts";
