// ioredis against a server: `ioredis.mjs HOST PORT`.

import Redis from "ioredis";
import { expect, expectError, host, port, run, soon } from "./checks.mjs";

function connect(options = {}) {
  return new Redis({ host, port, maxRetriesPerRequest: 1, retryStrategy: null, ...options });
}

const everyByte = Buffer.from(Array.from({ length: 65_536 }, (_, n) => n % 256));

const checks = {
  async strings(client) {
    expect(await client.set("a", "1"), "OK");
    expect(await client.get("a"), "1");
    expect(await client.get("nothing"), null);
    expect(await client.set("a", "2", "NX"), null);
    expect(await client.set("a", "2", "EX", 1000, "GET"), "1");
    expect(await client.append("a", "x"), 2);
    expect(await client.getdel("a"), "2x");
  },

  async "bytes round-trip"(client) {
    expect(await client.set(Buffer.from([0, 255, 13, 10]), everyByte), "OK");
    expect(Buffer.compare(await client.getBuffer(Buffer.from([0, 255, 13, 10])), everyByte), 0);
  },

  async numbers(client) {
    expect(await client.incr("n"), 1);
    expect(await client.incrby("n", 9), 10);
    expect(await client.incrbyfloat("n", 0.5), "10.5");
    await expectError("not an integer", () => client.incr("n"));
  },

  async "many keys at once"(client) {
    expect(await client.mset({ a: 1, b: 2 }), "OK");
    expect(await client.mset(new Map([["c", 3]])), "OK");
    expect(await client.mget("a", "b", "c", "d"), ["1", "2", "3", null]);
    expect(await client.del("a", "b", "d"), 2);
  },

  async expiry(client) {
    await client.set("a", "1", "PXAT", 4102444800000);
    expect(await client.pexpiretime("a"), 4102444800000);
    expect(await client.persist("a"), 1);
    expect(await client.ttl("a"), -1);
  },

  async pipeline(client) {
    const pipeline = client.pipeline();
    for (let n = 0; n < 1000; n += 1) pipeline.set(`key:${n}`, n).get(`key:${n}`);
    const replies = await pipeline.exec();
    expect(replies.length, 2000);
    expect(replies.slice(0, 2), [[null, "OK"], [null, "0"]]);
    expect(await client.dbsize(), 1000);
  },

  async "an error in a pipeline leaves the rest"(client) {
    const replies = await client.pipeline().set("a", "x").incr("a").get("a").exec();
    expect(replies[0], [null, "OK"]);
    expect(replies[1][0].message.includes("not an integer"), true);
    expect(replies[2], [null, "x"]);
  },

  async multi(client) {
    expect(await client.multi().set("a", 1).incr("a").exec(), [[null, "OK"], [null, 2]]);
    expect(await client.multi({ pipeline: false }), "OK");
    expect(await client.get("a"), "QUEUED");
    expect(await client.exec(), [[null, "2"]]);
  },

  async watch(client) {
    const other = connect();
    await client.watch("a");
    await other.set("a", "1");
    expect(await client.multi().set("a", "2").exec(), null);
    await client.watch("a");
    expect(await client.multi().set("a", "3").exec(), [[null, "OK"]]);
    expect(await other.get("a"), "3");
    other.disconnect();
  },

  async "publish and subscribe"(client) {
    const listener = connect();
    expect(await listener.subscribe("news"), 1);
    expect(await listener.psubscribe("sp*"), 2);
    const message = new Promise((resolve) => {
      listener.on("message", (channel, text) => resolve([channel, text]));
    });
    const patterned = new Promise((resolve) => {
      listener.on("pmessage", (pattern, channel, text) => resolve([pattern, channel, text]));
    });
    expect(await client.publish("news", "rain"), 1);
    expect(await client.publish("sport", "goal"), 1);
    expect(await soon(message), ["news", "rain"]);
    expect(await soon(patterned), ["sp*", "sport", "goal"]);
    expect(await listener.unsubscribe("news"), 1);
    listener.disconnect();
  },

  async "scan stream"(client) {
    const keys = Array.from({ length: 1000 }, (_, n) => `key:${n}`);
    await client.mset(...keys.flatMap((key) => [key, "x"]));
    const found = new Set();
    for await (const some of client.scanStream({ match: "key:*", count: 100 })) {
      some.forEach((key) => found.add(key));
    }
    expect(found.size, 1000);
  },

  async "key prefix and automatic pipelining"() {
    const client = connect({ keyPrefix: "app:", enableAutoPipelining: true });
    expect(await Promise.all([client.set("a", "1"), client.get("a")]), ["OK", "1"]);
    expect(await client.exists("a"), 1);
    client.disconnect();
  },

  async "INFO and CLIENT"(client) {
    expect((await client.info()).includes("redis_version:"), true);
    expect(await client.client("SETNAME", "worker"), "OK");
    expect(await client.client("GETNAME"), "worker");
    await expectError("unknown command", () => client.call("GTE", "a"));
  },
};

await run("ioredis", checks, () => connect(), (client) => client.disconnect());
