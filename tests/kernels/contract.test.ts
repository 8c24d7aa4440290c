import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ParamType } from "../../kernels/kernel.ts";
import { loadAddon } from "../../src/backends/native.ts";
import * as tape from "../../src/backends/tape.ts";
import { discover, kernelFolders, kernelsFolder } from "./discover.ts";

// Kept in step by reading the C++: parameter structs and kernel.ts, the addon's table and kernel.ts, tape.h and tape.ts.

/** "m: u32" for each field of the structs under a line `// params: name, name`; structs of one type inside them are lists. */
function structs(folder: string): Map<string, string[]> {
  const sources = readdirSync(join(kernelsFolder, folder))
    .filter((name) => /\.(cpp|h)$/.test(name))
    .map((name) => readFileSync(join(kernelsFolder, folder, name), "utf8"));
  const known = new Map<string, string[]>(),
    named = new Map<string, string>();
  for (const [, names, struct] of sources.join("\n").matchAll(/^\/\/ params: (.+)\nstruct (\w+)/gm)) {
    for (const name of names!.split(",")) named.set(name.trim(), struct!);
  }
  const fieldsOf = (struct: string): string[] => known.get(struct) ?? read(struct);
  function read(struct: string): string[] {
    const [, base, body] =
      sources.map((source) => new RegExp(`^struct ${struct}(?: : (\\w+))? \\{([^}]*)\\}`, "m").exec(source)).find((match) => match) ?? [];
    const declarations = (body ?? "")
      .replace(/\/\/.*$/gm, "")
      .split(";")
      .map((text) => text.trim())
      .filter(Boolean);
    const fields = [...(base ? fieldsOf(base) : []), ...declarations.flatMap(declared)];
    known.set(struct, fields);
    return fields;
  }
  /** `uint32_t m, n`, `int32_t strides[4]`, `HeadView qView`. */
  function declared(declaration: string): string[] {
    const [, type, names] = /^(?:std::)?(\w+)\s+(.+)$/s.exec(declaration)!;
    return names!.split(",").map((name) => {
      const [, word, list] = /^(\w+)(\[\d*\])?$/.exec(name.trim())!,
        inner = types[type!] ? null : fieldsOf(type!);
      return inner ? `${camel(word!)}: ${inner[0]!.split(": ")[1]}[${inner.length}]` : `${camel(word!)}: ${types[type!]}${list ?? ""}`;
    });
  }
  return new Map([...named].map(([name, struct]) => [name, fieldsOf(struct)]));
}

const types: Record<string, string> = { uint32_t: "u32", int32_t: "i32", double: "f64" };
const camel = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

const kernels = await discover();

describe("parameter structs", () => {
  const inCpp = new Map(kernelFolders().flatMap((folder) => [...structs(folder)]));
  test.each(kernels.map((kernel) => [kernel.name, kernel] as const))("%s", (name, kernel) => {
    const fields = Object.entries(kernel.params as Record<string, ParamType>);
    const onlyList = fields.length === 1 && fields[0]![1] === "i32[]"; // its words have no struct
    if (!onlyList) expect(inCpp.get(name), `a struct under "// params: ${name}"`).toEqual(fields.map(([field, type]) => `${camel(field)}: ${type}`));
    const firstWord = fields.findIndex(([, type]) => type !== "f64"),
      lists = fields.filter(([, type]) => type === "i32[]");
    expect(firstWord < 0 || fields.slice(firstWord).every(([, type]) => type !== "f64"), "f64 fields come first").toBe(true);
    expect(lists.length === 0 || (lists.length === 1 && fields.at(-1) === lists[0]), "a list comes last").toBe(true);
  });
});

test("the addon has the kernels of the contracts and no others", () => {
  const inAddon = loadAddon().kernels.filter(
    (name) => !process.env["KERNEL"] || kernels.some((k) => k.dtypes.some((dtype) => name === `${k.name}_${dtype}`)),
  );
  expect(inAddon).toEqual(kernels.flatMap(({ name, dtypes }) => dtypes.map((dtype) => `${name}_${dtype}`)).sort());
});

test("tape.h and tape.ts agree", () => {
  const source = readFileSync(join(kernelsFolder, "..", "native", "tape.h"), "utf8");
  const constants = Object.fromEntries([...source.matchAll(/constexpr \w+ k(\w+) = (\d+);/g)].map(([, name, value]) => [name, Number(value)]));
  expect(constants).toEqual({ Version: tape.version, Header: tape.header, CommandHeader: tape.commandHeader, BufferWords: tape.bufferWords });
  expect(loadAddon().tapeVersion).toBe(tape.version);
});
