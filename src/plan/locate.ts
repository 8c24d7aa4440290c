import type { Node, Value } from "../graph/node.ts";
import type { StridedView } from "../graph/primitive.ts";
import { restride, wholeView } from "./strided.ts";

/** Where a value's elements are: in a base (which is computed, given, or a constant), through a view whose row-major order
 *  is the value's, though its shape may be split or merged. */
export interface Location {
  readonly base: Value;
  readonly view: StridedView;
}

/** Follows views down to what holds the elements. */
export class Locator {
  readonly #known = new Map<Value, Location>();
  readonly #aliases = new Set<Value>();
  readonly #sources = new Map<Value, Location>();
  /** Values that are written by the node of their pieces. */
  readonly #wholes = new Map<Value, Node>();
  constructor(private readonly isInput: (value: Value) => boolean) {}

  locate(value: Value): Location {
    const path: Value[] = [];
    let v = value;
    while (!this.#known.has(v) && this.isView(v)) {
      path.push(v);
      v = this.#source(v);
    }
    let at = this.#known.get(v);
    if (!at) this.#known.set(v, (at = { base: v, view: wholeView(v.shape) }));
    for (const next of path.reverse()) this.#known.set(next, (at = this.#through(next, at)));
    return at;
  }

  /** A value that is a view, though one that may need a copy. */
  isView(value: Value): boolean {
    return value.node.primitive.kind === "view" && !this.isInput(value) && !this.#wholes.has(value);
  }
  /** The bases whose elements (or, past a barrier, whose completion) a value needs. */
  dependencies(value: Value): readonly Value[] {
    if (!this.isView(value) && !this.isAlias(value)) return [value];
    const found = new Set<Value>();
    const seen = new Set<Value>();
    const stack = [value];
    while (stack.length > 0) {
      const v = stack.pop()!;
      if (seen.has(v)) continue;
      seen.add(v);
      if (this.isAlias(v)) stack.push(this.#known.get(v)!.base);
      else if (!this.isView(v)) found.add(v);
      else stack.push(...(v.node.primitive.identity === "barrier" ? v.node.inputs : [this.#source(v)]));
    }
    return [...found];
  }
  /** Makes a view a base, to be copied from where it was. */
  makeBase(value: Value): void {
    this.#sources.set(value, this.locate(value));
    this.#known.set(value, { base: value, view: wholeView(value.shape) });
  }
  /** What a copy of `value` reads. */
  source(value: Value): Location {
    return this.#sources.get(value) ?? this.locate(value);
  }
  /** Says that a value lies within another, though no view made it. */
  alias(value: Value, location: Location): void {
    this.#aliases.add(value);
    this.#known.set(value, location);
  }
  isAlias(value: Value): boolean {
    return this.#aliases.has(value);
  }
  /** Says that `pieces`, outputs of one node, are written right into `whole`, which they fill. */
  spread(whole: Value, pieces: ReadonlyMap<Value, StridedView>): void {
    for (const [piece, view] of pieces) {
      this.#wholes.set(whole, piece.node);
      this.#known.set(piece, { base: whole, view });
    }
  }
  /** The node that computes a value's elements. */
  maker(value: Value): Node {
    return this.#wholes.get(value) ?? value.node;
  }
  #source(value: Value): Value {
    return value.node.inputs[value.node.primitive.identity ? value.index : 0]!;
  }
  #through(value: Value, source: Location): Location {
    const { primitive, attrs } = value.node;
    if (primitive.identity) return source;
    const input = this.#source(value);
    const shaped = restride(source.view, input.shape);
    // The source has no strides for its own shape: it must be copied, and this is a view of the copy.
    if (shaped === null) return this.#view(value, { base: input, view: wholeView(input.shape) });
    const view = primitive.view!(shaped, value, attrs);
    return view ? { base: source.base, view } : { base: source.base, view: shaped };
  }
  #view(value: Value, source: Location): Location {
    const view = value.node.primitive.view!(source.view, value, value.node.attrs);
    return { base: source.base, view: view ?? source.view };
  }
}
