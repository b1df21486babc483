import type { Home } from './home.ts';
import { identityFromPem, type Identity } from './link/identity.ts';

/** Who this engine is: by the editor's key, or by the key file of the home. */
export class OwnIdentity {
  private readonly home: Home;
  private known: Promise<Identity> | undefined;

  constructor(home: Home) {
    this.home = home;
  }

  /** Sets the key that the editor keeps (PEM); without one the key file counts. Throws `bad-request` for what is no key. */
  async configure(pem: string | undefined): Promise<Identity> {
    this.known = pem === undefined ? undefined : Promise.resolve(identityFromPem(pem));
    return this.get();
  }

  /** Throws `bad-request` when the key file cannot be used or made. */
  async get(): Promise<Identity> {
    const identity = (this.known ??= this.home.identity());
    try {
      return await identity;
    } catch (error) {
      // The next one who asks may find it repaired.
      if (this.known === identity) this.known = undefined;
      throw error;
    }
  }
}
