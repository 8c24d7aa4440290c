export { checkpointed } from "./checkpoint.ts";
export { type BatchNormOptions, batchNorm, type ConvOptions, conv2d, type GroupNormOptions, groupNorm } from "./conv.ts";
export * as init from "./init.ts";
export { activation, type DenseOptions, dense, dropout, dropPath, type LayerOptions, layerNorm, patchEmbed, residual, sequential } from "./layers.ts";
export {
  type Applied,
  type ApplyOptions,
  type Call,
  type Declaration,
  type Definition,
  type Module,
  module,
  type Tensors,
  type Variables,
} from "./module.ts";
export { type BlockOptions, type GeluForm, type MlpOptions, mlp, multiHeadAttention, transformerBlock } from "./transformer.ts";
