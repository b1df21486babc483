import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { EncryptionAlgorithm, type Cipher, type MessageSigner, type MessageVerifier } from '@microsoft/dev-tunnels-ssh';

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const BLOCK_BYTES = 16;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
/** The nonce's first bytes are fixed; the rest, the invocation counter, rises with every packet (RFC 5647 §7.1). */
const COUNTER_OFFSET = 4;

/**
 * AES-256-GCM for SSH packets (RFC 5647, named as in OpenSSH's PROTOCOL §1.6), in place of the library's: that one hands Node the raw
 * key with each packet, and to make a key of it took Node as long as the encryption (29 to 44 µs for 32 KiB, against 15 to 19).
 */
export class Aes256Gcm extends EncryptionAlgorithm {
  readonly keyLength = KEY_BYTES;
  readonly blockLength = BLOCK_BYTES;

  constructor() {
    super('aes256-gcm@openssh.com');
  }

  async createCipher(isEncryption: boolean, key: Buffer, iv: Buffer): Promise<Cipher> {
    return isEncryption ? new PacketEncryption(key, iv) : new PacketDecryption(key, iv);
  }
}

/** One direction under one key. `authenticatedEncryption` makes the library take it for the packets' signer or verifier too. */
abstract class PacketCipher {
  readonly blockLength = BLOCK_BYTES;
  readonly digestLength = TAG_BYTES;
  readonly authenticatedEncryption = true;
  protected readonly key: KeyObject;
  protected readonly nonce: Buffer;
  private readonly length = Buffer.alloc(4);

  constructor(key: Buffer, iv: Buffer) {
    this.key = createSecretKey(key);
    this.nonce = Buffer.from(iv.subarray(0, NONCE_BYTES));
  }

  dispose(): void {
    // The key goes with the last reference to it.
  }

  /** The packet's length, which travels in the clear and is authenticated along. */
  protected lengthOf(packet: Buffer): Buffer {
    this.length.writeUInt32BE(packet.length);
    return this.length;
  }

  protected nextNonce(): void {
    for (let at = NONCE_BYTES - 1; at >= COUNTER_OFFSET; at -= 1) {
      const byte = (this.nonce.readUInt8(at) + 1) % 256;
      this.nonce.writeUInt8(byte, at);
      if (byte !== 0) return;
    }
  }
}

class PacketEncryption extends PacketCipher implements Cipher, MessageSigner {
  private tag: Buffer | undefined;

  async transform(packet: Buffer): Promise<Buffer> {
    const cipher = createCipheriv(ALGORITHM, this.key, this.nonce);
    cipher.setAAD(this.lengthOf(packet));
    const encrypted = cipher.update(packet);
    cipher.final();
    this.tag = cipher.getAuthTag();
    this.nextNonce();
    return encrypted;
  }

  /** The tag of the packet that was encrypted last. */
  async sign(): Promise<Buffer> {
    if (this.tag === undefined) throw new Error('No packet has been encrypted.');
    return this.tag;
  }
}

class PacketDecryption extends PacketCipher implements Cipher, MessageVerifier {
  private tag: Buffer | undefined;

  /** Throws unless the packet is what `verify` was given the tag of; the library then ends the session. */
  async transform(packet: Buffer): Promise<Buffer> {
    if (this.tag === undefined) throw new Error('A packet came without its tag.');
    const decipher = createDecipheriv(ALGORITHM, this.key, this.nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(this.lengthOf(packet));
    decipher.setAuthTag(this.tag);
    const decrypted = decipher.update(packet);
    decipher.final();
    this.tag = undefined;
    this.nextNonce();
    return decrypted;
  }

  /** Takes the tag for `transform`, which is where the packet is verified. */
  async verify(_packet: Buffer, tag: Buffer): Promise<boolean> {
    this.tag = tag;
    return true;
  }
}
