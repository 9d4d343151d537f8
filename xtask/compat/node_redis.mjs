// node-redis against a server: `node_redis.mjs HOST PORT`.

import { createClient, RESP_TYPES } from "redis";
import { expect, expectError, host, port, run, soon } from "./checks.mjs";

const everyByte = Buffer.from(Array.from({ length: 65_536 }, (_, n) => n % 256));

async function connect(RESP) {
  const client = createClient({ socket: { host, port, reconnectStrategy: false }, RESP });
  // Errors come out of the calls as well.
  client.on("error", () => {});
  return client.connect();
}

function checks(RESP) {
  return {
    async strings(client) {
      expect(await client.set("a", "1"), "OK");
      expect(await client.get("a"), "1");
      expect(await client.get("nothing"), null);
      expect(await client.set("a", "2", { condition: "NX" }), null);
      expect(await client.set("a", "2", { GET: true }), "1");
      expect(await client.append("a", "x"), 2);
      expect(await client.getDel("a"), "2x");
    },

    async "bytes round-trip"(client) {
      const bytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
      await bytes.set(Buffer.from([0, 255, 13, 10]), everyByte);
      expect(Buffer.compare(await bytes.get(Buffer.from([0, 255, 13, 10])), everyByte), 0);
    },

    async numbers(client) {
      expect(await client.incr("n"), 1);
      expect(await client.incrBy("n", 9), 10);
      expect(await client.incrByFloat("n", 0.5), "10.5");
      await expectError("not an integer", () => client.incr("n"));
    },

    async "many keys at once"(client) {
      expect(await client.mSet({ a: "1", b: "2" }), "OK");
      expect(await client.mGet(["a", "b", "c"]), ["1", "2", null]);
      expect(await client.del(["a", "b", "c"]), 2);
    },

    async expiry(client) {
      await client.set("a", "1", { expiration: { type: "PXAT", value: 4102444800000 } });
      expect(await client.pExpireTime("a"), 4102444800000);
      expect(await client.persist("a"), 1);
      expect(await client.ttl("a"), -1);
    },

    async "automatic pipelining"(client) {
      const all = Array.from({ length: 1000 }, (_, n) => client.set(`key:${n}`, String(n)));
      expect(new Set(await Promise.all(all)), new Set(["OK"]));
      expect(await client.dbSize(), 1000);
    },

    async multi(client) {
      expect(await client.multi().set("a", "1").incr("a").get("a").exec(), ["OK", 2, "2"]);
    },

    async watch(client) {
      const other = await connect(RESP);
      await client.watch("a");
      await other.set("a", "1");
      await expectError("watched", () => client.multi().set("a", "2").exec());
      expect(await other.get("a"), "1");
      await client.watch("a");
      expect(await client.multi().set("a", "3").exec(), ["OK"]);
      other.destroy();
    },

    async "publish and subscribe"(client) {
      const listener = await connect(RESP);
      const message = new Promise((resolve) => {
        listener.subscribe("news", (text, channel) => resolve([channel, text]));
      });
      const patterned = new Promise((resolve) => {
        listener.pSubscribe("sp*", (text, channel) => resolve([channel, text]));
      });
      await listener.subscribe("ready", () => {});
      expect(await client.publish("news", "rain"), 1);
      expect(await client.publish("sport", "goal"), 1);
      expect(await soon(message), ["news", "rain"]);
      expect(await soon(patterned), ["sport", "goal"]);
      await listener.unsubscribe("news");
      expect(await client.publish("news", "x"), 0);
      listener.destroy();
    },

    async "scan iterator"(client) {
      const keys = Array.from({ length: 1000 }, (_, n) => `key:${n}`);
      await client.mSet(Object.fromEntries(keys.map((key) => [key, "x"])));
      const found = new Set();
      for await (const some of client.scanIterator({ MATCH: "key:*", COUNT: 100 })) {
        some.forEach((key) => found.add(key));
      }
      expect(found.size, 1000);
    },

    async "INFO and CLIENT"(client) {
      expect((await client.info()).includes("redis_version:"), true);
      expect(await client.clientSetName("worker"), "OK");
      expect(await client.clientGetName(), "worker");
      await expectError("unknown command", () => client.sendCommand(["GTE", "a"]));
    },
  };
}

for (const RESP of [2, 3]) {
  const close = (client) => client.destroy();
  await run(`node-redis RESP${RESP}`, checks(RESP), () => connect(RESP), close);
}
