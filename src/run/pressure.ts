/** Plans that may be queued or running before `evaluate` waits for one to end. */
const maxInFlight = 64;

const inFlight = new Set<Promise<void>>();

/** Counts work until it settles. */
export function begun(done: Promise<void>): void {
  const ended = done.then(
    () => void inFlight.delete(ended),
    () => void inFlight.delete(ended),
  );
  inFlight.add(ended);
}

/** Resolves when there is room for one more plan. */
export async function room(): Promise<void> {
  while (inFlight.size >= maxInFlight) await Promise.race(inFlight);
}

/** Waits for all work, and a turn of the event loop in which the collector's finalizers give memory back. */
export async function relief(): Promise<void> {
  await Promise.all(inFlight);
  await new Promise((resume) => setTimeout(resume));
}
