// Four ratios that a change can be judged by in a minute.
import { kernelCases } from "./kernels.mjs";
import { modelCases } from "./models.mjs";

const chosen = { "matmul-1024-1024-1024": "forward", "attention-197": "both", "vit-d128": "step", "conv2d-32-16-64-64-3-1": "both" };

export async function quickCases() {
  const all = [...kernelCases(), ...(await modelCases())];
  return Object.entries(chosen).map(([id, task]) => ({ ...all.find((each) => each.id === id), entries: [`own:${task}`, `torch:${task}`] }));
}
