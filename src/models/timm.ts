import { fail } from "../core/errors.ts";
import { sameShape, type Shape, showShape } from "../core/shape.ts";
import { flattenTree } from "../graph/tree.ts";
import { tidy } from "../index.ts";
import type { Tensors, Variables } from "../nn/index.ts";
import { isSpec, ravel, unravel } from "../tensor/flat.ts";
import { isTensor, type Tensor } from "../tensor/tensor.ts";
import type { Family, Model } from "./model.ts";

/** What stands in a path of ours, and in timm's key, in this order. */
type Renaming = readonly (readonly [ours: RegExp, theirs: string])[];

const renamings: Readonly<Record<Family, Renaming>> = {
  vit: [
    [/^cls$/, "cls_token"],
    [/^position$/, "pos_embed"],
    [/^embed\./, "patch_embed.proj."],
    [/^representation\./, "pre_logits.fc."],
    [/\.attention\.qkv\./, ".attn.qkv."],
    [/\.attention\.out\./, ".attn.proj."],
  ],
  mixer: [
    [/^embed\./, "stem.proj."],
    [/\.(tokens|channels)\./, ".mlp_$1."],
  ],
  resnet: [
    [/^conv\./, "conv1."],
    [/^norm\./, "bn1."],
    [/^stage(\d+)\./, "layer$1."],
    [/\.norm(\d)\./, ".bn$1."],
    [/\.shortcut\./, ".downsample.0."],
    [/\.shortcutNorm\./, ".downsample.1."],
    [/^head\./, "fc."],
    [/\.mean$/, ".running_mean"],
    [/\.variance$/, ".running_var"],
  ],
};
const weight: Renaming = [[/\.(kernel|scale)$/, ".weight"]];

/** Counters of batches, which nothing here reads. */
const ignored = /\.num_batches_tracked$/;

/** timm's order of axes for a leaf of ours, and back: dense [in, out] is [out, in] there, convolutions [h, w, in, out] are [out, in, h, w]. */
const axes: Readonly<Record<number, { readonly theirs: readonly number[]; readonly ours: readonly number[] }>> = {
  2: { theirs: [1, 0], ours: [1, 0] },
  4: { theirs: [3, 2, 0, 1], ours: [2, 3, 1, 0] },
};

/**
 * The variables of a network from the weights of the same network in timm (or torchvision's ResNets): { params, state } as init() gives them, cast to
 * the network's dtype. `tensors` is the tree of the safetensors file: (await load(path)).tree, or a flat record by timm's keys. The file's tensors may
 * be disposed of afterwards.
 *
 * timm's ViTs and Mixers use the GELU by erf: make the network with gelu: "none" to get their numbers, as "tanh" is off by up to 5e-4 a unit. Packed
 * q, k and v have the same order in both. ResNets have batch norms with eps 1e-5, strides on the 3x3 and a symmetrically padded pool in both.
 *
 * Throws ERR_ARGUMENT when keys are missing or left over and ERR_SHAPE when only shapes differ; the message names the first three of each.
 */
export function fromTimm(net: Model<any>, tensors: Tensors): Variables {
  if (net.config.norm === "group")
    fail("ERR_ARGUMENT", "models.fromTimm", `timm has no ResNet with group norms as ${net.name}; make it with norm: "batch"`);
  const shapes = net.shapes(),
    given = flattenTree(tensors, isTensor),
    theirs = new Map(given.paths.map((path, i) => [path, given.leaves[i]!]));
  for (const path of [...theirs.keys()].filter((name) => ignored.test(name))) theirs.delete(path);
  const missing: string[] = [],
    differ: string[] = [];
  const find = (specs: unknown) => {
    const { leaves, paths, unflatten } = flattenTree(specs, isSpec);
    const order = (path: string, shape: Shape) => (path.endsWith("kernel") ? axes[shape.length] : undefined);
    const found = paths.map((path, i): Tensor | undefined => {
      const name = rename(rename(path, renamings[net.family]), weight),
        tensor = theirs.get(name),
        { shape } = leaves[i]!;
      theirs.delete(name);
      const wanted = order(path, shape)?.theirs.map((axis) => shape[axis]!) ?? shape;
      if (!tensor) missing.push(name);
      else if (!sameShape(tensor.shape, wanted)) differ.push(`${name} (${showShape(wanted)} was expected, got ${showShape(tensor.shape)})`);
      return tensor;
    });
    return () =>
      unflatten(
        found.map((tensor, i) => {
          const { shape, dtype } = leaves[i]!,
            back = order(paths[i]!, shape)?.ours;
          return (back ? tensor!.transpose([...back]) : tensor!).cast(dtype);
        }),
      );
  };
  const [params, state] = [find(shapes.params), find(shapes.state)],
    left = [...theirs.keys()];
  const wrong = Object.entries({ "missing: ": missing, "left over: ": left, "of another shape: ": differ }).filter(([, names]) => names.length > 0);
  if (wrong.length > 0) {
    const told = wrong.map(([what, names]) => what + names.slice(0, 3).join(", ") + (names.length > 3 ? ` and ${names.length - 3} more` : ""));
    fail(
      missing.length + left.length > 0 ? "ERR_ARGUMENT" : "ERR_SHAPE",
      "models.fromTimm",
      `the weights of ${net.name} in timm were expected, but of the tensors are ${told.join("; ")} (the network must have the file's sizes)`,
    );
  }
  return tidy(() => {
    const made = params();
    return { params: unravel(ravel(made), made), state: state() };
  });
}

const rename = (path: string, renaming: Renaming): string => renaming.reduce((name, [ours, theirs]) => name.replace(ours, theirs), path);
