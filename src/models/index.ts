export { type CreateOptions, create, list } from "./create.ts";
export { type MixerConfig, type MixerOptions, mixer } from "./mixer.ts";
export type { Family, Model } from "./model.ts";
export { type ResnetConfig, type ResnetOptions, resnet } from "./resnet.ts";
export { fromTimm } from "./timm.ts";
export { type VitConfig, type VitOptions, vit } from "./vit.ts";
