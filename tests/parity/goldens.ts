import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = process.env.STEPPE_GOLDEN ?? fileURLToPath(new URL("./golden", import.meta.url));

/** The path of a file with PyTorch's numbers, by make/<name>.py: the committed one, or the one that live.mjs has just made. */
export const golden = (name: string): string => join(folder, name);
