export { filterDirection, type Landscape, type LandscapeOptions, landscape } from "./landscape.ts";
