// Classifies an image with a Vision Transformer from timm:
//   node examples/classify.mjs WEIGHTS IMAGE [--model vit-s/16] [--labels FILE]
// WEIGHTS is a safetensors file of timm, such as model.safetensors of timm/vit_small_patch16_224.augreg_in21k_ft_in1k on the Hugging Face Hub. FILE has
// a label a line, class 0 first. Images are prepared as timm does for such networks: short side to 1 / 0.9 of the network's, centre crop, -1 to 1.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import sharp from "sharp";
import * as st from "steppe";
import * as models from "steppe/models";

/** Pixels as [1, side, side, 3] from -1 to 1. */
async function readImage(path, side) {
  const large = Math.round(side / 0.9),
    offset = Math.floor((large - side) / 2);
  const pixels = await sharp(path)
    .rotate() // as the camera was held
    .flatten({ background: "white" })
    .toColourspace("srgb")
    .resize(large, large, { fit: "cover", kernel: "cubic" })
    .extract({ left: offset, top: offset, width: side, height: side })
    .raw()
    .toBuffer();
  return st
    .tensor(new Uint8Array(pixels), { shape: [1, side, side, 3] })
    .cast("f32")
    .div(127.5)
    .sub(1);
}

/** The network that a name and a file's tensors tell, with these tensors as its weights. */
function networkOf(name, tensors) {
  const [, tokens] = tensors.pos_embed?.shape ?? [],
    [classes] = tensors.head?.bias?.shape ?? [];
  if (tokens === undefined || classes === undefined)
    throw new Error("the weights must be those of a ViT with a class token and a head, as timm names them");
  const patch = Number(name.split("/")[1]);
  const net = models.create(name, { image: patch * Math.sqrt(tokens - 1), classes, gelu: "none" }); // one token is the class's; GELU by erf, as timm
  return { net, variables: models.fromTimm(net, tensors) };
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { model: { type: "string", default: "vit-s/16" }, labels: { type: "string" } },
  });
  if (positionals.length !== 2) throw new Error("usage: node examples/classify.mjs WEIGHTS IMAGE [--model vit-s/16] [--labels FILE]");
  const [weights, image] = positionals,
    labels = values.labels ? (await readFile(values.labels, "utf8")).split("\n") : [];
  const { net, variables } = networkOf(values.model, (await st.load(weights)).tree);
  const { out } = net.apply(variables, await readImage(image, net.config.image));
  const best = st.topK(st.softmax(out.at(0)), Math.min(5, net.config.classes)),
    classes = await best.indices.data();
  (await best.values.data()).forEach((p, i) =>
    console.log(`${(100 * p).toFixed(2).padStart(6)} %  ${labels[classes[i]]?.trim() || `class ${classes[i]}`}`),
  );
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
