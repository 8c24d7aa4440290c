export { type ActiveUnits, activeUnits } from "./activeUnits.ts";
export { attentionMaps } from "./attentionMaps.ts";
export { filterDirection, type Landscape, type LandscapeOptions, landscape } from "./landscape.ts";
