/** What a test and its agent inside a namespace say to each other: one JSON object a line, both ways. Ids are the test's. */
export type Command =
  /** Opens a UDP socket; port 0 or absent is a free one. */
  | {
      readonly do: 'open';
      readonly id: number;
      readonly version: 4 | 6;
      readonly address?: string;
      readonly port?: number;
    }
  | { readonly do: 'send'; readonly id: number; readonly to: Endpoint; readonly text: string }
  /** Accepts TCP connections, greets, and holds them until the agent ends. */
  | { readonly do: 'listen'; readonly id: number; readonly at: Endpoint }
  /** `open` once the greeting is here. */
  | { readonly do: 'connect'; readonly id: number; readonly to: Endpoint }
  /** `open` when everything has been reported that had arrived before this. */
  | { readonly do: 'echo'; readonly id: number };

export type Report =
  | { readonly event: 'open'; readonly id: number; readonly at?: Endpoint }
  | { readonly event: 'datagram'; readonly id: number; readonly from: Endpoint; readonly text: string }
  | { readonly event: 'connection'; readonly id: number; readonly from: Endpoint }
  | { readonly event: 'failed'; readonly id: number; readonly message: string };

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}
