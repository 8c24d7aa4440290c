import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { howToGetTorch, torchPython } from "../../scripts/torch.mjs";

/** Starts PyTorch in a child process that answers one command at a time. */
export async function startTorch(threads) {
  const python = torchPython();
  if (!python) throw new Error(howToGetTorch);
  const child = spawn(python, [fileURLToPath(new URL("torch_peer.py", import.meta.url))], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (command) => {
    child.stdin.write(`${JSON.stringify(command)}\n`);
    const { done, value } = await lines.next();
    if (done) throw new Error(`PyTorch's process ended during ${JSON.stringify(command).slice(0, 200)}`);
    return JSON.parse(value);
  };
  const versions = await ask({ command: "start", threads });
  return { versions, ask, stop: () => child.stdin.end() };
}
