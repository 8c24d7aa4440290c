// What is ours alone, timed with benchmark.js: what a call costs beside its work.
import Benchmark from "benchmark";

export async function timeOwn(names) {
  const st = await import("../dist/src/index.js");
  const small = st.ones([8, 8]);
  const row = st.ones([1024]);
  const chain = (x) => x.mul(2).add(1).tanh().sum();
  const compiled = st.compile(chain, { name: "chain" });
  const finish = async (y) => {
    await st.evaluate(y);
    y.dispose();
  };
  const manyAdds = () => st.tidy(() => Array.from({ length: 1000 }).reduce((x) => x.add(small), small));
  const works = {
    "one addition, eager": () => finish(small.add(small)),
    "1000 additions, eager": () => finish(manyAdds()),
    "chain of 4 on 1024 numbers, eager": () => st.tidy(() => finish(chain(row))),
    "chain of 4 on 1024 numbers, compiled": () => finish(compiled(row)),
    "gradient of the chain, eager": () => st.tidy(() => finish(st.grad(chain)(row))),
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
