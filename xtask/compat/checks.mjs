// Named checks for the JavaScript clients; one that fails says what was expected.

import { isDeepStrictEqual, inspect } from "node:util";

export const [host, port] = [process.argv[2], Number(process.argv[3])];

export function expect(got, expected) {
  if (!isDeepStrictEqual(got, expected)) {
    throw new Error(`expected ${inspect(expected)}, got ${inspect(got)}`);
  }
}

export async function expectError(text, call) {
  let got;
  try {
    got = await call();
  } catch (error) {
    if (!String(error.message).includes(text)) {
      throw new Error(`expected an error with ${inspect(text)}, got ${inspect(error)}`);
    }
    return;
  }
  throw new Error(`expected an error with ${inspect(text)}, got ${inspect(got)}`);
}

// Resolves with what `promise` does, or fails after ten seconds.
export function soon(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("nothing came within 10 s")), 10_000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// `checks`: name -> async function of a client. `connect` and `close` frame each of them.
export async function run(suite, checks, connect, close) {
  let failed = 0;
  for (const [name, check] of Object.entries(checks)) {
    let client;
    try {
      client = await connect();
      await soon(client.flushall ? client.flushall() : client.flushAll());
      await soon(check(client));
      console.log(`ok ${suite}: ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${suite}: ${name}: ${error.stack}`);
    } finally {
      if (client) await close(client);
    }
  }
  if (failed) process.exitCode = 1;
}
