import { randomBytes } from 'node:crypto';
import { DisposableStore, type Disposable } from '../../../extension/src/shared/disposable.ts';
import { tempFolder } from '../../support/git.ts';
import { makeCertificate } from './certificate.ts';
import { Lab } from './lab.ts';
import type { NatName } from './nat-kinds.ts';
import { Participant } from './participant.ts';
import { SignalingServer } from './signaling-server.ts';
import { TurnServer } from './turn-server.ts';

const SIGNAL = 'signal.peerweave.test';
const TURN = 'turn.peerweave.test';

/** A laboratory with what a team would run on the internet: a signaling server and a TURN server, each on a machine of its own. */
export class World implements Disposable {
  readonly lab: Lab;
  readonly signaling: SignalingServer;
  private readonly store: DisposableStore;
  private readonly folder: string;
  private readonly authority: string;
  private people = 0;

  private constructor(
    lab: Lab,
    signaling: SignalingServer,
    store: DisposableStore,
    places: { folder: string; authority: string },
  ) {
    this.lab = lab;
    this.signaling = signaling;
    this.store = store;
    this.folder = places.folder;
    this.authority = places.authority;
  }

  static async start(): Promise<World> {
    const store = new DisposableStore();
    try {
      const folder = tempFolder();
      store.add({ dispose: () => folder.remove() });
      const lab = store.add(new Lab());
      const certificate = makeCertificate(folder.path, TURN);
      const secret = randomBytes(16).toString('hex');
      const turn = store.add(await TurnServer.start(lab.host('turn', TURN), TURN, certificate, secret, folder.path));
      const ice = { stun: turn.stun, turn: turn.urls, turnSecret: secret };
      const signaling = store.add(await SignalingServer.start(lab.host('signal', SIGNAL), SIGNAL, ice));
      return new World(lab, signaling, store, { folder: folder.path, authority: certificate.certificate });
    } catch (error) {
      store.dispose();
      throw error;
    }
  }

  /** Somebody in a new home, without anything running yet. */
  participant(name: string, kind: NatName): Participant {
    this.people += 1;
    const folder = `${this.folder}/${this.people}-${name}`;
    return this.store.add(
      new Participant({
        name,
        folder,
        home: this.lab.home(kind),
        signal: this.signaling.url,
        authority: this.authority,
      }),
    );
  }

  dispose(): void {
    this.store.dispose();
  }
}
