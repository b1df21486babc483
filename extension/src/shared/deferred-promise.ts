/** A promise and the means to settle it from elsewhere. (`Promise.withResolvers` needs Node 22; the editor may run 20.) */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

export function deferred<T = void>(): Deferred<T> {
  let settle!: Pick<Deferred<T>, 'resolve' | 'reject'>;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // Not every rejection has somebody waiting; without this one would end the process.
  promise.catch(() => undefined);
  return { promise, ...settle };
}
