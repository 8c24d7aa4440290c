// What is ours alone, timed with benchmark.js: what a call costs beside its work.
import Benchmark from "benchmark";

export async function timeOwn(names) {
  const st = await import("../dist/src/index.js");
  const small = st.ones([8, 8]);
  const row = st.ones([1024]);
  const chain = (x) => x.mul(2).add(1).tanh().sum();
  const compiled = st.compile(chain, { name: "chain" });
  const works = {
    "record add": () => small.add(small).dispose(),
    "eager chain of 4 on 1024": async () => await st.evaluate(chain(row)),
    "compiled chain of 4 on 1024": async () => {
      const y = compiled(row);
      await st.evaluate(y);
      y.dispose();
    },
    "gradient of the chain, traced": () => st.grad(chain)(row).dispose(),
  };
  const results = [];
  for (const [name, work] of Object.entries(works)) {
    if (names.length && !names.includes(name)) continue;
    results.push(
      await new Promise((resolve, reject) => {
        new Benchmark(name, {
          defer: true,
          fn: (deferred) => Promise.resolve(work()).then(() => deferred.resolve(), reject),
          onComplete: ({ target }) => resolve({ name, hz: target.hz, rme: target.stats.rme }),
        }).run({ async: true });
      }),
    );
  }
  return results;
}
