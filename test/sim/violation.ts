/** A property of the simulation that did not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export function hold(condition: boolean, broken: () => string): asserts condition {
  if (!condition) throw new Violation(broken());
}
