// npm run bench -- [--quick] [--json] [--rounds N] [name ...]: ours against PyTorch in the same run, taking turns, outputs compared first; medians.
// Without --quick also times what is ours alone.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startTorch } from "./peers/torch.mjs";
import { makeWorks } from "./works.mjs";

const threads = 2;
process.env.STEPPE_THREADS = String(threads);

const { values: flags, positionals: names } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean" }, json: { type: "boolean" }, rounds: { type: "string", default: "7" } },
});

const st = await import("../dist/src/index.js");
await st.openDevice("cpu");
st.setDevice("cpu");

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const pause = (ms) => new Promise((resume) => setTimeout(resume, ms)); // lets the other side's threads fall asleep

async function send(torch, folder, name, { inputs, options = {} }) {
  const files = {};
  for (const [key, value] of Object.entries(inputs)) {
    const path = join(folder, `${name}.in.${key}`);
    writeFileSync(path, await value.data());
    files[key] = { path, shape: [...value.shape], dtype: value.dtype };
  }
  await torch.ask({ command: "load", work: name, inputs: files, options });
}

/** The largest difference of any output, against the largest number in it. */
async function disagreement(torch, folder, name, outputs) {
  const theirs = (await torch.ask({ command: "outputs", work: name, folder })).outputs;
  let worst = 0;
  for (const [key, value] of Object.entries(outputs)) {
    const ours = await value.data();
    const file = readFileSync(theirs[key]);
    const other = new Float32Array(file.buffer, file.byteOffset, file.length / 4);
    if (other.length !== ours.length) throw new Error(`${name}.${key}: ours has ${ours.length} numbers, PyTorch's ${other.length}`);
    let [difference, scale] = [0, 0];
    for (let i = 0; i < ours.length; i++) {
      difference = Math.max(difference, Math.abs(ours[i] - other[i]));
      scale = Math.max(scale, Math.abs(other[i]));
    }
    worst = Math.max(worst, difference / scale);
  }
  return worst;
}

const disposeAll = (outputs) => Object.values(outputs).forEach((value) => value.dispose());

async function timeOurs(run, repeats) {
  const times = [];
  for (let i = 0; i < repeats; i++) {
    const began = performance.now();
    const outputs = run();
    await st.evaluate(outputs);
    times.push(performance.now() - began);
    disposeAll(outputs);
  }
  return times;
}

async function compare(torch, folder, { name, what, limit, make, repeats, checks = 1 }, rounds) {
  const work = make();
  await send(torch, folder, name, work);
  let apart = 0;
  for (let i = 0; i < checks; i++) {
    const outputs = work.run();
    apart = Math.max(apart, await disagreement(torch, folder, name, outputs));
    disposeAll(outputs);
  }
  if (!(apart < 1e-4)) throw new Error(`${what}: ours and PyTorch's outputs are apart by ${apart.toExponential(1)} of the largest`);
  const [ours, theirs] = [[], []];
  for (let round = 0; round < rounds + 1; round++) {
    await pause(50);
    const { times } = await torch.ask({ command: "time", work: name, repeats });
    await pause(50);
    const own = await timeOurs(work.run, repeats);
    if (round === 0) continue; // warm-up
    theirs.push(...times);
    ours.push(...own);
  }
  const row = { name, what, oursMs: median(ours), torchMs: median(theirs), apart, limit };
  return { ...row, ratio: row.oursMs / row.torchMs };
}

const torch = await startTorch(threads).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
const folder = mkdtempSync(join(tmpdir(), "steppe-bench-"));
try {
  const { caps } = st.devices().find((device) => device.name === "cpu");
  const machine = {
    cpu: cpus()[0].model,
    isa: caps.isa,
    threads,
    node: process.versions.node,
    torch: torch.versions.torch,
    torchIsa: torch.versions.isa,
  };
  const works = (await makeWorks()).filter(({ name }) => names.length === 0 || names.includes(name));
  if (!flags.json)
    console.log(
      Object.entries(machine)
        .map(([key, value]) => `${key} ${value}`)
        .join(", "),
    );
  const rows = [];
  for (const work of works) {
    const row = await compare(torch, folder, work, Number(flags.rounds));
    rows.push(row);
    const times = `ours ${row.oursMs.toFixed(2)} ms, PyTorch ${row.torchMs.toFixed(2)} ms`;
    if (!flags.json) console.log(`${row.what}: ${times}, ratio ${row.ratio.toFixed(2)} (at most ${row.limit}), apart ${row.apart.toExponential(1)}`);
  }
  const own = flags.quick ? [] : await (await import("./own.mjs")).timeOwn(names);
  if (flags.json) console.log(JSON.stringify({ machine, rows, own }));
  else for (const { name, hz, rme } of own) console.log(`${name}: ${hz.toPrecision(4)} a second (+-${rme.toFixed(1)} %)`);
} finally {
  torch.stop();
  rmSync(folder, { recursive: true, force: true });
}
