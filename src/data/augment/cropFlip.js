/**
 * @typedef {object} Crop an image moved by (down, right) pixels within its frame, black coming in, then mirrored
 * @property {number} down
 * @property {number} right
 * @property {boolean} mirrored
 */

import { below } from "./randomWords.js";

/**
 * A random crop after `pad` pixels of padding, and mirroring of every other image.
 * @param {import("./randomWords.js").Words} next @param {{ pad: number, flip: boolean }} options @returns {Crop}
 */
export function drawCrop(next, { pad, flip }) {
  const down = below(next, 2 * pad + 1) - pad;
  const right = below(next, 2 * pad + 1) - pad;
  const mirrored = below(next, 2) === 1 && flip;
  return { down, right, mirrored };
}

/**
 * Writes a crop of `source` to `target`, whose bytes are 0.
 * @param {Uint8Array} source @param {Uint8Array} target @param {{ height: number, width: number, pixelBytes: number }} frame @param {Crop} crop
 */
export function cropped(source, target, { height, width, pixelBytes }, { down, right, mirrored }) {
  const rowBytes = width * pixelBytes;
  const shown = width - Math.abs(right);
  if (shown <= 0) return;
  const from = Math.max(0, -right);
  const to = mirrored ? width - Math.max(0, right) - shown : Math.max(0, right);
  for (let y = Math.max(0, down); y < Math.min(height, height + down); y++) {
    const row = source.subarray((y - down) * rowBytes, (y - down + 1) * rowBytes);
    const out = target.subarray(y * rowBytes, (y + 1) * rowBytes);
    if (!mirrored) {
      out.set(row.subarray(from * pixelBytes, (from + shown) * pixelBytes), to * pixelBytes);
      continue;
    }
    for (let x = 0; x < shown; x++) {
      const start = (from + shown - 1 - x) * pixelBytes;
      for (let byte = 0; byte < pixelBytes; byte++) out[(to + x) * pixelBytes + byte] = row[start + byte];
    }
  }
}
