import * as z from 'zod';
import {
  MAX_BODY_LENGTH,
  MAX_PEERS_PER_ROOM,
  roomPeer,
  wireId as id,
} from '../extension/src/p2p/signaling/wire/messages.ts';

/**
 * What nodes say to each other over Redis pub/sub, as JSON. Channels:
 *
 *     peerweave:1:nodes            alive, bye                         from every node to every node
 *     peerweave:1:room:<room>      peers                              from nodes with members in the room, to all such nodes
 *     peerweave:1:node:<node>      peers, signal, meeting             to that node
 *
 * Redis keeps nothing and promises nothing. `peers` always has everybody of a room at a node, so that each one makes good for any that
 * was lost; with `ask` it wants the same from the others, which a node says when it comes to a room and when Redis comes back. A node
 * that is not heard of for some time is gone with all its peers. Relayed bytes never go this way.
 */
export const NODES_CHANNEL = 'peerweave:1:nodes';
export const roomChannel = (room: string): string => `peerweave:1:room:${room}`;
export const nodeChannel = (node: string): string => `peerweave:1:node:${node}`;

/** To every node. */
export const nodeNews = z.object({ kind: z.enum(['alive', 'bye']), node: id });
export type NodeNews = z.infer<typeof nodeNews>;

/** To nodes of a room. */
export const roomNews = z.object({
  kind: z.literal('peers'),
  node: id,
  room: id,
  peers: z.array(roomPeer).max(MAX_PEERS_PER_ROOM),
  ask: z.boolean(),
});
export type RoomNews = z.infer<typeof roomNews>;

const signal = z.object({
  kind: z.literal('signal'),
  room: id,
  to: id,
  from: id,
  body: z.string().min(1).max(MAX_BODY_LENGTH),
});

const meeting = z.object({
  kind: z.literal('meeting'),
  room: id,
  to: id,
  with: id,
  session: id,
  ticket: id,
  /** Where to attach: the asker's node. */
  url: z.url({ protocol: /^wss?$/ }).max(300),
});

/** To one node. */
export const nodeMail = z.discriminatedUnion('kind', [roomNews, signal, meeting]);
export type NodeMail = z.infer<typeof nodeMail>;

/** Something for one client of another node. */
export type NodeMessage = z.infer<typeof signal> | z.infer<typeof meeting>;
