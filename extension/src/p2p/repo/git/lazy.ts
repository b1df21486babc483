/** Makes a thing at the first call and gives the same at each; `made` is it, once there is one. */
export function lazy<T>(make: () => T): (() => T) & { readonly made: T | undefined } {
  const get = (): T => (get.made ??= make());
  get.made = undefined as T | undefined;
  return get;
}
