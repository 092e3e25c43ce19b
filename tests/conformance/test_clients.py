"""The clients that people use, against our server."""

import asyncio
import json
import threading

import pytest
import socketio

from conformance.peers import EchoServer, node_program

TRANSPORTS = [["polling"], ["websocket"], ["polling", "websocket"]]
NAMESPACES = ["/", "/custom"]
ARGS = (1, "2", {"3": [True], "bytes": b"\x01\x02\x03", "deep": [[b""]]}, "é€😀")


def ids(transports):
    return "-then-".join(transports)


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("transports", TRANSPORTS, ids=ids)
def test_python_sync(lively, transports, namespace):
    got = {}
    arrived = threading.Condition()

    def keep(name):
        def handler(*args):
            with arrived:
                got[name] = args
                arrived.notify_all()
        return handler

    def wait_for(name):
        with arrived:
            assert arrived.wait_for(lambda: name in got, 5), f"no {name}"
            return got[name]

    client = socketio.Client(reconnection=False)
    for name in ("auth", "message-back"):
        client.on(name, keep(name), namespace=namespace)
    client.connect(lively.url, transports=transports, auth={"token": "py"}, namespaces=[namespace])
    try:
        assert wait_for("auth") == ({"token": "py"},)
        client.emit("message", ARGS, namespace=namespace)
        assert wait_for("message-back") == ARGS
        assert client.call("message-with-ack", ARGS, namespace=namespace, timeout=5) == ARGS
        assert client.call("message-with-ack", "x" * 700_000, namespace=namespace, timeout=5) == "x" * 700_000
        client.sleep(0.8)  # some heartbeats
        assert client.connected
        assert client.transport() == transports[-1]
    finally:
        client.disconnect()


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("transports", TRANSPORTS, ids=ids)
def test_python_async(lively, transports, namespace):
    async def talk():
        client = socketio.AsyncClient(reconnection=False)
        back, auth = asyncio.Queue(), asyncio.Queue()

        async def on_back(*args):
            await back.put(args)

        client.on("message-back", on_back, namespace=namespace)
        client.on("auth", auth.put, namespace=namespace)
        await client.connect(lively.url, transports=transports, auth={"token": "py"}, namespaces=[namespace])
        assert await asyncio.wait_for(auth.get(), 5) == {"token": "py"}
        await client.emit("message", ARGS, namespace=namespace)
        assert await asyncio.wait_for(back.get(), 5) == ARGS
        assert await client.call("message-with-ack", ARGS, namespace=namespace, timeout=5) == ARGS
        for i in range(200):
            await client.emit("message", i, namespace=namespace)
        assert [await asyncio.wait_for(back.get(), 5) for _ in range(200)] == [(i,) for i in range(200)]
        await asyncio.sleep(0.8)
        assert client.connected
        await client.disconnect()

    asyncio.run(talk())


def test_python_two_namespaces(lively):
    client = socketio.Client(reconnection=False)
    client.connect(lively.url, transports=["websocket"], namespaces=NAMESPACES)
    for namespace in NAMESPACES:
        assert client.call("message-with-ack", namespace, namespace=namespace, timeout=5) == namespace
    client.disconnect()


def test_python_refused(lively):
    client = socketio.Client(reconnection=False)
    with pytest.raises(socketio.exceptions.ConnectionError, match="Invalid namespace|failed to connect"):
        client.connect(lively.url, transports=["websocket"], namespaces=["/nowhere"], wait_timeout=5)
    client.disconnect()


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("transports", TRANSPORTS, ids=ids)
def test_node(lively, transports, namespace):
    with node_program("clients.js", lively.url, ",".join(transports), namespace) as node:
        seen = json.loads(node.wait_for_line(r"^(\{.*\})$", 20).group(1))
    assert "problem" not in seen, seen
    assert seen["auth"] == {"token": "node"}
    assert seen["back"] == [1, "2", {"3": [True]}]
    assert seen["binary"] == ["010203", "78"]
    assert seen["ack"] == ["a", 1]
    assert seen["large"] and seen["stillConnected"]
    assert seen["transport"] == transports[-1]
    assert seen.get("inOrder", True)


# ---- a server that goes and comes back ----

def restarted(server):
    """The same port again, as after an update."""
    assert server.stop() == 0
    return EchoServer(ping_interval=300, ping_timeout=5000, port=server.port)


@pytest.mark.parametrize("transports", TRANSPORTS, ids=ids)
def test_python_sync_comes_back(transports):
    server, came = EchoServer(ping_interval=300, ping_timeout=5000), threading.Semaphore(0)
    client = socketio.Client(reconnection_delay=0.1, reconnection_delay_max=0.2)
    client.on("auth", lambda auth: came.release())
    client.connect(server.url, transports=transports)
    try:
        assert came.acquire(timeout=10)
        server = restarted(server)
        assert came.acquire(timeout=20)
        assert client.call("message-with-ack", ARGS, timeout=10) == ARGS
    finally:
        client.disconnect()
        server.stop()


@pytest.mark.parametrize("transports", TRANSPORTS, ids=ids)
def test_python_async_comes_back(transports):
    async def talk():
        server, came = EchoServer(ping_interval=300, ping_timeout=5000), asyncio.Queue()
        client = socketio.AsyncClient(reconnection_delay=0.1, reconnection_delay_max=0.2)
        client.on("auth", came.put)
        await client.connect(server.url, transports=transports)
        try:
            await asyncio.wait_for(came.get(), 10)
            server = await asyncio.to_thread(restarted, server)
            await asyncio.wait_for(came.get(), 20)
            assert await client.call("message-with-ack", ARGS, timeout=10) == ARGS
        finally:
            await client.disconnect()
            server.stop()

    asyncio.run(talk())


@pytest.mark.parametrize("transports", TRANSPORTS, ids=ids)
def test_node_comes_back(transports):
    server = EchoServer(ping_interval=300, ping_timeout=5000)
    try:
        with node_program("reconnect.js", server.url, ",".join(transports)) as node:
            node.wait_for_line(r"^(connected 1)$", 20)
            server = restarted(server)
            assert node.wait_for_line(r"^connected 2 (.*)$", 20).group(1) == '["again",{"type":"Buffer","data":[1,2]}]'
    finally:
        server.stop()
