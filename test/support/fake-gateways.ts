import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Emitter } from '../../extension/src/shared/events.ts';

/** A router that speaks NAT-PMP (RFC 6886) on loopback. */
export class FakePmpGateway {
  readonly host = '127.0.0.1';
  /** Inner port → outer port and lifetime. */
  readonly mapped = new Map<number, { outerPort: number; seconds: number }>();
  publicAddress = '203.0.113.7';
  /** The outer port that it gives in place of the one asked for. */
  otherPort: number | undefined;
  result = 0;
  /** Requests that it loses before it answers one. */
  losses = 0;
  /** How many seconds it is willing to keep a mapping. */
  longest = 7_200;
  readonly requests = new Emitter<Buffer>();
  private readonly socket: Socket;

  static async start(): Promise<FakePmpGateway> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new FakePmpGateway(socket);
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('message', (request, { port, address }) => {
      const answer = this.answer(request);
      if (this.losses-- <= 0) socket.send(answer, port, address);
      this.requests.fire(request);
    });
  }

  get port(): number {
    return this.socket.address().port;
  }

  stop(): void {
    this.socket.close();
  }

  private answer(request: Buffer): Buffer {
    const operation = request.readUInt8(1);
    const header = Buffer.from([0, 128 + operation, 0, this.result, 0, 0, 0, 1]);
    if (operation === 0) return Buffer.concat([header, Buffer.from(this.publicAddress.split('.').map(Number))]);
    const inner = request.readUInt16BE(4);
    const seconds = Math.min(request.readUInt32BE(8), this.longest);
    const outerPort = this.otherPort ?? request.readUInt16BE(6);
    if (this.result === 0 && this.losses <= 0) {
      if (seconds === 0) this.mapped.delete(inner);
      else this.mapped.set(inner, { outerPort, seconds });
    }
    const body = Buffer.alloc(8);
    body.writeUInt16BE(inner, 0);
    body.writeUInt16BE(outerPort, 2);
    body.writeUInt32BE(seconds, 4);
    return Buffer.concat([header, body]);
  }
}

const SERVICE = 'urn:schemas-upnp-org:service:WANIPConnection:2';

/** A router that speaks UPnP (Internet Gateway Device 2) on loopback, once its description's address is known. */
export class FakeUpnpGateway {
  /** Actions that were asked for, with their arguments. */
  readonly actions: { name: string; body: string }[] = [];
  publicAddress = '203.0.113.8';
  private readonly server: Server;

  static async start(): Promise<FakeUpnpGateway> {
    const gateway = new FakeUpnpGateway();
    gateway.server.listen(0, '127.0.0.1');
    await once(gateway.server, 'listening');
    return gateway;
  }

  private constructor() {
    this.server = createServer((request, response) => void this.answer(request, response));
  }

  get description(): URL {
    return new URL(`http://127.0.0.1:${(this.server.address() as AddressInfo).port}/description.xml`);
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    response.setHeader('content-type', 'text/xml');
    if (request.url !== '/control') return void response.end(DESCRIPTION);
    const name = /#(\w+)/.exec(String(request.headers.soapaction))?.[1] ?? '';
    this.actions.push({ name, body });
    const result = {
      GetExternalIPAddress: `<NewExternalIPAddress>${this.publicAddress}</NewExternalIPAddress>`,
      AddAnyPortMapping: `<NewReservedPort>${/<NewExternalPort>(\d+)/.exec(body)?.[1] ?? ''}</NewReservedPort>`,
    }[name];
    response.end(envelope(`<u:${name}Response xmlns:u="${SERVICE}">${result ?? ''}</u:${name}Response>`));
  }
}

const envelope = (body: string): string =>
  `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${body}</s:Body></s:Envelope>`;

const DESCRIPTION = `<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0">
  <device>
    <deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:2</deviceType>
    <UDN>uuid:4f9c1c1e-6d2a-4a8e-8a39-1b7b3f0c9d11</UDN>
    <deviceList><device>
      <deviceType>urn:schemas-upnp-org:device:WANDevice:2</deviceType>
      <serviceList><service>
        <serviceType>${SERVICE}</serviceType>
        <serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId>
        <SCPDURL>/scpd.xml</SCPDURL>
        <controlURL>/control</controlURL>
        <eventSubURL>/events</eventSubURL>
      </service></serviceList>
    </device></deviceList>
  </device>
</root>`;
