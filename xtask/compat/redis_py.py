"""redis-py against a server: `redis_py.py HOST PORT`.

Each check starts from an empty database and has a name; one that fails says what was expected.
"""

import asyncio
import inspect
import sys
import time

import redis
import redis.asyncio

HOST, PORT = sys.argv[1], int(sys.argv[2])
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def expect(got, expected):
    if got != expected:
        raise AssertionError(f"expected {expected!r}, got {got!r}")


def expect_error(kind, text, call):
    try:
        got = call()
    except kind as error:
        if text not in str(error):
            raise AssertionError(f"expected an error with {text!r}, got {error!r}") from error
        return
    raise AssertionError(f"expected {kind.__name__}, got {got!r}")


def connect(**options):
    return redis.Redis(host=HOST, port=PORT, socket_timeout=10, **options)


def for_both_protocols(function):
    """One check a protocol."""
    for protocol in (2, 3):

        def run(protocol=protocol):
            with connect(protocol=protocol) as client:
                function(client)

        run.__name__ = f"{function.__name__} (RESP{protocol})"
        CHECKS.append(run)
    return function


@for_both_protocols
def strings(client):
    expect(client.set("a", "1"), True)
    expect(client.get("a"), b"1")
    expect(client.get("nothing"), None)
    expect(client.set("a", "2", nx=True), None)
    expect(client.set("a", "2", get=True), b"1")
    expect(client.setnx("a", "3"), False)
    expect(client.append("a", "x"), 2)
    expect(client.strlen("a"), 2)
    expect(client.getrange("a", 0, 0), b"2")
    expect(client.setrange("a", 3, "y"), 4)
    expect(client.get("a"), b"2x\x00y")
    expect(client.getset("a", "z"), b"2x\x00y")
    expect(client.getdel("a"), b"z")
    expect(client.exists("a"), 0)


@for_both_protocols
def numbers(client):
    expect(client.incr("n"), 1)
    expect(client.incrby("n", 41), 42)
    expect(client.decr("n", 2), 40)
    expect(client.incrbyfloat("n", 0.5), 40.5)
    expect_error(redis.ResponseError, "not an integer", lambda: client.incr("n"))


@for_both_protocols
def bytes_round_trip(client):
    every_byte = bytes(range(256)) * 512
    key = b"\x00\r\n\xff key"
    expect(client.set(key, every_byte), True)
    expect(client.get(key), every_byte)
    expect(client.keys(), [key])


@for_both_protocols
def many_keys_at_once(client):
    expect(client.mset({"a": 1, "b": 2}), True)
    expect(client.msetnx({"b": 3, "c": 4}), False)
    expect(client.mget("a", "b", "c"), [b"1", b"2", None])
    expect(client.exists("a", "b", "c", "a"), 3)
    expect(client.touch("a", "c"), 1)
    expect(client.delete("a", "c"), 1)
    expect(client.unlink("b"), 1)
    expect(client.dbsize(), 0)


@for_both_protocols
def keyspace(client):
    client.set("a", "1")
    expect(client.type("a"), b"string")
    expect(client.type("b"), b"none")
    expect(client.rename("a", "b"), True)
    expect(client.renamenx("b", "b2"), True)
    expect(client.copy("b2", "b3"), True)
    expect(client.copy("b2", "b3"), False)
    expect(client.copy("b2", "b3", replace=True), True)
    expect(sorted(client.keys("b*")), [b"b2", b"b3"])
    expect(client.randomkey() in (b"b2", b"b3"), True)
    expect_error(redis.ResponseError, "no such key", lambda: client.rename("a", "c"))
    expect(client.flushdb(), True)
    expect(client.randomkey(), None)


@for_both_protocols
def expiry(client):
    client.set("a", "1", ex=1000)
    expect(990 <= client.ttl("a") <= 1000, True)
    expect(990_000 <= client.pttl("a") <= 1_000_000, True)
    expect(client.persist("a"), True)
    expect(client.ttl("a"), -1)
    expect(client.ttl("nothing"), -2)
    expect(client.expireat("a", 4102444800), True)
    expect(client.expiretime("a"), 4102444800)
    expect(client.pexpiretime("a"), 4102444800000)
    expect(client.expire("a", 10, nx=True), False)
    expect(client.expireat("a", 5000000000, gt=True), True)
    expect(client.getex("a", persist=True), b"1")
    expect(client.ttl("a"), -1)
    expect(client.set("a", "2", pxat=4102444800000), True)
    expect(client.set("a", "3", keepttl=True), True)
    expect(client.pexpiretime("a"), 4102444800000)
    expect(client.expireat("a", 1), True)
    expect(client.exists("a"), 0)


@for_both_protocols
def a_key_expires(client):
    client.set("a", "1", px=50)
    deadline = time.monotonic() + 10
    while client.get("a") is not None:
        if time.monotonic() > deadline:
            raise AssertionError("expected it to be gone after 50 ms, got it after 10 s")
    expect(client.exists("a"), 0)
    expect(client.ttl("a"), -2)


@for_both_protocols
def pipeline(client):
    with client.pipeline(transaction=False) as pipe:
        for number in range(1000):
            pipe.set(f"key:{number}", number)
            pipe.get(f"key:{number}")
        replies = pipe.execute()
    expect(replies[:4], [True, b"0", True, b"1"])
    expect(len(replies), 2000)
    expect(client.dbsize(), 1000)


@for_both_protocols
def transaction(client):
    with client.pipeline(transaction=True) as pipe:
        expect(pipe.set("a", 1).incr("a").get("a").execute(), [True, 2, b"2"])


@for_both_protocols
def an_error_in_a_transaction_leaves_the_rest(client):
    client.set("text", "x")
    with client.pipeline() as pipe:
        replies = pipe.set("a", 1).incr("text").incr("a").execute(raise_on_error=False)
    expect(replies[0], True)
    expect(isinstance(replies[1], redis.ResponseError), True)
    expect(replies[2], 2)


@for_both_protocols
def watch(client):
    client.set("a", 1)
    with client.pipeline() as pipe, connect() as other:
        pipe.watch("a")
        expect(pipe.get("a"), b"1")
        other.set("a", 2)
        pipe.multi()
        pipe.set("a", 3)
        expect_error(redis.WatchError, "", pipe.execute)
        expect(client.get("a"), b"2")
        pipe.watch("a")
        pipe.multi()
        pipe.set("a", 4)
        expect(pipe.execute(), [True])
    expect(client.transaction(lambda pipe: (pipe.multi(), pipe.incr("a")), "a"), [5])


@for_both_protocols
def scan(client):
    keys = {f"key:{number}".encode() for number in range(1000)}
    client.mset({key: "x" for key in keys})
    found = list(client.scan_iter(count=100))
    expect(set(found), keys)
    some = set(client.scan_iter(match="key:1??", count=100))
    expect(some, {f"key:{number}".encode() for number in range(100, 200)})


@for_both_protocols
def pubsub(client):
    listener = client.pubsub()
    listener.subscribe("news")
    listener.psubscribe("sp*")
    expect(listener.get_message(timeout=10)["type"], "subscribe")
    expect(listener.get_message(timeout=10)["type"], "psubscribe")
    expect(client.pubsub_channels(), [b"news"])
    expect(client.pubsub_numsub("news"), [(b"news", 1)])
    expect(client.pubsub_numpat(), 1)
    expect(client.publish("news", "rain"), 1)
    expect(client.publish("sport", b"\x00\xff"), 1)
    expect(client.publish("nobody", "x"), 0)
    message = listener.get_message(timeout=10)
    expect((message["type"], message["channel"], message["data"]), ("message", b"news", b"rain"))
    message = listener.get_message(timeout=10)
    expect((message["type"], message["pattern"], message["data"]), ("pmessage", b"sp*", b"\x00\xff"))
    listener.ping()
    expect(listener.get_message(timeout=10)["type"], "pong")
    listener.unsubscribe()
    expect(listener.get_message(timeout=10)["type"], "unsubscribe")
    listener.close()


@for_both_protocols
def connection(client):
    expect(client.ping(), True)
    expect(client.echo("hi"), b"hi")
    expect(client.client_setname("worker"), True)
    expect(client.client_getname() in (b"worker", "worker"), True)
    expect(client.client_id() > 0, True)
    seconds, micros = client.time()
    expect(abs(seconds - time.time()) < 60 and 0 <= micros < 1_000_000, True)
    info = client.info()
    expect(info["role"], "master")
    expect(info["loading"], 0)
    expect(info["cluster_enabled"], 0)
    expect("redis_version" in info and "arch_bits" in info, True)
    expect(set(client.config_get("save")), {"save"})
    expect_error(redis.ResponseError, "unknown command", lambda: client.execute_command("GTE", "a"))
    expect_error(
        redis.ResponseError, "wrong number of arguments", lambda: client.execute_command("GET")
    )


@check
def decoded_responses():
    with connect(decode_responses=True, protocol=3) as client:
        client.set("naïve", "café")
        expect(client.get("naïve"), "café")
        expect(client.keys(), ["naïve"])
        expect(client.mget("naïve", "x"), ["café", None])


@check
def an_unknown_database_is_refused():
    with connect(db=99) as client:
        expect_error(redis.ResponseError, "DB index is out of range", client.ping)


@check
def a_pool_of_connections():
    pool = redis.ConnectionPool(host=HOST, port=PORT, max_connections=8)
    clients = [redis.Redis(connection_pool=pool) for _ in range(8)]
    for number, client in enumerate(clients):
        client.set(f"key:{number}", number)
    expect([int(client.get(f"key:{n}")) for n, client in enumerate(clients)], list(range(8)))
    pool.disconnect()


def with_async_client(protocol):
    def decorate(function):
        def run():
            async def main():
                client = redis.asyncio.Redis(host=HOST, port=PORT, protocol=protocol)
                try:
                    await asyncio.wait_for(function(client), 30)
                finally:
                    await client.aclose()

            asyncio.run(main())

        run.__name__ = f"{function.__name__} (asyncio, RESP{protocol})"
        CHECKS.append(run)
        return function

    return decorate


@with_async_client(2)
@with_async_client(3)
async def async_commands(client):
    expect(await client.set("a", "1"), True)
    replies = await asyncio.gather(*(client.incr("a") for _ in range(100)))
    expect(sorted(replies), list(range(2, 102)))
    expect(await client.mget("a", "b"), [b"101", None])


@with_async_client(2)
@with_async_client(3)
async def async_pipeline_with_watch(client):
    async with client.pipeline(transaction=True) as pipe:
        await pipe.watch("a")
        await client.set("a", "1")
        pipe.multi()
        pipe.set("a", "2")
        try:
            got = await pipe.execute()
        except redis.WatchError:
            got = None
        expect(got, None)
        expect(await pipe.set("a", "3").get("a").execute(), [True, b"3"])


@with_async_client(2)
@with_async_client(3)
async def async_pubsub(client):
    async with client.pubsub() as listener:
        await listener.subscribe("news")
        message = await listener.get_message(timeout=10)
        expect(message["type"], "subscribe")
        expect(await client.publish("news", "rain"), 1)
        message = await listener.get_message(timeout=10)
        expect((message["channel"], message["data"]), (b"news", b"rain"))


@with_async_client(3)
async def async_scan(client):
    await client.mset({f"key:{number}": number for number in range(500)})
    found = {key async for key in client.scan_iter(count=50)}
    expect(len(found), 500)


def main():
    failed = 0
    for function in CHECKS:
        with connect() as client:
            client.flushall()
        try:
            function()
        except Exception as error:  # noqa: BLE001: every failure is reported the same way
            failed += 1
            where = inspect.trace()[-1]
            print(f"FAILED redis-py: {function.__name__} (line {where.lineno}): {error!r}")
        else:
            print(f"ok redis-py: {function.__name__}")
    sys.exit(1 if failed else 0)


main()
