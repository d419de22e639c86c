/**
 * A gateway as Temporal Cloud has one in front of its servers: TLS, and an API key with each call instead of a client
 * certificate. It hands every call on to a server that speaks neither.
 */
import { once } from 'node:events';
import { connect, constants, createSecureServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';

const { HTTP2_HEADER_AUTHORITY, HTTP2_HEADER_SCHEME, NGHTTP2_CANCEL } = constants;

/** gRPC's code for an unauthenticated caller. */
const UNAUTHENTICATED = '16';

export type Gateway = {
  port: number;
  /** Namespaces that the calls let through named in their header, as Temporal Cloud wants it. */
  namespaces: Set<string>;
  close(): void;
};

/**
 * Opens the gateway with this server key and certificate in front of the server at `target` (host:port); calls without
 * `apiKey` are turned away.
 */
export async function openGateway({
  target,
  apiKey,
  key,
  cert,
}: {
  target: string;
  apiKey: string;
  key: Buffer;
  cert: Buffer;
}): Promise<Gateway> {
  const upstream = connect(`http://${target}`);
  upstream.on('error', () => {}); // its calls fail
  const namespaces = new Set<string>();
  const server = createSecureServer({ key, cert });
  server.on('stream', (call: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    call.on('error', () => {}); // the caller left
    if (headers.authorization !== `Bearer ${apiKey}`) {
      call.respond(
        { 'content-type': 'application/grpc', 'grpc-status': UNAUTHENTICATED, 'grpc-message': 'Request unauthorized.' },
        { endStream: true },
      );
      return;
    }
    const namespace = headers['temporal-namespace'];
    if (typeof namespace === 'string') namespaces.add(namespace);
    const { [HTTP2_HEADER_AUTHORITY]: _, [HTTP2_HEADER_SCHEME]: __, ...passed } = headers;
    forward(call, upstream.request(passed));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    namespaces,
    close: () => {
      upstream.destroy();
      server.close();
    },
  };
}

/** Both bodies, the answer's headers and its trailers, where gRPC has its status. */
function forward(call: ServerHttp2Stream, passed: ReturnType<ReturnType<typeof connect>['request']>): void {
  let trailers: IncomingHttpHeaders = {};
  passed.on('response', (headers, flags) => {
    if (call.destroyed) return;
    const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    call.respond(headers, { endStream, waitForTrailers: !endStream });
    if (!endStream) passed.pipe(call);
  });
  passed.on('trailers', (received) => (trailers = received));
  passed.on('error', () => call.close(NGHTTP2_CANCEL));
  call.on('wantTrailers', () => call.sendTrailers(trailers));
  call.on('close', () => passed.close(NGHTTP2_CANCEL));
  call.pipe(passed);
}
