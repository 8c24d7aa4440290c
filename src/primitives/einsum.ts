import { fail } from "../core/errors.ts";
import { showShape, sizeOf } from "../core/shape.ts";
import { define, o } from "../graph/algebra.ts";
import type { Value } from "../graph/node.ts";

declare module "../graph/algebra.ts" {
  interface Ops {
    /** "bhnd,bhmd->bhnm"; without "->" the letters that stand once, in alphabetical order, are kept; "..." are leading axes that broadcast. */
    einsum(equation: string, ...operands: Operand[]): Value;
  }
}

/** A value with a letter an axis. */
interface Labelled {
  value: Value;
  labels: string;
}

const unique = (text: string): string => [...new Set(text)].join("");
const only = (labels: string, wanted: string): string => [...labels].filter((c) => wanted.includes(c)).join("");
const except = (labels: string, unwanted: string): string => [...labels].filter((c) => !unwanted.includes(c)).join("");
const sizes = ({ value, labels }: Labelled, chosen: string): number[] => [...chosen].map((c) => value.shape[labels.indexOf(c)]!);

function parse(equation: string, values: readonly Value[]): { inputs: string[]; output: string } {
  const bad = (reason: string): never =>
    fail("ERR_ARGUMENT", "einsum", `an equation such as "ij,jk->ik" was expected, got ${JSON.stringify(equation)}: ${reason}`);
  if (typeof equation !== "string") bad("not a text");
  const sides = equation.replaceAll(" ", "").split("->");
  if (sides.length > 2) bad('"->" may stand once');
  const parts = sides[0]!.split(",");
  if (parts.length !== values.length) bad(`it names ${parts.length} operands, but ${values.length} came`);
  for (const part of [...parts, sides[1] ?? ""]) if (!/^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(part)) bad(`"${part}" is no row of letters`);

  // Axes under "..." get characters that no letter has; the last ones of all operands are the same.
  const hidden = parts.map((part, i) => (part.includes("...") ? values[i]!.shape.length - part.length + 3 : 0));
  const most = Math.max(...hidden),
    dots = Array.from({ length: Math.max(0, most) }, (_, i) => String.fromCharCode(0x3b1 + i)).join("");
  const inputs = parts.map((part, i) => part.replace("...", dots.slice(most - Math.max(0, hidden[i]!))));
  inputs.forEach((part, i) => {
    if (part.length !== values[i]!.shape.length || hidden[i]! < 0)
      fail("ERR_SHAPE", "einsum", `"${parts[i]}" names ${part.length} axes, but operand ${i} is ${showShape(values[i]!.shape)}`);
  });
  const all = inputs.join(""),
    once = [...unique(all)]
      .filter((c) => all.split(c).length === 2 && !dots.includes(c))
      .sort()
      .join("");
  const output = sides.length === 2 ? sides[1]!.replace("...", dots) : dots + once;
  if (unique(output) !== output) bad("a letter stands twice in the result");
  const stray = [...output].find((c) => !all.includes(c));
  if (stray) bad(`"${stray}" of the result is in no operand`);
  return { inputs, output };
}

/** x with the axes that share a letter reduced to their diagonal. */
function diagonal({ value, labels }: Labelled): Labelled {
  const at = [...labels].findIndex((c, i) => labels.indexOf(c) < i);
  if (at < 0) return { value, labels };
  const first = labels.indexOf(labels[at]!),
    n = value.shape[at]!;
  const place = (axis: number): Value =>
    o.reshape(
      o.iota("i32", n),
      value.shape.map((_, i) => (i === axis ? n : 1)),
    );
  return diagonal({
    value: o.sum(o.where(o.equal(place(first), place(at)), value, 0), { axis: at }),
    labels: labels.slice(0, at) + labels.slice(at + 1),
  });
}

/** Sums what is not wanted and puts the rest in the order of `wanted` (of which it may lack some). */
function arrange(x: Labelled, wanted: string): Labelled {
  const gone = except(x.labels, wanted),
    labels = only(x.labels, wanted);
  const value = gone ? o.sum(x.value, { axis: [...gone].map((c) => x.labels.indexOf(c)) }) : x.value,
    order = only(wanted, labels);
  return {
    value: o.transpose(
      value,
      [...order].map((c) => labels.indexOf(c)),
    ),
    labels: order,
  };
}

function contract(left: Labelled, right: Labelled, needed: string): Labelled {
  const keep = (x: Labelled, other: Labelled): Labelled => arrange(x, only(x.labels, needed + other.labels));
  const a = keep(left, right),
    b = keep(right, left);
  const common = only(a.labels, b.labels),
    batch = only(common, needed),
    inner = except(common, needed);
  const rows = except(a.labels, common),
    columns = except(b.labels, common),
    labels = batch + rows + columns;
  const shape = [...sizes(a, batch), ...sizes(a, rows), ...sizes(b, columns)];
  if (inner === "") {
    const spread = (x: Labelled): Value =>
      o.reshape(
        arrange(x, labels).value,
        [...labels].map((c) => (x.labels.includes(c) ? sizes(x, c)[0]! : 1)),
      );
    return { value: o.mul(spread(a), spread(b)), labels };
  }
  const p = o.reshape(arrange(a, batch + rows + inner).value, [...sizes(a, batch), sizeOf(sizes(a, rows)), sizeOf(sizes(a, inner))]);
  const q = o.reshape(arrange(b, batch + inner + columns).value, [...sizes(b, batch), sizeOf(sizes(b, inner)), sizeOf(sizes(b, columns))]);
  return { value: o.reshape(o.matmul(p, q), shape), labels };
}

define({
  einsum(equation, ...operands) {
    const values = operands.map((x) => o.asValue(x, undefined, "einsum"));
    if (values.length === 0) fail("ERR_ARGUMENT", "einsum", "an equation and one or more tensors were expected, got no tensor");
    const { inputs, output } = parse(equation, values),
      size = new Map<string, number>();
    inputs.forEach((labels, i) =>
      [...labels].forEach((c, axis) => {
        const n = values[i]!.shape[axis]!,
          known = size.get(c) ?? n;
        const broadcasts = c.charCodeAt(0) >= 0x3b1 && (n === 1 || known === 1);
        if (known !== n && !broadcasts)
          fail("ERR_SHAPE", "einsum", `"${c}" is ${known} and ${n} in ${inputs.join(",")} of ${values.map((x) => showShape(x.shape)).join(" and ")}`);
        size.set(c, Math.max(known, n));
      }),
    );
    const terms = inputs.map((labels, i) =>
      diagonal({
        value: o.broadcastTo(
          values[i]!,
          [...labels].map((c) => size.get(c)!),
        ),
        labels,
      }),
    );
    let [result, ...rest] = terms as [Labelled, ...Labelled[]];
    for (let next = rest.shift(); next; next = rest.shift()) result = contract(result, next, output + rest.map((x) => x.labels).join(""));
    return arrange(result, output).value;
  },
});
