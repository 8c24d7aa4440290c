import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { allKernels, type Kernel } from "../../kernels/kernel.ts";

export const kernelsFolder = fileURLToPath(new URL("../../kernels", import.meta.url));

/** Folders that hold a contract. */
export const kernelFolders = (): string[] =>
  readdirSync(kernelsFolder, { recursive: true, encoding: "utf8" })
    .filter((path) => /^[^/\\]+[/\\]kernel\.ts$/.test(path))
    .map((path) => path.split(/[/\\]/)[0]!)
    .sort();

/** All contracts; KERNEL=matmul,conv2d picks some, by name or by folder. */
export async function discover(): Promise<Kernel[]> {
  const wanted = process.env["KERNEL"]?.split(",");
  const found: Kernel[] = [];
  for (const folder of kernelFolders()) {
    const before = new Set(allKernels());
    await import(`../../kernels/${folder}/kernel.ts`);
    for (const kernel of allKernels()) {
      if (!before.has(kernel) && (!wanted || wanted.includes(folder) || wanted.includes(kernel.name))) found.push(kernel);
    }
  }
  return found;
}
