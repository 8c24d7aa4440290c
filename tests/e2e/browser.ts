/** Chromium for tests of pages: that of @sparticuz/chromium with its own libraries and fonts, driven by playwright-core. */
import { existsSync } from "node:fs";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const entry = (() => {
  try {
    return require.resolve("@sparticuz/chromium");
  } catch {
    return null;
  }
})();

/** Whether the package with the browser is installed. */
export const hasBrowser = entry !== null;

/** Starts Chromium; `args` are more of its flags, such as those of WebGPU. What keeps it from starting is in the error. */
export async function launch(args: readonly string[] = []): Promise<Browser> {
  const folder = await unpacked();
  const env = { ...process.env, LD_LIBRARY_PATH: join(folder, "al2023", "lib"), FONTCONFIG_FILE: join(folder, fontsFile), HOME: folder };
  return chromium.launch({
    executablePath: join(folder, "chromium"),
    args: ["--no-sandbox", "--font-render-hinting=none", ...args],
    env: env as Record<string, string>,
  });
}

/** The package's own list of font folders holds for Amazon's machines. */
const fontsFile = "pages.conf",
  fontsOf = (folder: string): string =>
    `<?xml version="1.0"?><fontconfig><dir>${folder}/fonts</dir><cachedir>${folder}/font-cache</cachedir></fontconfig>\n`;

/** The folder with the unpacked archives: made once a machine, in one step, so that tests beside each other do not see half of it. */
async function unpacked(): Promise<string> {
  const { version } = require(join(entry!, "../../../package.json")) as { version: string };
  const folder = join(tmpdir(), `steppe-chromium-${version}`);
  if (existsSync(folder)) return folder;
  const making = await mkdtemp(`${folder}-`),
    before = { ...process.env };
  try {
    // The package unpacks into the temporary folder, and its libraries only where it believes itself on Amazon Linux.
    Object.assign(process.env, { TMPDIR: making, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs22.x" });
    const { default: package_ } = await import("@sparticuz/chromium");
    await package_.executablePath();
  } finally {
    for (const name of ["TMPDIR", "AWS_EXECUTION_ENV", "LD_LIBRARY_PATH", "FONTCONFIG_PATH", "HOME"]) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
  await writeFile(join(making, fontsFile), fontsOf(folder));
  await rename(making, folder).catch(async (error) => {
    await rm(making, { recursive: true, force: true });
    if (!existsSync(folder)) throw error; // another process was faster
  });
  return folder;
}
