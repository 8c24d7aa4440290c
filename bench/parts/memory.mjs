// Peak resident memory of training steps above that of the library just loaded, each side in a process of its own (VmHWM of Linux).
import { modelCases } from "../cases/models.mjs";
import { writeInputs } from "../inputs.mjs";
import { openOwn, openPeer } from "../sides/sides.mjs";

const steps = 3;

/** { rows: [{ id, what, own, torch }], absent } in bytes. */
export async function measureMemory({ cases, threads, isa, folder }, onRow) {
  const rows = [],
    absent = [];
  const wanted = (await modelCases()).filter(({ id, kind }) => kind === "training" && (cases.length === 0 || cases.includes(id)));
  for (const { id, what, kind, inputs, options } of wanted) {
    const files = writeInputs(folder, id, inputs),
      row = { id, what, own: null, torch: null, library: {} };
    for (const name of ["own", "torch"]) {
      if (absent.some((one) => one.name === name)) continue;
      let side;
      try {
        side = name === "own" ? await openOwn(name, { threads, isa }) : await openPeer(name, { threads, isa });
      } catch (error) {
        if (name === "own") throw error;
        absent.push({ name, why: error.message });
        continue;
      }
      const before = (await side.ask({ command: "peak" })).bytes;
      await side.ask({ command: "load", work: id, kind, inputs: files, options });
      await side.ask({ command: "time", work: id, task: "step", repeats: steps, inner: 1 });
      row[name] = (await side.ask({ command: "peak" })).bytes - before;
      row.library[name] = before;
      await side.stop();
    }
    rows.push(row);
    onRow(row);
  }
  return rows.length ? { rows, absent } : null;
}
