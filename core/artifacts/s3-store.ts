/** Artifacts as objects of an S3 bucket: AWS, MinIO, R2, or any compatible server. */
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
  type S3ServiceException,
} from '@aws-sdk/client-s3';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Entry, KeyedStore, lengthOf, pieces } from './keyed-store.ts';
import type { Content } from './store.ts';

/** Tries of one request. The client repeats transient errors only: connections, throttling, answers 500 to 504. */
const TRIES = 4;
/** Time without data after which a connection or an answer counts as lost. */
const CONNECT_MS = 10_000;
const SILENCE_MS = 60_000;
/** Answers to a conditional write whose key exists, or is being written: 304 in old versions of MinIO. */
const EXISTS = new Set<number | undefined>([304, 409, 412]);
const NOT_IMPLEMENTED = 501;
/** Time within which another writer that began at the same moment has ended, on servers without conditional writes. */
const SETTLED_MS = 500;
/** S3's limit for an object in one request; one request makes writes atomic. */
const LARGEST_OBJECT = 5 * 2 ** 30;

/**
 * Region, credentials and endpoint come from AWS's own environment variables and profiles (`AWS_ENDPOINT_URL_S3` for
 * servers that are not AWS).
 */
export class S3Store extends KeyedStore {
  readonly location: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  /** `url`: s3://bucket/prefix. */
  constructor(url: string) {
    super();
    const { hostname, pathname } = new URL(url);
    this.location = url;
    this.#bucket = hostname;
    this.#prefix = pathname.replaceAll(/^\/+|\/+$/g, '').replace(/(?<=.)$/, '/');
    this.#client = new S3Client({
      maxAttempts: TRIES,
      region: process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? 'us-east-1',
      requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENCE_MS },
      // Servers other than AWS rarely have a host name for each bucket.
      forcePathStyle: (process.env.AWS_ENDPOINT_URL_S3 ?? process.env.AWS_ENDPOINT_URL) !== undefined,
    });
  }

  protected async read(key: string): Promise<Uint8Array | undefined> {
    return await this.#request(`read ${key}`, async () => {
      const { Body } = await this.#client.send(new GetObjectCommand(this.#object(key)));
      return await Body!.transformToByteArray();
    });
  }

  /** Always sent, so that a damaged object is replaced. The server checks the received bytes against their hash. */
  protected async write(key: string, data: Content, hash?: string): Promise<void> {
    if (lengthOf(data) > LARGEST_OBJECT)
      throw new Error(
        `${key} has ${lengthOf(data)} bytes; S3 takes at most ${LARGEST_OBJECT} at once: train fewer parameters, ` +
          `or use the file store`,
      );
    // A known hash is not computed again.
    const checksum =
      hash === undefined
        ? ({ ChecksumAlgorithm: 'SHA256' } as const)
        : { ChecksumSHA256: Buffer.from(hash, 'hex').toString('base64') };
    await this.#request(`write ${key}`, () =>
      this.#client.send(
        new PutObjectCommand({
          ...this.#object(key),
          Body: data instanceof Uint8Array ? data : Buffer.concat(pieces(data)),
          ...checksum,
        }),
      ),
    );
  }

  /** On servers without conditional writes the last of several writers at once wins: the caller reads what is there. */
  protected async create(key: string, data: Uint8Array): Promise<boolean> {
    const put = (condition: { IfNoneMatch?: '*' }) =>
      this.#request(`create ${key}`, () =>
        this.#client.send(new PutObjectCommand({ ...this.#object(key), Body: data, ...condition })),
      );
    try {
      await put({ IfNoneMatch: '*' });
    } catch (error) {
      const status = ((error as Error).cause as S3ServiceException).$metadata?.httpStatusCode;
      if (EXISTS.has(status)) return false;
      if (status !== NOT_IMPLEMENTED) throw error;
      await put({});
    }
    await sleep(SETTLED_MS);
    return true;
  }

  /** A copy within the server, then a deletion: in between the content has both keys. */
  protected async move(key: string, to: string): Promise<boolean> {
    const { Bucket, Key } = this.#object(key);
    const CopySource = `${Bucket}/${Key.split('/').map(encodeURIComponent).join('/')}`;
    const copied = await this.#request(`copy ${key}`, () =>
      this.#client.send(new CopyObjectCommand({ ...this.#object(to), CopySource })),
    );
    if (copied === undefined) return false;
    await this.erase(key);
    return true;
  }

  protected async look(key: string): Promise<Entry | undefined> {
    const head = await this.#request(`look at ${key}`, () =>
      this.#client.send(new HeadObjectCommand(this.#object(key))),
    );
    return head && { key, bytes: head.ContentLength!, modified: head.LastModified! };
  }

  protected async *entries(prefix: string): AsyncIterable<Entry> {
    const pages = paginateListObjectsV2(
      { client: this.#client },
      { Bucket: this.#bucket, Prefix: `${this.#prefix}${prefix}` },
    )[Symbol.asyncIterator]();
    for (;;) {
      const page = await this.#request(`list ${prefix}`, () => pages.next());
      if (page === undefined || page.done) return;
      for (const { Key, Size, LastModified } of page.value.Contents ?? [])
        yield { key: Key!.slice(this.#prefix.length), bytes: Size!, modified: LastModified! };
    }
  }

  protected async erase(key: string): Promise<void> {
    await this.#request(`delete ${key}`, () => this.#client.send(new DeleteObjectCommand(this.#object(key))));
  }

  #object(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: `${this.#prefix}${key}` };
  }

  /** Undefined if there is no such object; every other failure becomes one sentence. */
  async #request<T>(what: string, send: () => Promise<T>): Promise<T | undefined> {
    try {
      return await send();
    } catch (error) {
      const { name, message, $metadata } = error as S3ServiceException;
      if (name === 'NoSuchKey' || name === 'NotFound') return undefined;
      throw new Error(
        `${this.location}: cannot ${what} ` +
          `(${name}${$metadata?.httpStatusCode === undefined ? '' : ` ${$metadata.httpStatusCode}`}: ` +
          `${message}); ` +
          `${ADVICE[name] ?? 'check that the server answers (AWS_ENDPOINT_URL_S3) and the network'}`,
        { cause: error },
      );
    }
  }
}

/** Advice for errors that retrying does not fix. */
const ADVICE: Readonly<Record<string, string>> = {
  NoSuchBucket: 'create the bucket, or name another in GTR_STORE',
  AccessDenied: 'allow these credentials to list, get, put and delete objects of the bucket',
  InvalidAccessKeyId: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
  SignatureDoesNotMatch: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
  CredentialsProviderError: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or an AWS profile',
  ExpiredToken: 'renew the credentials',
};
