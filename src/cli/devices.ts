import { prepareDevice } from "./device.ts";
import type { CommonOptions } from "./options.ts";
import { onOutput, print, printJson } from "./terminal.ts";

export async function devicesCommand({ json, ...common }: CommonOptions): Promise<void> {
  await prepareDevice(common);
  const { devices } = await import("../index.ts");
  const list = devices();
  if (json) return printJson({ devices: list });
  const width = Math.max(...list.map(({ name }) => name.length));
  for (const { name, caps, reason } of list) {
    const { dtypes: _, alignment: __, ...known } = caps ?? { dtypes: [], alignment: 0 };
    const facts = Object.entries(known)
      .map(([key, value]) => `${key} ${String(value)}`)
      .join(", ");
    print(
      `${onOutput.bold(name.padEnd(width))}  ${caps ? onOutput.green(facts ? `ready: ${facts}` : "ready") : (reason ?? "not here").replace(/^\[[^\]]*\] /, "")}`,
    );
  }
}
