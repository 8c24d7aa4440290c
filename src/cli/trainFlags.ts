import type { Command } from "commander";
import {
  brokenNames,
  dataNames,
  decayNames,
  defaultConfig,
  lossNames,
  normNames,
  optimizerNames,
  policyNames,
  scheduleNames,
  type TrainConfig,
} from "../train/config.ts";
import { numberSetting, sizesSetting, textSetting } from "./options.ts";

type Key = Exclude<keyof TrainConfig, "augment">;
type Flag = readonly [key: Key, flag: string, value: "<n>" | "<x>" | "<name>" | "<folder>" | "<list>" | null, what: string];

/** The settings of a run as flags, by what they are about. Defaults are those of the configuration. */
const groups: Readonly<Record<string, readonly Flag[]>> = {
  "Network:": [
    ["model", "--model", "<name>", "the network, such as vit-ti/4, mixer-s/8, resnet-20"],
    ["sizes", "--sizes", "<list>", "sizes that replace the network's own: hidden=64,layers=4,heads=4"],
    ["norm", "--norm", "<name>", `of a resnet: ${normNames.join(" or ")} (with weight standardisation)`],
    ["dropout", "--dropout", "<x>", "dropout in the network"],
    ["dropPath", "--drop-path", "<x>", "stochastic depth: the share at the last block"],
    ["checkpoint", "--checkpoint", null, "compute each block again in the backward pass: less memory, a third more time"],
  ],
  "Data:": [
    ["data", "--data", "<name>", `${dataNames.join(", ")} (a folder with a folder of images for each class)`],
    ["dataDir", "--data-dir", "<folder>", "where the files of the data are; needed with images, else the npm package"],
    ["imageSize", "--image-size", "<n>", "pixels to which the images of a folder are brought"],
    ["broken", "--broken", "<name>", `an image that cannot be decoded: ${brokenNames.join(" or ")}`],
    ["limit", "--limit", "<n>", "use only the first n images of each split"],
    ["testLimit", "--test-limit", "<n>", "use only the first n test images (default: as --limit)"],
    ["fraction", "--fraction", "<x>", "use only this share of each class to train on, such as 0.1"],
    ["policy", "--policy", "<name>", `${policyNames.join(", ")} (the one for CIFAR-10)`],
    ["policyLayers", "--policy-layers", "<n>", "operations of randaugment on an image"],
    ["policyMagnitude", "--policy-magnitude", "<x>", "their magnitude; 10 is the usual most"],
    ["mixup", "--mixup", "<x>", "mix images in pairs, shares from Beta(x, x)"],
    ["cutmix", "--cutmix", "<x>", "put a box of one image into another, areas from Beta(x, x)"],
    ["erasing", "--erasing", "<x>", "the probability that a part of an image is erased"],
  ],
  "Training:": [
    ["epochs", "--epochs", "<n>", "passes over the images"],
    ["batch", "--batch", "<n>", "images of a step"],
    ["accumulate", "--accumulate", "<n>", "compute the batch in n parts one after another; with --sam each is perturbed on its own"],
    ["loss", "--loss", "<name>", `cross-entropy of the ${lossNames.join(" or of each class's ")}`],
    ["labelSmoothing", "--label-smoothing", "<x>", "the share of a label that is spread over all classes"],
    ["ema", "--ema", "<x>", "evaluate a moving average of the weights that keeps this share of the old; 0: none"],
    ["seed", "--seed", "<n>", "decides weights, order, augmentation and dropout"],
  ],
  "Optimizer:": [
    ["optimizer", "--optimizer", "<name>", optimizerNames.join(", ")],
    ["lr", "--lr", "<x>", "learning rate at its peak"],
    ["schedule", "--schedule", "<name>", `from the peak: ${scheduleNames.join(", ")}`],
    ["warmup", "--warmup", "<x>", "epochs in which the learning rate rises to its peak"],
    ["momentum", "--momentum", "<x>", "sgd's"],
    ["nesterov", "--nesterov", null, "sgd with Nesterov's momentum"],
    ["weightDecay", "--weight-decay", "<x>", "weight decay"],
    ["decay", "--decay", "<name>", `what decays: ${decayNames.join(" or ")} (no norms, biases, embeddings)`],
    ["clip", "--clip", "<x>", "the largest norm of the gradient; 0: no limit"],
  ],
  "Sharpness:": [
    ["sam", "--sam", "<x>", "sharpness-aware minimization with this radius rho; 0: without"],
    ["samM", "--sam-m", "<n>", "images of one perturbation (default: the whole batch)"],
    ["samAdaptive", "--sam-adaptive", null, "adaptive SAM: perturb in proportion to the weights"],
    ["logCurvature", "--log-curvature", "<n>", "measure lambda_max every n epochs; 0: never"],
  ],
};

const defaultOf = (key: Key): string => {
  const value = defaultConfig[key];
  return value === null || typeof value === "object" || value === false ? "" : ` (default: ${value})`;
};

export function withTrainFlags(command: Command): Command {
  for (const [heading, flags] of Object.entries(groups)) {
    command.optionsGroup(heading);
    for (const [key, flag, value, what] of flags) {
      if (value === null) command.option(flag, what);
      else if (value === "<n>" || value === "<x>") command.option(`${flag} ${value}`, what + defaultOf(key), numberSetting(key, flag));
      else if (value === "<list>") command.option(`${flag} ${value}`, what, sizesSetting(key, flag));
      else command.option(`${flag} ${value}`, what + defaultOf(key), textSetting(key, flag));
    }
    if (heading === "Data:") command.option("--no-augment", "train on the images without random crops and mirroring");
  }
  return command;
}
