import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

// From the ground up. Folders on one floor do not see each other; "index" is src/index.ts, the public names.
const floors = [
  ["core"],
  ["kernels"],
  ["graph"],
  ["primitives"],
  ["transforms"],
  ["plan"],
  ["backends"],
  ["run"],
  ["tensor"],
  ["index"],
  ["nn", "optim", "curvature", "data"],
  ["models"],
  ["analysis"],
  ["train"],
  ["study"],
  ["cli"],
];
const heightOf = new Map(floors.flatMap((folders, height) => folders.map((folder) => [folder, height] as const)));

function sourcesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => /\.(ts|js)$/.test(path))
    .map((path) => join(folder, path));
}

function floorOf(path: string): string {
  const [top, second] = path.split("/");
  if (top === "kernels") return "kernels";
  return second!.replace(/\.ts$/, "");
}

const textOf = (path: string): string => readFileSync(join(root, path), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
const names = (text: string, pattern: RegExp): string[] => Array.from(text.matchAll(pattern), (match) => match[1]!);

/** What a file imports at run time: type-only imports and exports vanish when it is compiled. */
const staticImports = (path: string): string[] => names(textOf(path), /^(?:import|export)\s+(?!type\b)(?:[\w*\s{},$]*?\sfrom\s*)?"([^"]+)"/gm);
const lateImports = (path: string): string[] => names(textOf(path), /\bimport\("([^"]+)"\)/g);
const importsOf = (path: string): string[] => [...staticImports(path), ...lateImports(path)];

const files = [...sourcesUnder("src"), ...sourcesUnder("kernels")];
const graph = new Map(
  files.map((path) => [
    path,
    importsOf(path)
      .filter((name) => name.startsWith("."))
      .map((name) => relative(root, normalize(join(root, dirname(path), name)))),
  ]),
);

it("imports point down the floors", () => {
  const unknown = files.filter((path) => !heightOf.has(floorOf(path)));
  expect(unknown, "files on no floor: name their folder in this test and in ARCHITECTURE.md").toEqual([]);
  const upward: string[] = [];
  for (const [path, targets] of graph) {
    for (const target of targets) {
      const [from, to] = [floorOf(path), floorOf(target)];
      if (from !== to && heightOf.get(to)! >= heightOf.get(from)!) upward.push(`${path} (${from}) imports ${target} (${to})`);
    }
  }
  expect(upward).toEqual([]);
});

it("relative imports name files that exist, with their suffix", () => {
  const missing = [...graph].flatMap(([path, targets]) =>
    targets.filter((target) => !graph.has(target)).map((target) => `${path} imports ${target}`),
  );
  expect(missing).toEqual([]);
});

it("no file imports itself through others", () => {
  const finished = new Set<string>();
  const cycles: string[] = [];
  for (const start of files) {
    const trail: { path: string; next: number }[] = [{ path: start, next: 0 }];
    while (trail.length) {
      const top = trail.at(-1)!;
      const target = graph.get(top.path)?.[top.next++];
      if (finished.has(top.path) || target === undefined) {
        finished.add(top.path);
        trail.pop();
        continue;
      }
      const at = trail.findIndex(({ path }) => path === target);
      if (at >= 0) cycles.push([...trail.slice(at).map(({ path }) => path), target].join(" -> "));
      else if (!finished.has(target)) trail.push({ path: target, next: 0 });
    }
  }
  expect(cycles).toEqual([]);
});

const isPackage = (name: string): boolean => !name.startsWith(".") && !name.startsWith("node:");

it("what the engine imports when it is loaded is Node alone", () => {
  const engine = files.filter((path) => heightOf.get(floorOf(path))! <= heightOf.get("index")!);
  expect(
    engine.flatMap((path) =>
      staticImports(path)
        .filter(isPackage)
        .map((name) => `${path} imports ${name}`),
    ),
  ).toEqual([]);
});

it("every package that is imported is a dependency", () => {
  const { dependencies = {}, peerDependencies = {} } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const unknown = files.flatMap((path) =>
    importsOf(path)
      .filter((name) => isPackage(name) && !(name in dependencies || name in peerDependencies))
      .map((name) => `${path} imports ${name}`),
  );
  expect(unknown).toEqual([]);
});
