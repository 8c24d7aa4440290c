// Prints the milliseconds from before the import to the first result: node bench/own/firstResult.mjs ROOT
const began = performance.now();
const st = await import(`${process.argv[2]}/dist/src/index.js`);
const [sum] = await st.tensor([1, 2]).add(1).data();
const ms = performance.now() - began;
if (sum !== 2) throw new Error(`1 + 1 gave ${sum}`);
console.log(ms);
