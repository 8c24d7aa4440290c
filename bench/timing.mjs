// One case: inputs to all sides, agreement, then rounds in which the sides take turns.
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { apartOf } from "./agreement.mjs";
import { writeInputs } from "./inputs.mjs";
import { median, spread } from "./statistics.mjs";

/** Milliseconds after which the threads of the side that worked last have gone to sleep. */
const pause = 60;
/** Milliseconds that one sample lasts at least, and that the samples of a turn last together if there can be several. */
const sampleMs = 4,
  turnMs = 150;

const sideOf = (entry) => entry.split(":")[0],
  taskOf = (entry) => entry.split(":")[1];

/**
 * entries: "side:task", in turns. Our outputs of a task are compared with those of every other entry of that task, and with `same`, pairs of entries.
 * A peer that cannot do a task, or whose numbers are apart by more than the tolerance, is left out of it with the reason (`failed`); our own side and
 * PyTorch must be able to, and agree. checks: how many calls are compared. slow: entries that are timed in two rounds only.
 */
export async function runCase(sides, work, { rounds, folder }) {
  const { id, what, kind, inputs, options = {}, tolerance, flops, bytes } = work;
  const files = writeInputs(folder, id, inputs);
  const result = { id, what, times: {}, spreads: {}, apart: {}, tolerance, failed: {}, flops, bytes };
  const live = new Set(work.entries.filter((entry) => sides[sideOf(entry)]));
  const giveUp = (entries, error) => {
    if (entries.some((entry) => ["own", "own1", "torch"].includes(sideOf(entry)))) throw error;
    for (const entry of entries) {
      result.failed[entry] = error.message;
      live.delete(entry);
    }
  };
  const ask = (entry, message) =>
    sides[sideOf(entry)].ask({ work: id, task: taskOf(entry), ...message }).catch((error) => {
      giveUp([entry], error);
      return null;
    });

  const names = [...new Set([...live].map(sideOf))];
  for (const name of names) {
    const load = { command: "load", work: id, kind, inputs: files, options };
    await sides[name].ask(load).catch((error) =>
      giveUp(
        [...live].filter((entry) => sideOf(entry) === name),
        error,
      ),
    );
  }
  await checkAgreement(work, live, ask, giveUp, folder, result);
  const times = await takeTurns(work, live, ask, rounds);
  for (const name of names) await sides[name].ask({ command: "drop", work: id });
  for (const { path } of Object.values(files)) rmSync(path, { force: true });
  for (const entry of live) {
    result.times[entry] = median(times[entry]);
    result.spreads[entry] = spread(times[entry]);
  }
  return result;
}

async function checkAgreement({ what, tolerance, checks = 1, same = [] }, live, ask, giveUp, folder, result) {
  const scales = {};
  for (let i = 0; i < checks; i++) {
    const outputs = {};
    for (const entry of [...live]) outputs[entry] = (await ask(entry, { command: "outputs", folder }))?.outputs;
    const others = [...live].filter((entry) => sideOf(entry) !== "own").map((entry) => [`own:${taskOf(entry)}`, entry]);
    for (const [ours, theirs] of [...others, ...same]) {
      if (!outputs[ours] || !outputs[theirs]) continue;
      const far = apartOf(outputs[ours], outputs[theirs], `${what}, ${taskOf(theirs)}`, (scales[`${ours} ${theirs}`] ??= new Map()));
      result.apart[theirs] = Math.max(result.apart[theirs] ?? 0, far);
      if (far <= tolerance) continue;
      giveUp(
        [theirs],
        new Error(`${what}: ${ours} and ${theirs} are apart by ${far.toExponential(1)} of the largest, more than ${tolerance.toExponential(1)}`),
      );
    }
    for (const paths of Object.values(outputs)) for (const path of Object.values(paths ?? {})) rmSync(path, { force: true });
  }
}

/** { entry: milliseconds of each sample }. A first round warms up and tells how often each task runs in a turn: cold once, then so often as that says. */
async function takeTurns({ slow = [] }, live, ask, rounds) {
  const turns = {},
    times = Object.fromEntries([...live].map((entry) => [entry, []]));
  for (let round = 0; round <= rounds; round++) {
    // Every other round goes backwards: no side always follows the same one.
    const order = [...live];
    for (const entry of round % 2 ? order.reverse() : order) {
      if (round > 2 && slow.includes(entry)) continue;
      await sleep(pause);
      if (round === 0) turns[entry] = await turnFor(entry, ask);
      else {
        const answer = await ask(entry, { command: "time", ...turns[entry] });
        if (answer) times[entry].push(...afterWarmUp(answer.times));
      }
    }
  }
  return times;
}

async function turnFor(entry, ask) {
  const cold = await ask(entry, { command: "time", repeats: 1, inner: 1 });
  const guess = turnOf(cold?.times[0] ?? turnMs);
  if (guess.repeats === 1) return guess;
  const warm = await ask(entry, { command: "time", ...guess });
  return turnOf(median(afterWarmUp(warm?.times ?? cold.times)));
}

/** The first of several samples follows a pause: caches and clocks are cold. */
export const afterWarmUp = (times) => (times.length > 1 ? times.slice(1) : times);

/** How often a task runs in a sample, and how many samples a turn has. */
export function turnOf(ms) {
  const inner = Math.min(200, Math.max(1, Math.ceil(sampleMs / ms)));
  return { inner, repeats: Math.min(11, Math.max(1, Math.floor(turnMs / (ms * inner)))) };
}
