import { upnpNat } from '@achingbrain/nat-port-mapper';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseRoutes } from '../../../extension/src/p2p/transport/gateways.ts';
import { pmpMap } from '../../../extension/src/p2p/transport/nat-pmp.ts';
import { mapPort, type PortMappers, type PortMapping } from '../../../extension/src/p2p/transport/port-mapping.ts';
import { FakePmpGateway, FakeUpnpGateway } from '../../support/fake-gateways.ts';
import { next } from '../../support/link-lab.ts';

describe('a port on the router', () => {
  const never = new AbortController().signal;
  const mappings: PortMapping[] = [];
  let pmp: FakePmpGateway;
  let upnp: FakeUpnpGateway;

  beforeEach(async () => {
    pmp = await FakePmpGateway.start();
    upnp = await FakeUpnpGateway.start();
  });
  afterEach(() => {
    for (const mapping of mappings.splice(0)) mapping.dispose();
    pmp.stop();
    upnp.stop();
  });

  const nobody: PortMappers = {
    pmp: async () => [],
    async *upnp() {
      // Nobody answers.
    },
  };
  const byPmp = (): PortMappers => ({ ...nobody, pmp: async () => [pmp] });
  const byUpnp = (): PortMappers => ({
    ...nobody,
    async *upnp(signal) {
      yield await upnpNat().getGateway(upnp.description, { signal });
    },
  });

  async function map(mappers: PortMappers, port = 4711): Promise<PortMapping> {
    const mapping = await mapPort(port, never, mappers);
    mappings.push(mapping);
    return mapping;
  }

  describe('by NAT-PMP', () => {
    it('is opened, and told with the address outside', async () => {
      expect((await map(byPmp())).address).toEqual({ tier: 'tcp', value: '203.0.113.7:4711' });
      expect(pmp.mapped.get(4711)).toEqual({ outerPort: 4711, seconds: 7_200 });
    });

    it('may be another one outside', async () => {
      pmp.otherPort = 50_000;
      expect((await map(byPmp())).address.value).toBe('203.0.113.7:50000');
    });

    it('is closed when it is not needed any more', async () => {
      const mapping = await map(byPmp());
      const request = next(pmp.requests.event);
      mapping.dispose();
      mapping.dispose();
      expect((await request).readUInt32BE(8)).toBe(0);
      expect(pmp.mapped.size).toBe(0);
    });

    it('is asked for again when a packet is lost', async () => {
      pmp.losses = 2;
      expect((await map(byPmp())).address.value).toBe('203.0.113.7:4711');
    });

    it.each([
      [1, /does not speak this version/],
      [2, /does not allow it/],
      [3, /has no address itself/],
      [4, /has no ports left/],
      [5, /cannot do this/],
      [99, /it says 99/],
    ])('is refused with result %i, and a person reads why', async (result, why) => {
      pmp.result = result;
      const mapping = mapPort(4711, never, byPmp());
      await expect(mapping).rejects.toMatchObject({ reason: 'unreachable' });
      await expect(mapping).rejects.toThrow(why);
    });

    it.each(['192.168.1.2', '10.0.0.1', '100.64.3.4', '172.20.0.1', '0.0.0.0'])(
      'is of no use when the router itself is at %s',
      async (address) => {
        pmp.publicAddress = address;
        await expect(mapPort(4711, never, byPmp())).rejects.toThrow(/behind another one/);
        expect(pmp.mapped.size).toBe(0);
      },
    );

    it('is given up on a router that never answers, and at once where nothing listens', async () => {
      pmp.losses = 1_000;
      await expect(mapPort(4711, never, byPmp())).rejects.toThrow(/does not answer/);
      const gone = { host: pmp.host, port: pmp.port };
      pmp.stop();
      pmp = await FakePmpGateway.start();
      await expect(pmpMap(gone, { port: 1, outerPort: 1, seconds: 1 })).rejects.toMatchObject({
        reason: 'unreachable',
      });
    });

    it('is not waited for when it is not wanted any more', async () => {
      pmp.losses = 1_000;
      const abort = new AbortController();
      const mapping = mapPort(4711, abort.signal, byPmp());
      await next(pmp.requests.event);
      abort.abort();
      await expect(mapping).rejects.toMatchObject({ reason: 'cancelled' });
    });
  });

  describe('by UPnP', () => {
    it('is opened, and told with the address outside', async () => {
      expect((await map(byUpnp())).address).toEqual({ tier: 'tcp', value: '203.0.113.8:4711' });
      const { body } = upnp.actions.find(({ name }) => name === 'AddAnyPortMapping')!;
      expect(body).toContain('<NewInternalPort>4711</NewInternalPort>');
      expect(body).toContain('<NewProtocol>TCP</NewProtocol>');
      expect(body).toContain('<NewPortMappingDescription>Peerweave</NewPortMappingDescription>');
    });

    it.each([
      ['192.168.0.2', /behind another one/],
      ['somewhere', /does not know its own address/],
      ['', /does not know its own address/],
    ])('is of no use when the router itself is at %j', async (address, why) => {
      upnp.publicAddress = address;
      await expect(mapPort(4711, never, byUpnp())).rejects.toThrow(why);
      expect(upnp.actions.map(({ name }) => name)).toEqual(['GetExternalIPAddress']);
    });
  });

  it('is had from whoever answers, and from nobody with what each said', async () => {
    pmp.result = 2;
    const both = { ...byUpnp(), pmp: byPmp().pmp };
    expect((await map(both)).address.value).toBe('203.0.113.8:4711');
    upnp.publicAddress = '10.0.0.1';
    await expect(mapPort(4711, never, both)).rejects.toThrow(/does not allow it.*behind another one/);
    await expect(mapPort(4711, never, nobody)).rejects.toThrow(/No router is known.*No router answers/);
  });

  it('is asked for at the default gateways that Linux knows', () => {
    const table = [
      'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT',
      'eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0',
      'eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
      'eth1\t00000000\t010200C0\t0003\t0\t0\t9\t00000000\t0\t0\t0',
      '',
    ];
    expect(parseRoutes(table.join('\n'))).toEqual(['192.0.2.1']);
    expect(parseRoutes('')).toEqual([]);
  });
});
