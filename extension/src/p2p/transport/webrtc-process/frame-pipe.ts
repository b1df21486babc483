import type { Socket } from 'node:net';
import { CONTROL, frameHeader, FrameParser } from './frames.ts';
import { giveBack } from './give-back.ts';

/** Where the process finds the pipe. 0 to 2 are what every process has, 3 is the channel that Node makes for whatever is forked. */
export const PIPE_FD = 4;

/** One end's way to the other. Nothing happens, and nothing is told, once the pipe is closed. */
export class FrameWriter<Control> {
  private readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Throws an `Error` for more than the other end takes. */
  say(control: Control): void {
    this.write(CONTROL, Buffer.from(JSON.stringify(control)));
  }

  /** Takes over `message`, which is not empty, and its memory. `gone` is called when it has left this process. */
  send(connection: number, message: Uint8Array, gone?: () => void): void {
    this.write(connection, message, gone);
  }

  private write(connection: number, payload: Uint8Array, gone?: () => void): void {
    const { socket } = this;
    if (!socket.writable) return;
    // One call into the kernel for both.
    socket.cork();
    socket.write(frameHeader(connection, payload.length));
    socket.write(payload, (error) => {
      if (error) return;
      giveBack(payload);
      gone?.();
    });
    socket.uncork();
  }
}

export interface FrameHandler<Control> {
  control(message: Control): void;
  /** A `message` that is lent is valid until this returns. */
  data(connection: number, message: Buffer): void;
}

/** Reads what a `FrameWriter` of this build wrote. With `scratch`, messages are lent; see `FrameParser`. */
export function frameReader<Control>(handler: FrameHandler<Control>, scratch?: Buffer): FrameParser {
  return new FrameParser((connection, payload) => {
    if (connection === CONTROL) handler.control(JSON.parse(payload.toString()) as Control);
    else handler.data(connection, payload);
  }, scratch);
}
