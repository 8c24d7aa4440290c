import { fail } from "../core/errors.ts";
import { badFile } from "./imageSet.ts";

export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly bytes: Uint8Array;
}

/** Decodes a PNG with the optional package sharp. */
export async function decodePng(op: string, path: string, png: Uint8Array): Promise<DecodedImage> {
  const sharp = await loadSharp(op, path);
  try {
    const { data, info } = await sharp(png, { limitInputPixels: false }).raw().toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, channels: info.channels, bytes: data };
  } catch (cause) {
    return badFile(op, path, `expected a whole PNG: ${(cause as Error).message}`, cause);
  }
}

/** The optional package sharp, to decode `path`. */
export async function loadSharp(op: string, path: string): Promise<typeof import("sharp").default> {
  try {
    return (await import("sharp")).default;
  } catch (cause) {
    return fail("ERR_STATE", op, `decoding ${path} needs the package sharp, which cannot be loaded (npm install sharp)`, { cause });
  }
}
