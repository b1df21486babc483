import { describe, expect, it } from 'vitest';
import { httpFailure, socketFailure, type Destination } from '../../../extension/src/p2p/signaling/socket-failure.ts';

const destination: Destination = { server: 'wss://signal.example.org', host: 'signal.example.org', proxy: undefined };

const failed = (code: string, message = code): Error => Object.assign(new Error(message), { code });

describe('what is said of a connection that failed', () => {
  it.each([
    ['EAI_AGAIN', 'name signal.example.org is not known'],
    ['ENETUNREACH', 'no way to it from this network'],
    ['ETIMEDOUT', 'A firewall may be in the way'],
    ['CERT_HAS_EXPIRED', 'has expired. Tell its operator'],
    ['CERT_NOT_YET_VALID', 'Check the clock of this computer'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'NODE_EXTRA_CA_CERTS'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'NODE_EXTRA_CA_CERTS'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'NODE_EXTRA_CA_CERTS'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'NODE_EXTRA_CA_CERTS'],
    ['CERT_REVOKED', 'is not valid'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'not for signal.example.org'],
    ['EPROTO', 'Is it ws://signal.example.org instead?'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'Is it ws://signal.example.org instead?'],
    ['HPE_INVALID_CONSTANT', 'no signaling server'],
    ['ECONNRESET', 'closed the connection at once'],
    ['EWHATEVER', 'EWHATEVER'],
  ])('%s: %s', (code, hint) => {
    const error = socketFailure(failed(code), destination);
    expect(error.reason).toBe('signaling-unreachable');
    expect(error.message).toContain(hint);
    expect(error.message).toContain('wss://signal.example.org');
  });

  it('looks into the attempts at several addresses of one name', () => {
    const error = Object.assign(new AggregateError([failed('ECONNREFUSED', 'connect ECONNREFUSED ::1:443')]), {
      code: 'ECONNREFUSED',
    });
    expect(socketFailure(error, destination).message).toContain('nothing listens there');
  });

  it('does not repeat what the other side said', () => {
    const said = 'Parse Error: Expected HTTP/, got \u001b[2J secret';
    expect(socketFailure(failed('HPE_INVALID_CONSTANT', said), destination).message).not.toContain('secret');
    expect(socketFailure(new Error('secret'), destination).message).not.toContain('secret');
  });

  it('tells a proxy’s answer from the server’s', () => {
    const by = 'proxy';
    const behind = { ...destination, proxy: 'http://proxy:3128' };
    expect(httpFailure({ status: 403, by }, behind).message).toContain('the proxy http://proxy:3128 does not let');
    expect(httpFailure({ status: 403, by: 'server' }, behind)).toMatchObject({ reason: 'signaling-refused' });
    expect(httpFailure({ status: 407, by: 'server' }, destination).message).toContain('HTTPS_PROXY');
  });
});
