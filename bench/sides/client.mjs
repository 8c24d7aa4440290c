// One side of a comparison: a process that answers one JSON line for each JSON line it gets.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Starts a process. A side that cannot start, or ends early, rejects with what it said last on stderr. */
export async function startProcess(name, command, args, env = {}) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } });
  let said = "";
  child.stderr.on("data", (data) => {
    said = (said + data).slice(-2000);
  });
  child.stdin.on("error", () => {}); // the reader below tells that the process has ended
  const ended = new Promise((resolve) => {
    child.on("error", resolve);
    child.on("close", resolve);
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (message) => {
    child.stdin.write(`${JSON.stringify(message)}\n`);
    const { done, value } = await lines.next();
    if (done) {
      await ended;
      throw new Error(`${name} ended during ${JSON.stringify(message).slice(0, 120)}: ${said.trim().split("\n").at(-1) || "it said nothing"}`);
    }
    const answer = JSON.parse(value);
    if (answer.error) throw new Error(`${name}: ${answer.error}`);
    return answer;
  };
  const stop = () => {
    child.stdin.end();
    return ended;
  };
  return { name, ask, stop, pid: child.pid };
}
