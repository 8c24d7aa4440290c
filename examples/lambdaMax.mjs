// The sharpness of functions of your own: lambda_max, the largest eigenvalue of the Hessian, and the ends of the spectrum.
// Run: node examples/lambdaMax.mjs
// Prints each eigenvalue with its residual ||H v - value v||, beside what a pencil (Rosenbrock) or the whole matrix (logistic regression) gives.
import * as st from "steppe";
import * as curvature from "steppe/curvature";

const show = (what, { value, residual, iterations }) =>
  console.log(`${what}: ${value.toPrecision(7)}, residual ${residual.toExponential(1)}${iterations ? `, ${iterations} products H v` : ""}`);

// Rosenbrock's function at its minimum (1, 1): H = [[802, -400], [-400, 200]], whose trace is 1002 and whose determinant is 400.
const rosenbrock = ({ x, y }) => x.sub(1).square().add(y.sub(x.square()).square().mul(100));
const minimum = { x: st.tensor(1), y: st.tensor(1) };
{
  // The Hessian as an operator: it multiplies, and no matrix is made. The last argument lists batches; this function has no data.
  const H = curvature.hessian(rosenbrock, minimum, [[]]);
  show("Rosenbrock, Lanczos", await curvature.lambdaMax(H, { method: "lanczos" }));
  show("Rosenbrock, power iteration", await curvature.lambdaMax(H, { method: "power" }));
  for (const pair of await curvature.spectrum(H, { k: 1, which: "both" })) show("Rosenbrock, spectrum", pair);
  H.dispose();
}
const root = Math.sqrt(501 ** 2 - 400);
console.log(`Rosenbrock, by pencil: ${(501 + root).toPrecision(7)} and ${(400 / (501 + root)).toPrecision(7)}`);

// Logistic regression of 40 weights on two batches of 64 points. Its Hessian is X^T diag(p (1 - p)) X / n, p = sigmoid(X w).
const keys = st.random.split(st.random.key(1), 4);
const w = st.random.normal(keys.at(0), [40]);
const batches = [1, 2].map((i) => {
  const x = st.random.normal(keys.at(i), [64, 40]);
  return [x, x.matmul(w).greater(0).cast("f32")];
});
const loss = (weights, x, y) => x.matmul(weights).sigmoidCrossEntropy(y);
{
  const H = curvature.hessian(loss, w, batches); // the mean over the batches
  show("logistic regression, Lanczos", await curvature.lambdaMax(H, { method: "lanczos", tol: 1e-4 }));
  show("logistic regression, power iteration", await curvature.lambdaMax(H, { method: "power", tol: 1e-2, maxIterations: 500 }));
  for (const pair of await curvature.spectrum(H, { k: 2, which: "both" })) show("logistic regression, spectrum", pair);
  H.dispose();
}
// The same from the matrix: its largest eigenvalue is the limit of ||H^(2^k)||^(2^-k), here with k = 12.
const X = st.concat(batches.map(([x]) => x)).cast("f64");
const p = X.matmul(w.cast("f64")).sigmoid();
let power = X.mT()
  .matmul(X.mul(p.mul(p.neg().add(1)).expandDims(1)))
  .div(128);
let logScale = 0;
for (let k = 0; k < 12; k++) {
  const norm = await power.norm().item();
  power = power.div(norm);
  power = power.matmul(power);
  logScale += Math.log(norm) / 2 ** k;
}
const limit = Math.exp(logScale + Math.log(await power.norm().item()) / 2 ** 12);
console.log(`logistic regression, from the matrix: ${limit.toPrecision(7)}`);
