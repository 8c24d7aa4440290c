// Our side: node bench/own/side.mjs ROOT; STEPPE_THREADS and STEPPE_ISA hold for it.
import { readInput, serve } from "../sides/serve.mjs";
import { curvatureWorks } from "./curvature.mjs";
import { kernelWorks } from "./kernels.mjs";
import { loadLibrary } from "./library.mjs";
import { trainingWorks } from "./training.mjs";

const library = await loadLibrary(process.argv[2]),
  { st } = library;
const { caps } = await st.openDevice("cpu");
st.setDevice("cpu");
const first = st.ones([4]).add(1);
await st.evaluate(first);
first.dispose();

const dispose = (outputs) => {
  for (const value of Object.values(outputs)) value.dispose();
};
const free = (outputs, run) => run.keeps || dispose(outputs);

const tensors = (inputs) =>
  Object.fromEntries(Object.entries(inputs).map(([name, entry]) => [name, st.tensor(readInput(entry), { shape: entry.shape })]));

/** Each work's tasks as functions of tensors that are there; the inputs end with the work. */
const onTensors = (make) => async (inputs, options) => {
  const given = tensors(inputs);
  await st.evaluate(given);
  const tasks = await make(given, options);
  return {
    ...tasks,
    dispose() {
      tasks.dispose?.();
      dispose(given);
    },
  };
};

await serve({
  versions: { isa: caps.isa, threads: caps.threads },
  works: Object.fromEntries(
    Object.entries({ ...kernelWorks(library), ...trainingWorks(library), ...curvatureWorks(library) }).map(([kind, make]) => [kind, onTensors(make)]),
  ),
  read: (value) => value.data(),
  /** Calls are queued one after another, and the last is waited for: work runs in the order of the calls. */
  async many(run, inner) {
    for (let i = 0; i < inner; i++) {
      const outputs = run(),
        done = i === inner - 1 ? st.evaluate(outputs) : null;
      await done;
      free(outputs, run);
    }
  },
  free,
});
