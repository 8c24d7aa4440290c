import type { DType } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import type { Tree } from "../graph/tree.ts";
import { random, tidy } from "../index.ts";
import type { Spec } from "../tensor/flat.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Init } from "./init.ts";

/** Tensors in arrays and objects. */
export type Tensors = Tree<Tensor>;

/** Parameters, which are trained, and state, which apply() moves on (running statistics). */
export interface Variables<L = Tensor> {
  /** Trained. */
  readonly params: Tree<L>;
  /** Moved on by apply(); {} where a module has none. */
  readonly state: Tree<L>;
}

/** Options of {@link Module.apply}. */
export interface ApplyOptions {
  /** Dropout drops, statistics of batches are used and kept. Default: false. */
  readonly train?: boolean;
  /** For what is random; needed in training with dropout or stochastic depth. */
  readonly key?: Tensor;
  /** Which intermediate values to give back as `seen`, by path: "blocks.3.mlp.hidden". */
  readonly observe?: (path: string) => boolean;
}

/** What came out, the state moved on, and with `observe` the intermediate values by their paths. */
export type Applied<O = ApplyOptions> = { readonly out: Tensor; readonly state: Tensors } & (O extends { observe: (path: string) => boolean }
  ? { readonly seen: Readonly<Record<string, Tensor>> }
  : unknown);

/** A part of a network: a function of variables and one tensor. It holds no numbers itself. */
export interface Module {
  /** First variables; the same bits for the same key. */
  init(key: Tensor): Variables;
  /**
   * What comes out for x, and the state moved on. Variables that lack what the module declares: ERR_ARGUMENT. Lazy as every operation, and usable inside
   * compile, grad, vmap and checkpoint.
   */
  apply<O extends ApplyOptions>(variables: Variables, x: Tensor, options?: O): Applied<O>;
  /** What init would give, without its memory. */
  shapes(): Variables<Spec>;
}

/** A parameter or a piece of state, declared. */
export interface Declaration {
  /** Its sizes. */
  readonly shape: Shape;
  /** Its first numbers. */
  readonly init: Init;
}

type Named<T> = Readonly<Record<string, T>>;
type Child = Module | readonly Module[];

/** What {@link module} makes a module from. */
export interface Definition {
  /** For errors: "dense". */
  readonly name: string;
  /** Of params and state. Default: f32. */
  readonly dtype?: DType;
  /** Own parameters by name. */
  readonly params?: Named<Declaration>;
  /** Own state by name. */
  readonly state?: Named<Declaration>;
  /** Modules inside, by name; a list is applied one after another. */
  readonly children?: Named<Child>;
  /** x to what comes out, by `call`. */
  forward(call: Call, x: Tensor): Tensor;
}

/** One application of a module, as its forward sees it. */
export interface Call {
  /** Whether this is a step of training. */
  readonly train: boolean;
  /** A parameter that the module declares. */
  param(name: string): Tensor;
  /** A piece of state that the module declares: what was kept last, else what was given. */
  state(name: string): Tensor;
  /** Moves a piece of state on. */
  keep(name: string, value: Tensor): void;
  /** Applies a child; a list of children one after another. */
  run(child: string, x: Tensor): Tensor;
  /** A key of its own at every call. */
  key(): Tensor;
  /** Offers an intermediate value to `observe` under the module's path and this name; it is computed only where it is asked for. */
  note(name: string, value: () => Tensor): void;
}

/** A module from what it declares: params are { own..., child: its params, list: [its params, ...] }, and so is state, without what is empty. */
export function module(definition: Definition): Module {
  const { name, dtype = "f32", children = {}, params = {}, state = {}, forward } = definition;
  const names = Object.keys(children);
  const modules = names.flatMap((child) => children[child]!);
  const firstOf = new Map(names.map((child, i) => [child, names.slice(0, i).reduce((n, before) => n + listOf(children[before]!).length, 0)]));

  /** Own leaves and each child's, `of` giving a child's tree; children without any are left out. */
  const gather = <L>(own: Named<L>, of: (child: Module, index: number) => Tree<L>): Tree<L> => {
    const tree: Record<string, Tree<L>> = { ...own };
    for (const child of names) {
      const start = firstOf.get(child)!,
        trees = listOf(children[child]!).map((one, i) => of(one, start + i));
      if (trees.some((one) => !isEmpty(one))) tree[child] = Array.isArray(children[child]) ? trees : trees[0]!;
    }
    return tree;
  };

  return {
    init: (key) =>
      tidy(() => {
        const declared = [...Object.entries(params), ...Object.entries(state)];
        const keys = random.split(key, Math.max(1, modules.length + declared.length));
        const keyOf = (i: number): Tensor => keys.at(i);
        const made = declared.map(([, { shape, init }], i) => init(keyOf(modules.length + i), shape, dtype));
        const below = modules.map((child, i) => child.init(keyOf(i)));
        const own = (from: Named<Declaration>, offset: number) => Object.fromEntries(Object.keys(from).map((leaf, i) => [leaf, made[offset + i]!]));
        return {
          params: gather(own(params, 0), (_, i) => below[i]!.params),
          state: gather(own(state, Object.keys(params).length), (_, i) => below[i]!.state),
        };
      }),

    shapes() {
      const own = (from: Named<Declaration>) => Object.fromEntries(Object.entries(from).map(([leaf, { shape }]) => [leaf, { shape, dtype }]));
      const below = modules.map((child) => child.shapes());
      return { params: gather<Spec>(own(params), (_, i) => below[i]!.params), state: gather<Spec>(own(state), (_, i) => below[i]!.state) };
    },

    apply: (variables, x, options: ApplyOptions = {}): never =>
      tidy(() => {
        const { train = false, key, observe } = options;
        const given = { params: variables.params as Record<string, any>, state: (variables.state ?? {}) as Record<string, any> };
        const kept: Record<string, Tensor> = {},
          states: Tensors[] = modules.map(() => ({}));
        const seen: Record<string, Tensor> = {};
        let drawn = 0;
        const subkey = (i: number): Tensor | undefined => (key === undefined ? undefined : random.foldIn(key, i));
        const leafOf = (tree: Record<string, any>, what: string, leaf: string): any =>
          tree?.[leaf] ??
          fail("ERR_ARGUMENT", name, `the ${what} must have "${leaf}" (as init() makes them), got [${Object.keys(tree ?? {}).join(", ")}]`);
        const call: Call = {
          train,
          param: (leaf) => leafOf(given.params, "params", leaf),
          state: (leaf) => kept[leaf] ?? leafOf(given.state, "state", leaf),
          keep: (leaf, value) => {
            kept[leaf] = value;
          },
          run: (child, input) => {
            const start = firstOf.get(child)!,
              isList = Array.isArray(children[child]);
            return listOf(children[child]!).reduce((value, one, i) => {
              const at = (tree: any) => (isList ? tree?.[child]?.[i] : tree?.[child]) ?? {};
              const path = isList ? `${child}.${i}` : child;
              const options: ApplyOptions = { train, key: subkey(start + i), ...(observe && { observe: (below) => observe(`${path}.${below}`) }) };
              const result: Applied & { seen?: Record<string, Tensor> } = one.apply(
                { params: at(given.params), state: at(given.state) },
                value,
                options,
              );
              states[start + i] = result.state;
              for (const [below, noted] of Object.entries(result.seen ?? {})) seen[`${path}.${below}`] = noted;
              return result.out;
            }, input);
          },
          note: (leaf, noted) => {
            if (observe?.(leaf)) seen[leaf] = noted();
          },
          key: () =>
            subkey(modules.length + drawn++) ??
            fail("ERR_ARGUMENT", name, "training with dropout or stochastic depth needs a key: apply(variables, x, { train: true, key })"),
        };
        const out = forward(call, x);
        const own = Object.fromEntries(Object.keys(state).map((leaf) => [leaf, call.state(leaf)]));
        return { out, state: gather(own, (_, i) => states[i]!), ...(observe && { seen }) } as never;
      }),
  };
}

const listOf = (child: Child): readonly Module[] => (Array.isArray(child) ? child : [child as Module]);
const isEmpty = (tree: unknown): boolean => typeof tree === "object" && tree !== null && !("shape" in tree) && Object.keys(tree).length === 0;
