import { sizeOf } from "../core/shape.ts";
import { barrier } from "../graph/control.ts";
import { apply, Node, type Value } from "../graph/node.ts";
import { reachable } from "../graph/walk.ts";
import { fewestBytes } from "../transforms/cut.ts";
import { type Held, sourceOf, Timeline } from "./held.ts";
import { isConstantLeaf } from "./space.ts";
import { bytesOf } from "./stores.ts";

/** Smaller values are kept. */
const leastBytes = 1 << 18;
/** Opaque nodes by which what a value is made from again may be back later than the value itself. */
const slack = 3;

/**
 * Values that would be held for long, as activations are until the backward pass, are made again when they are needed where elementwise work makes them
 * from fewer bytes: GELU and its derivative from one value, a normalized one from what was normalized.
 */
export function recompute(outputs: readonly Value[], isInput: (value: Value) => boolean, least = leastBytes): readonly Value[] {
  const timeline = new Timeline(reachable(outputs, isInput), isInput);
  const own = new Set(outputs.map((out) => timeline.baseOf(out)));
  const held = timeline.held(least).filter(({ value }) => !own.has(value));
  const recipes = new Recipes(timeline, held, (x) => isInput(x) || isConstantLeaf(x) || own.has(x) || bytesOf(x) < least);
  const kept = new Set(
    fewestBytes(
      held.map(({ value }) => value),
      (value) => recipes.sources(value),
      bytesOf,
    ),
  );
  const again = held.filter(({ value }) => !kept.has(value));
  return again.length === 0 ? outputs : new Remake(timeline, recipes, again, kept, isInput).run(outputs);
}

/** From what values can be made again. */
class Recipes {
  readonly #back: ReadonlyMap<Value, number>;
  readonly #due = new Map<Value, number>();
  readonly #other = new Map<Value, Value>();

  constructor(
    private readonly timeline: Timeline,
    held: readonly Held[],
    /** Whether a value is at hand all the time, or too small to count. */
    readonly isFree: (value: Value) => boolean,
  ) {
    this.#back = new Map(held.map(({ value, back }) => [value, back]));
  }

  /** The same value by elementwise work: itself, or what its primitive offers; null if there is no such thing. */
  of(value: Value): Value | null {
    const { primitive, inputs, outputs, attrs } = value.node;
    if (primitive.kind === "elementwise") return value;
    if (value.index !== 0 || !primitive.again) return null;
    let other = this.#other.get(value);
    if (!other) this.#other.set(value, (other = this.timeline.baseOf(primitive.again(inputs, outputs, attrs))));
    return other;
  }

  /** Large values that a value is made from again, null where it must be kept. */
  sources(value: Value): readonly Value[] | null {
    const recipe = this.of(value);
    if (!recipe) return null;
    const due = this.#back.get(value) ?? this.#due.get(value)!;
    const found = recipe.node.inputs.map((x) => this.timeline.baseOf(x)).filter((x) => !this.isFree(x));
    for (const x of found) {
      const back = this.#back.get(x);
      // It would have to be made again long before it is needed itself.
      if (back !== undefined && this.of(x) && this.timeline.distance(due, back) > slack) return null;
      if (back === undefined) this.#due.set(x, Math.min(due, this.#due.get(x) ?? Infinity));
    }
    return found;
  }
}

/** The graph once more, in an order where what is made again comes just before it is needed. */
class Remake {
  readonly #made = new Map<Value, Value>();
  readonly #late = new Map<Value, Value>();
  readonly #back: ReadonlyMap<Value, number>;
  /** By position of the node after which they are made again. */
  readonly #after = new Map<number, Value[]>();
  /** Positions of nodes that wait for what is made again after a later one, and that one's. */
  readonly #waiting = new Map<number, number>();

  constructor(
    private readonly timeline: Timeline,
    private readonly recipes: Recipes,
    again: readonly Held[],
    private readonly kept: ReadonlySet<Value>,
    private readonly isInput: (value: Value) => boolean,
  ) {
    this.#back = new Map(again.map(({ value, back }) => [value, back]));
    const places = new Map<Held, number>();
    for (const one of again) {
      const place = this.#besideReader(one);
      if (place >= 0) places.set(one, place);
    }
    const leaders = [...places];
    for (const one of again) {
      const place = places.has(one) ? null : this.#besideOther(one, leaders);
      if (place !== null) places.set(one, place);
    }
    for (const one of again) if (!places.has(one)) places.set(one, this.#beforeReader(one));
    for (const [{ value }, position] of places) this.#after.set(position, [...(this.#after.get(position) ?? []), value]);
  }

  run(outputs: readonly Value[]): Value[] {
    const waiting = [...this.#waiting].sort(([a], [b]) => a - b);
    this.timeline.nodes.forEach((_, position) => {
      if (!this.#waiting.has(position)) this.#remake(position);
      const again = this.#after.get(position);
      if (!again) return;
      this.#makeAgain(again, position);
      for (const [late, place] of waiting) if (place === position) this.#remake(late);
    });
    return outputs.map((out) => this.#now(out));
  }
  #remake(position: number): void {
    const node = this.timeline.nodes[position]!;
    if (node.primitive.kind === "leaf") return;
    const inputs = node.inputs.map((x) => this.#read(x, position));
    const made = new Node(node.primitive, inputs, node.attrs, node.outputs, node.frame, node.device);
    node.outputs.forEach((out, i) => this.#made.set(out, made.outputs[i]!));
  }

  // What is made again comes after a node, which is said by its position.

  /** After the other operand of an elementwise reader: one pass makes the value and reads it. */
  #besideReader({ value, back }: Held): number {
    let place = -1;
    for (const position of this.timeline.readsOf(value)) {
      const { primitive, inputs } = this.timeline.nodes[position]!;
      if (position < back || primitive.kind !== "elementwise") continue;
      for (const x of inputs) {
        const made = this.timeline.positionOf(this.timeline.baseOf(x)),
          isNear = made >= 0 && made < back && this.timeline.isPrompt(made) && this.timeline.distance(made, back) <= slack;
        if (isNear && made > place && sizeOf(x.shape) === sizeOf(value.shape)) place = made;
      }
    }
    return place;
  }
  /** With another value of this size that is made from the same ones. */
  #besideOther({ value, back }: Held, others: readonly [Held, number][]): number | null {
    const sources = this.#keptFor(value);
    const other = others.find(
      ([held, place]) =>
        Math.abs(this.timeline.distance(place, back)) <= slack &&
        sizeOf(held.value.shape) === sizeOf(value.shape) &&
        [...this.#keptFor(held.value)].some((x) => sources.has(x)) &&
        this.#canWait(value, back, place, others),
    );
    return other ? other[1] : null;
  }
  /** Whether what reads a value from a position on can come after a later one; if so, it does. */
  #canWait(value: Value, from: number, to: number, others: readonly [Held, number][]): boolean {
    const late = new Set(this.timeline.readsOf(value).filter((position) => position >= from && position <= to));
    for (const reader of [...late]) {
      for (let position = reader + 1; position <= to; position++) {
        const { primitive, inputs } = this.timeline.nodes[position]!;
        if (!inputs.some((x) => this.timeline.positionOf(this.timeline.baseOf(x)) === reader)) continue;
        if (primitive.kind !== "view" || primitive.identity) return false;
        late.add(position);
      }
    }
    if (others.some(([, place]) => late.has(place))) return false;
    for (const position of late) this.#waiting.set(position, Math.max(to, this.#waiting.get(position) ?? 0));
    return true;
  }
  /** After what the first reader also waits for. */
  #beforeReader({ value, back }: Held): number {
    const bases = this.timeline.nodes[back]!.inputs.map((x) => this.timeline.baseOf(x)).filter((x) => x !== value);
    const last = Math.max(-1, ...bases.map((x) => this.timeline.positionOf(x)));
    let place = last >= 0 && this.timeline.distance(last, back) <= slack ? last : back - 1;
    while (this.#waiting.has(place)) place--;
    return place;
  }
  #keptFor(value: Value, found = new Set<Value>()): Set<Value> {
    if (this.recipes.isFree(value)) return found;
    if (!this.#isCheap(value)) return found.add(value);
    for (const x of this.recipes.of(value)!.node.inputs) this.#keptFor(this.timeline.baseOf(x), found);
    return found;
  }

  #now(value: Value): Value {
    return this.#made.get(value) ?? value;
  }
  /** What a node at a position reads for `value`. */
  #read(value: Value, position: number): Value {
    const back = this.#back.get(this.timeline.baseOf(value));
    return back !== undefined && position >= back ? this.#through(value, this.#late) : this.#now(value);
  }
  /** A value, or the views that lead to it, on the base that is known by another name. */
  #through(value: Value, names: ReadonlyMap<Value, Value>): Value {
    const known = names.get(value);
    if (known) return known;
    const { node, index } = value;
    const source = this.#through(sourceOf(value), names);
    if (node.primitive.identity === "barrier") return apply(barrier, [source, ...node.inputs.map((x) => this.#now(x))])[0]!;
    return new Node(node.primitive, [source], node.attrs, node.outputs, node.frame, node.device).outputs[index]!;
  }

  #makeAgain(values: readonly Value[], position: number): void {
    const trigger = this.#now(this.timeline.nodes[position]!.outputs[0]!);
    const names = new Map<Value, Value>();
    const make = (value: Value): void => {
      if (names.has(value)) return;
      const place = this.timeline.positionOf(value),
        isThere = place >= 0 && place <= position;
      const late = this.#late.get(value);
      if (late) names.set(value, apply(barrier, [late, trigger])[0]!);
      else if (isThere && this.recipes.isFree(value)) names.set(value, this.#now(value));
      else if (isThere && !this.#isCheap(value)) names.set(value, apply(barrier, [this.#now(value), trigger])[0]!);
      else {
        const { node, index } = this.recipes.of(value)!;
        const inputs = node.inputs.map((x) => this.#again(x, names, make));
        names.set(value, new Node(node.primitive, inputs, node.attrs, node.outputs, node.frame, node.device).outputs[index]!);
      }
    };
    for (const value of values) {
      make(value);
      this.#late.set(value, names.get(value)!);
    }
  }
  #again(x: Value, names: ReadonlyMap<Value, Value>, make: (value: Value) => void): Value {
    const base = this.timeline.baseOf(x);
    if (isConstantLeaf(base) || this.isInput(base)) return this.#now(x);
    make(base);
    return this.#through(x, names);
  }
  #isCheap(value: Value): boolean {
    return !this.kept.has(value) && this.recipes.of(value) !== null;
  }
}
