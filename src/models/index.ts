export { type CreateOptions, create, list } from "./create.ts";
export type { Model } from "./model.ts";
export { type VitConfig, type VitOptions, vit } from "./vit.ts";
