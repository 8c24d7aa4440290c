import { onError } from "./terminal.ts";

/** A signal for the first Ctrl-C or SIGTERM; the second ends the process at once. */
export function stopOnInterrupt(): { signal: AbortSignal; done(): void } {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(name === "SIGINT" ? 130 : 143);
    process.stderr.write(`\n${onError.yellow("Stopping after this step, and saving; once more to stop at once.")}\n`);
    controller.abort();
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  return { signal: controller.signal, done: () => void process.off("SIGINT", stop).off("SIGTERM", stop) };
}
