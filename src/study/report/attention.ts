import { encode } from "fast-png";
import type { Attention } from "../figures.ts";
import type { FinishedRow } from "../study.ts";
import { escape, figure, kindOf, percent } from "./html.ts";

const asUri = (width: number, height: number, data: Uint8Array, channels: number): string =>
  `data:image/png;base64,${Buffer.from(encode({ width, height, data, channels, depth: 8 })).toString("base64")}`;

const picture = (uri: string, alt: string, side: number): string => `<img src="${uri}" alt="${escape(alt)}" width="${side}" height="${side}">`;

/** From black over a warm red to near white, its lightness rising evenly: [share of the way, r, g, b]. */
const ramp = [
  [0, 8, 8, 20],
  [0.35, 92, 24, 92],
  [0.7, 224, 100, 50],
  [1, 255, 240, 190],
] as const;
function shade(x: number): [number, number, number] {
  const above = Math.max(
      1,
      ramp.findIndex(([at]) => x <= at),
    ),
    [from, ...low] = ramp[above - 1]!,
    [to, ...high] = ramp[above]!;
  return low.map((c, i) => Math.round(c + ((high[i]! - c) * (x - from)) / (to - from))) as [number, number, number];
}

const mapPicture = (map: readonly number[], side: number, most: number, alt: string): string =>
  picture(asUri(side, side, Uint8Array.from(map.flatMap((x) => shade(Math.min(1, x / most)))), 3), alt, side);

/** Rows and columns in words: where a map is brightest. */
const brightest = (map: readonly number[], side: number): string => {
  const at = map.indexOf(Math.max(...map));
  return `row ${Math.floor(at / side) + 1}, column ${(at % side) + 1}`;
};

/** Where the class token of the first seed's ViTs looks, plain beside SAM; empty when no row is a ViT. */
export function attentionFigure(finished: readonly FinishedRow[]): string {
  const seed = finished[0]!.row.seed,
    rows = finished.filter(({ row, figures }) => figures.attention !== null && row.seed === seed);
  if (rows.length === 0) return "";
  const { of, image, side } = rows[0]!.figures.attention!;
  const weights = rows.flatMap(({ figures }) => figures.attention!.of.flatMap(({ map }) => map)).sort((a, b) => a - b),
    most = weights[Math.ceil(0.98 * weights.length) - 1]!; // single patches may stand out so far that nothing else were seen
  const images = of.map(({ pixels, label }, i) => {
    const bytes = Buffer.from(pixels, "base64");
    return `<td>${picture(asUri(image, image, bytes, bytes.length / image ** 2), `test image ${i + 1}, class ${label}`, image)}</td>`;
  });
  const maps = ({ row, figures }: FinishedRow): string => {
    const attention = figures.attention as Attention;
    const cells = attention.of.map(
      ({ map, label }, i) =>
        `<td>${mapPicture(map, side, most, `attention of ${row.model}, ${kindOf(row)}, on test image ${i + 1} (${label}): most at ${brightest(map, side)}`)}</td>`,
    );
    return `<tr><th scope="row">${kindOf(row)}</th>${cells.join("")}</tr>`;
  };
  const table = `<div class="wide attention"><table>
<thead><tr><td></td>${of.map(({ label }) => `<th scope="col">${escape(label)}</th>`).join("")}</tr></thead>
<tbody><tr><th scope="row">image</th>${images.join("")}</tr>
${rows.map(maps).join("\n")}</tbody></table></div>`;
  return figure(
    table,
    `${escape(rows[0]!.row.model)}, seed ${seed}: the attention weights in the row of the class token of the last block, the mean over heads, over the ${side} × ${side} patches of the first test images. Black is 0, the brightest colour ${percent(most)} and more; looking at everything alike would be ${percent(1 / (side * side + 1))} a patch.`,
  );
}
