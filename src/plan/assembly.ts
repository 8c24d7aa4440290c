import { maxRank } from "../../kernels/elementwise/program.ts";
import type { Kernel } from "../../kernels/kernel.ts";
import { bytesPer } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { alias } from "../graph/control.ts";
import { Node, noAttrs, type Value } from "../graph/node.ts";
import type { StridedView } from "../graph/primitive.ts";
import { layOut } from "./arena.ts";
import { type ChainCode, ChainWriter, type Stored } from "./chain.ts";
import { chooseDonations } from "./donate.ts";
import type { Chain, Copy, Item, Join } from "./items.ts";
import { type InputPlace, joinOffsets } from "./joins.ts";
import type { Locator } from "./locate.ts";
import type { Patch, Plan, PlanBuffer, PlanOutput, Span, Step } from "./plan.ts";
import type { PlanRequest } from "./planner.ts";
import { order } from "./schedule.ts";
import { commonSpace, isConstantLeaf, type Space } from "./space.ts";
import { bytesOf, partsOf, Store } from "./stores.ts";
import { isContiguous, restride, wholeView } from "./strided.ts";

/** How a call reads one input. */
interface Operand {
  /** A base, or the value of a Copy. */
  readonly value: Value;
  readonly view: StridedView;
}
interface Emitted {
  readonly item: Item;
  readonly reads: readonly Value[];
  readonly writes: readonly Value[];
  readonly code?: ChainCode;
  readonly operands?: readonly Operand[];
}

const alignment = 64;

/** Puts fused items in order, gives every stored value its memory, and writes the steps. */
export class Assembly {
  readonly #copies = new Map<Value, Copy>();
  readonly #stores = new Map<Value, Store>();
  /** Values that are computed right into a part of a join. */
  readonly #inside = new Map<Value, { join: Value; offset: number }>();
  /** Values that some other item, or the caller, reads from memory. */
  readonly #stored = new Set<Value>();
  readonly #joins = new Map<Node, Join>();

  constructor(
    private readonly outputs: readonly Value[],
    private readonly locator: Locator,
    private readonly itemOf: ReadonlyMap<Node, Item>,
    private readonly places: ReadonlyMap<Value, InputPlace>,
    private readonly lifted: ReadonlyMap<Value, number>,
    private readonly request: PlanRequest,
    private readonly elementwise: Kernel,
  ) {}

  build(): Plan {
    const items = this.#collect();
    const ordered = order(items, (item) => this.#needs(item), priorityOf);
    const emitted = ordered.map((item) => this.#emit(item));
    const written = new Set<Store>();
    emitted.forEach(({ reads, writes }, position) => {
      for (const v of reads) {
        if (this.places.has(v)) continue;
        const store = this.#storeOf(v);
        if (!written.has(store.root)) throw new Error(`[plan] a value of ${v.node.primitive.name} is read, and nothing in the plan makes it`);
        store.use(position);
      }
      for (const v of writes) {
        const store = this.#storeOf(v);
        store.use(position);
        written.add(store.root);
      }
    });
    const { buffers, outputs } = this.#place(emitted);
    const steps: Step[] = [];
    const patches: Patch[] = [];
    for (const e of emitted) this.#step(e, steps, patches);
    return { buffers, steps, outputs, patches };
  }

  /** Decides what is copied, what is joined and what must be stored; returns every item. */
  #collect(): Item[] {
    const items = new Set<Item>();
    const joins: Join[] = [];
    for (const [node, item] of this.itemOf) {
      const offsets = item.kind === "call" ? joinOffsets(node) : null;
      if (offsets) joins.push({ kind: "join", node, offsets, pieces: [] });
      else items.add(item);
    }
    for (const join of joins.reverse()) this.#placePieces(join, items);
    for (const item of [...items]) if (item.kind !== "copy") for (const v of this.#reads(item)) this.#copyOrStore(v, items);
    for (const out of this.outputs) this.#copyOrStore(this.#outputBase(out), items);
    for (const join of joins) this.#joins.set(join.node, join);
    return [...items, ...joins];
  }

  #copyOrStore(value: Value, items: Set<Item>): void {
    const { base, view } = this.locator.locate(value);
    const direct = base === value && !this.locator.isView(value) && view.offset === 0;
    if (direct && !isConstantLeaf(value)) this.#stored.add(value);
    else if (!this.places.has(value)) this.#copy(value, items);
  }
  #copy(value: Value, items: Set<Item>): void {
    if (this.#copies.has(value)) return;
    const copy: Copy = { kind: "copy", value };
    this.#copies.set(value, copy);
    items.add(copy);
    const source = this.locator.source(value);
    if (this.locator.isView(source.base)) this.#copy(source.base, items);
    else if (!isConstantLeaf(source.base)) this.#stored.add(source.base);
  }
  #placePieces(join: Join, items: Set<Item>): void {
    const [out] = join.node.outputs as [Value];
    join.node.inputs.forEach((piece, i) => {
      if (sizeOf(piece.shape) === 0) return;
      const offset = join.offsets[i]! * bytesPer[out.dtype];
      const { base, view } = this.locator.locate(piece);
      const whole = view.offset === 0 && isContiguous(view) && sizeOf(view.shape) === sizeOf(base.shape);
      const free = whole && !this.places.has(base) && !isConstantLeaf(base) && !this.#inside.has(base);
      if (free) {
        this.#inside.set(base, { join: out, offset });
        join.pieces.push(base);
        this.#copyOrStore(base, items);
        return;
      }
      const name = new Node(alias, [piece], noAttrs, [piece], null, piece.node.device).outputs[0]!;
      this.#inside.set(name, { join: out, offset });
      join.pieces.push(name);
      this.#copy(name, items);
    });
  }

  #chainReads(chain: Chain): Value[] {
    const own = new Set<Node>(membersOf(chain));
    const bases = chain.members
      .flatMap((m) => m.inputs.map((x) => this.locator.locate(x).base))
      .filter((base) => !own.has(base.node) && !isConstantLeaf(base));
    return chain.root ? [...this.#operands(chain.root).map((op) => op.value), ...bases] : bases;
  }
  #operands(node: Node): Operand[] {
    return node.inputs.map((input, i) => {
      const { base, view } = this.locator.locate(input);
      const shaped = isConstantLeaf(base) ? null : restride(view, input.shape);
      if (shaped && (isContiguous(shaped) || node.primitive.accepts?.(i, shaped))) return { value: base, view: shaped };
      return { value: input, view: wholeView(input.shape) };
    });
  }
  /** What an output's memory is: its base if the value is a good part of it, else a copy. */
  #outputBase(out: Value): Value {
    const { base, view } = this.locator.locate(out);
    if (isConstantLeaf(base) || !isContiguous(view)) return out;
    if (base === out) return out;
    const covered = this.outputs.reduce((sum, other) => sum + (this.locator.locate(other).base === base ? sizeOf(other.shape) : 0), 0);
    return 2 * covered >= sizeOf(base.shape) ? base : out;
  }

  /** The items that come before this one. */
  #needs(item: Item): Item[] {
    const found = new Set<Item>();
    const add = (value: Value): void => {
      const maker = this.#copies.get(value) ?? this.#joins.get(value.node) ?? this.itemOf.get(this.locator.maker(value));
      if (maker && maker !== item) found.add(maker);
    };
    for (const v of this.#reads(item)) add(v);
    const nodes = item.kind === "copy" ? [] : item.kind === "chain" ? membersOf(item) : [item.node];
    for (const node of nodes) for (const input of node.inputs) for (const base of this.locator.dependencies(input)) add(base);
    if (item.kind === "copy") for (const base of this.locator.dependencies(item.value)) add(base);
    return [...found];
  }
  /** Values (bases, or copied ones) that an item reads from memory. */
  #reads(item: Item): Value[] {
    switch (item.kind) {
      case "chain":
        return this.#chainReads(item);
      case "call":
        return this.#operands(item.node).map((x) => x.value);
      case "copy":
        return [this.locator.source(item.value).base];
      case "join":
        return item.pieces;
    }
  }

  #emit(item: Item): Emitted {
    switch (item.kind) {
      case "join":
        return { item, reads: [], writes: [item.node.outputs[0]!] };
      case "call": {
        const operands = this.#operands(item.node);
        return { item, operands, reads: operands.map((x) => x.value), writes: this.#written(item.node) };
      }
      case "copy": {
        const source = this.locator.source(item.value);
        if (source.view.shape.length > maxRank)
          fail("ERR_SHAPE", item.value.node.primitive.name, `its input has more than ${maxRank} axes that do not merge`);
        const space: Space = { shape: source.view.shape, reduced: source.view.shape.map(() => false) };
        const writer = new ChainWriter(space, () => source, this.lifted, null);
        const register = isConstantLeaf(source.base) ? writer.read(item.value) : writer.load(source);
        const code = writer.finish([{ value: item.value, register, dtype: item.value.dtype, combine: "none" }], false);
        return { item, code, reads: code.inputs.map((x) => x.base), writes: [item.value] };
      }
      case "chain": {
        const { root, members } = item;
        const space = members.length > 0 ? commonSpace(root, members, this.locator) : null;
        if (members.length > 0 && !space) fail("ERR_SHAPE", members[0]!.primitive.name, "its operands have more than 8 axes that do not merge");
        const operands = root ? this.#operands(root) : undefined;
        const rootReads = operands?.map((x) => x.value) ?? [];
        if (!space) return { item, operands, reads: rootReads, writes: root!.outputs };
        const writer = new ChainWriter(space, (v) => this.locator.locate(v), this.lifted, root);
        for (const m of members) writer.apply(m);
        const stored = members
          .flatMap((m) => m.outputs)
          .filter((v) => this.#stored.has(v))
          .map((value): Stored => {
            const reduces = value.node.primitive.kind === "reduce";
            return {
              value,
              register: writer.read(value),
              dtype: reduces ? value.node.inputs[0]!.dtype : value.dtype,
              combine: reduces ? value.node.primitive.combine! : "none",
            };
          });
        const code = writer.finish(stored, root !== null);
        const rootStored = root && this.#stored.has(root.outputs[0]!) ? root.outputs : [];
        return { item, operands, code, reads: [...rootReads, ...code.inputs.map((x) => x.base)], writes: [...rootStored, ...code.outputs] };
      }
    }
  }

  /** The values that hold a call's outputs. */
  #written(node: Node): Value[] {
    return [...new Set(node.outputs.map((out) => this.locator.locate(out).base))];
  }

  #storeOf(value: Value): Store {
    let store = this.#stores.get(value);
    if (!store) {
      const inside = this.#inside.get(value);
      store = inside ? new Store(bytesOf(value), this.#storeOf(inside.join), inside.offset) : new Store(bytesOf(value));
      this.#stores.set(value, store);
    }
    return store;
  }

  /** Buffers of the plan, and where the outputs lie in them. */
  #place(emitted: readonly Emitted[]): { buffers: PlanBuffer[]; outputs: PlanOutput[] } {
    const { places } = this;
    const inputBuffers = this.request.places.reduce((n, p) => Math.max(n, p.buffer + 1), 0);
    const buffers: PlanBuffer[] = [];
    for (let i = 0; i < inputBuffers; i++) buffers.push({ role: "input", bytes: 0 });
    [...places].forEach(([v, p]) => {
      const end = p.offset + bytesOf(v);
      if (end > buffers[p.buffer]!.bytes) buffers[p.buffer] = { role: "input", bytes: end };
    });
    const bases = this.outputs.map((out) => this.#outputBase(out));
    const owned: Store[] = [];
    for (const base of bases) {
      if (places.has(base)) continue;
      const { root } = this.#storeOf(base);
      if (root.role === "output") continue;
      root.role = "output";
      root.buffer = buffers.length;
      owned.push(root);
      buffers.push({ role: "output", bytes: root.bytes });
    }
    const donated = new Set(this.request.donated);
    for (const base of bases) if (places.has(base)) donated.delete(places.get(base)!.buffer);
    const donations = chooseDonations(emitted, owned, buffers, donated, places, (v) => this.#stores.get(v));
    donations.forEach((input, i) => {
      if (input >= 0) buffers[owned[i]!.buffer] = { ...buffers[owned[i]!.buffer]!, reuses: input };
    });
    const temporary = [...new Set([...this.#stores.values()].map((s) => s.root))].filter((s) => s.role === "arena" && s.bytes > 0 && s.last >= 0);
    const { offsets, bytes } = layOut(
      temporary.map((store) => ({ bytes: store.bytes, first: store.first, last: store.last, parts: partsOf(store) })),
      alignment,
    );
    temporary.forEach((store, i) => {
      store.buffer = buffers.length;
      store.offset = offsets[i]!;
    });
    if (bytes > 0) buffers.push({ role: "arena", bytes });
    const outputs = this.outputs.map((out, i): PlanOutput => {
      const base = bases[i]!;
      const { buffer, offset } = this.#address(base);
      const view = base === out ? 0 : this.locator.locate(out).view.offset * bytesPer[out.dtype];
      return { buffer, offset: offset + view, shape: out.shape, dtype: out.dtype };
    });
    return { buffers, outputs };
  }

  #address(value: Value): InputPlace {
    const place = this.places.get(value);
    if (place) return place;
    const store = this.#stores.get(value) ?? fail("ERR_STATE", "plan", `${value.node.primitive.name} is read but never stored`);
    const { root } = store;
    return { buffer: root.buffer, offset: root.offset + store.inRoot };
  }
  #span(value: Value, skip = 0): Span {
    const { buffer, offset } = this.#address(value);
    return { buffer, offset: offset + skip * bytesPer[value.dtype], dtype: value.dtype, length: sizeOf(value.shape) - skip };
  }

  #step({ item, operands, code }: Emitted, steps: Step[], patches: Patch[]): void {
    if (item.kind === "join") return;
    const node = item.kind === "call" ? item.node : item.kind === "chain" ? item.root : null;
    const extraIn = code?.inputs.map((x) => this.#span(x.base)) ?? [];
    if (!node) {
      if (code!.outputs.length === 0) return;
      const outputs = item.kind === "copy" ? [this.#span(item.value)] : code!.outputs.map((v) => this.#span(v));
      if (outputs.every((span) => span.length === 0)) return;
      for (const { word, constant } of code!.patches) patches.push({ step: steps.length, word, constant });
      const label = item.kind === "copy" ? "copy" : (item as Chain).members.map((m) => m.primitive.name).join("+");
      steps.push({
        kernel: this.elementwise,
        dtype: "f32",
        params: this.elementwise.pack({ program: code!.words }),
        spans: [...extraIn, ...outputs],
        inputs: extraIn.length,
        label,
      });
      return;
    }
    const views = operands!.map(({ view }, i) =>
      isContiguous(view) && !(node.primitive.accepts?.(i, view) ?? false) ? wholeView(view.shape) : view,
    );
    const written = this.#written(node);
    const joined = written.length < node.outputs.length;
    const places = node.primitive.spreads && { views: node.outputs.map((out) => this.locator.locate(out).view), joined };
    const lowering = node.primitive.lower!(node.inputs, node.outputs, node.attrs, views, places)!;
    const inputs = operands!.map(({ value, view }, i) => this.#span(value, views[i] === view ? 0 : view.offset));
    for (let missing = Object.keys(lowering.kernel.inputs).length - inputs.length; missing > 0; missing--) inputs.push(absent);
    const named = node.outputs.map((_, i) => (i < written.length && !(code && !this.#stored.has(written[i]!)) ? this.#span(written[i]!) : absent));
    if ([...named, ...(code?.outputs.map((v) => this.#span(v)) ?? [])].every((span) => span.length <= 0)) return;
    let params = lowering.params;
    if (code) {
      params = new Int32Array([...lowering.params, ...code.words]);
      for (const { word, constant } of code.patches) patches.push({ step: steps.length, word: lowering.params.length + word, constant });
    }
    const outputs = code?.outputs.map((v) => this.#span(v)) ?? [];
    const label = [node, ...(item.kind === "chain" ? item.members : [])].map((n) => n.primitive.name).join("+");
    steps.push({
      kernel: lowering.kernel,
      dtype: lowering.dtype,
      params,
      spans: [...inputs, ...extraIn, ...named, ...outputs],
      inputs: inputs.length + extraIn.length,
      label,
    });
  }
}

const membersOf = ({ root, members }: Chain): readonly Node[] => (root ? [root, ...members] : members);
/** Items run in the order in which the graph was made, as far as their needs allow. */
const priorityOf = (item: Item): number =>
  item.kind === "chain" ? membersOf(item).at(-1)!.id : item.kind === "copy" ? item.value.node.id : item.node.id;
const absent: Span = { buffer: -1, offset: 0, dtype: "f32", length: 0 };
