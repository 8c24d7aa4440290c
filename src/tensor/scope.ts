import { AsyncLocalStorage } from "node:async_hooks";

export interface Disposable {
  dispose(): void;
  /** No scope will dispose of it: from now on the garbage collector is its net. */
  onItsOwn(): void;
}

/** The handles made inside a tidy or a traced function, to be disposed at its end. */
class Scope {
  readonly handles = new Set<Disposable>();
}

const scopes = new AsyncLocalStorage<Scope>();

export function track(handle: Disposable): void {
  const scope = scopes.getStore();
  if (scope) scope.handles.add(handle);
  else handle.onItsOwn();
}

/** Runs `fn` (sync or async) and disposes every handle made inside, save those that `survivors` finds in its result; they
 *  pass to the scope around. */
export function runScoped<R>(fn: () => R, survivors: (result: Awaited<R>) => Iterable<Disposable>): R {
  const scope = new Scope();
  const outer = scopes.getStore();
  const close = (kept: Iterable<Disposable>): void => {
    for (const handle of kept) {
      if (!scope.handles.delete(handle)) continue;
      if (outer) outer.handles.add(handle);
      else handle.onItsOwn();
    }
    for (const handle of scope.handles) handle.dispose();
  };
  const finish = (result: Awaited<R>): Awaited<R> => {
    close(survivors(result));
    return result;
  };
  const abandon = (error: unknown): never => {
    close([]);
    throw error;
  };
  try {
    const result = scopes.run(scope, fn);
    return result instanceof Promise ? (result.then(finish, abandon) as R) : finish(result as Awaited<R>);
  } catch (error) {
    return abandon(error);
  }
}
