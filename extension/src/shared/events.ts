import { disposable, type Disposable } from './disposable.ts';

/** Subscribes a listener; dispose the result to unsubscribe. */
export type Event<T> = (listener: (value: T) => void) => Disposable;

/** A source of events. A listener that throws does not keep the others from hearing; its error goes to `onError`. */
export class Emitter<T> implements Disposable {
  private readonly listeners = new Set<(value: T) => void>();
  private readonly onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void = rethrowLater) {
    this.onError = onError;
  }

  readonly event: Event<T> = (listener) => {
    // A wrapper of its own, so that the same function subscribed twice is heard twice.
    const entry = (value: T): void => listener(value);
    this.listeners.add(entry);
    return disposable(() => this.listeners.delete(entry));
  };

  fire(value: T): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(value);
      } catch (error) {
        this.onError(error);
      }
    }
  }

  dispose(): void {
    this.listeners.clear();
  }
}

/** A programming error in a listener must surface, but not in the middle of whoever fired. */
function rethrowLater(error: unknown): void {
  void Promise.resolve().then(() => {
    throw error;
  });
}
