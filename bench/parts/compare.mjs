// Two commits against each other: built in worktrees under .cache/compare, timed by the same cases in turns.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { curvatureCases } from "../cases/curvature.mjs";
import { kernelCases } from "../cases/kernels.mjs";
import { modelCases } from "../cases/models.mjs";
import { openOwn, root, stopAll } from "../sides/sides.mjs";
import { runCase } from "../timing.mjs";

const git = (...args) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
const addon = "build/Release/steppe.node";

/** A worktree of a commit, with this tree's dependencies. */
function checkOut(commit) {
  const hash = git("rev-parse", "--verify", `${commit}^{commit}`),
    folder = join(root, ".cache/compare", hash.slice(0, 12));
  if (!existsSync(join(folder, "package.json"))) {
    mkdirSync(join(root, ".cache/compare"), { recursive: true });
    rmSync(folder, { recursive: true, force: true });
    git("worktree", "prune");
    git("worktree", "add", "--detach", "--force", folder, hash);
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  }
  return { commit, hash, folder };
}

/** Builds what is not built yet; it stays for the next time. */
function build({ commit, folder }, log) {
  const run = (what, script) => {
    log(`building ${what} of ${commit}`);
    const { status, stderr, stdout } = spawnSync(process.execPath, script, { cwd: folder, encoding: "utf8" });
    if (status !== 0) throw new Error(`${commit} does not build: ${`${stdout}${stderr}`.trim().split("\n").at(-1)}`);
  };
  if (!existsSync(join(folder, addon))) run("the addon", ["scripts/build-native.mjs"]);
  if (!existsSync(join(folder, "dist/src/index.js"))) run("TypeScript", [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.json"]);
}

/** The second worktree takes the first one's addon where no source of it differs. */
function shareAddon(from, to) {
  if (existsSync(join(to.folder, addon)) || !existsSync(join(from.folder, addon))) return;
  const sources = ["native", "kernels/*.cpp", "kernels/*.h", "scripts/build-native.mjs"];
  if (spawnSync("git", ["diff", "--quiet", from.hash, to.hash, "--", ...sources], { cwd: root }).status !== 0) return;
  mkdirSync(join(to.folder, "build/Release"), { recursive: true });
  cpSync(join(from.folder, addon), join(to.folder, addon));
}

/** Our entries of a case, of both commits. */
const bothOf = (entries) => entries.filter((entry) => entry.startsWith("own:")).flatMap((entry) => [entry, entry.replace("own:", "other:")]);

/** Rows whose entries are "own:task" for the first commit and "other:task" for the second. Without names, all kernels and training steps. */
export async function compareCommits([first, second], { cases, threads, isa, rounds = 7, folder }, onRow, log) {
  const all = [...kernelCases(), ...(await modelCases()), ...(cases.length ? await curvatureCases() : [])],
    wanted = all.filter(({ id }) => cases.length === 0 || cases.includes(id));
  if (wanted.length === 0) throw new Error(`there is no case ${cases.join(", ")}`);
  const [a, b] = [checkOut(first), checkOut(second)];
  build(a, log);
  shareAddon(a, b);
  build(b, log);
  const sides = { own: await openOwn(first, { threads, isa, root: a.folder }), other: await openOwn(second, { threads, isa, root: b.folder }) },
    rows = [];
  try {
    for (const work of wanted) {
      const row = await runCase(sides, { ...work, entries: bothOf(work.entries), same: [] }, { rounds, folder });
      rows.push(row);
      onRow(row);
    }
  } finally {
    await stopAll(sides);
  }
  return { commits: [a.hash, b.hash], rows };
}
