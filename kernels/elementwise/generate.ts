import type { RegisterType } from "./program.ts";
import { opNames, type ScalarRow, scalarRow } from "./scalar.ts";

const types: readonly (readonly [RegisterType, string])[] = [
  ["f32", "float"],
  ["f64", "double"],
  ["i32", "int32_t"],
  ["u32", "uint32_t"],
];

function entry(row: ScalarRow, type: RegisterType, cType: string): string {
  if (!row.types.includes(type)) return "nullptr";
  const lane = row.modular && type === "i32" ? "uint32_t" : cType;
  const shape = row.name === "select" ? "choose" : row.result === "i32" ? "test" : "map";
  const operands = ["auto a", "auto b", "auto c"].slice(0, row.arity).join(", ");
  return `${shape}<${lane}, [](${operands}) { return (${row.c}); }>`;
}

/** kernels/elementwise/scalar.gen.h: the loops of every opcode and register type. */
export function scalarHeader(): string {
  const rows = opNames.map((name) => {
    const row = scalarRow(name);
    if (row === undefined) return `    {},  // ${name}`;
    return `    // ${name}\n    {${types.map(([type, cType]) => entry(row, type, cType)).join(",\n     ")}},`;
  });
  return `// Written by scripts/generate.mjs from scalar.ts.
// clang-format off
#pragma once
#include "kernels/elementwise/loops.h"

namespace steppe::STEPPE_NS {

const Loop scalar_loops[][4] = {
${rows.join("\n")}
};

}  // namespace steppe::STEPPE_NS
`;
}

/** kernels/shared/opcodes.gen.h: the opcodes by name. */
export function opcodeHeader(): string {
  const names = opNames.map((name) => name[0]!.toUpperCase() + name.slice(1));
  return `// Written by scripts/generate.mjs from scalar.ts.
// clang-format off
#pragma once

namespace steppe {

enum class Opcode { ${names.join(", ")} };

}  // namespace steppe
`;
}
