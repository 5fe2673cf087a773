"""A replica set for the drill: proxies that speak for its members, before one server with the data.

PyMongo discovers, watches and retries as with real members: they answer ``hello`` for the role that
the drill sets, at once when it changes, and refuse with MongoDB's codes what a secondary refuses.
Because they share the data, they can't show whether an election loses an acknowledged write.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import bson
from bson import Int64, ObjectId
from pymongo import MongoClient

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
MORE_TO_COME, EXHAUST_ALLOWED = 1 << 1, 1 << 16
ELECTION_SECONDS = 2
HELLO = {"hello", "isMaster", "ismaster"}
WRITES = {"insert", "update", "delete", "findAndModify", "create", "createIndexes", "drop"}
# What a secondary does as well.
FOR_ALL = {"ping", "buildInfo", "getMore", "killCursors", "endSessions", "getParameter"}
NOT_PRIMARY = {"code": 10107, "codeName": "NotWritablePrimary", "errmsg": "not primary"}
NO_SECONDARY = {"code": 13435, "codeName": "NotPrimaryNoSecondaryOk", "errmsg": "not primary"}
INTERRUPTED = {
    "code": 11602,
    "codeName": "InterruptedDueToReplStateChange",
    "errmsg": "operation was interrupted",
}
NO_COMMAND = {"code": 59, "codeName": "CommandNotFound", "errmsg": "no such command"}
UNCONFIRMED = {
    "code": 64,
    "codeName": "WriteConcernTimeout",
    "errmsg": "waiting for replication timed out",
    "errInfo": {"wtimeout": True},
}


class Message(NamedTuple):
    """One message of MongoDB's wire protocol, as it came."""

    id: int
    kind: int
    raw: bytes

    @classmethod
    def read(cls, connection: socket.socket) -> Self:
        """Read one; raises EOFError if there is none any more."""
        head = _exactly(connection, 16)
        length, id, _, kind = struct.unpack("<iiii", head)
        return cls(id, kind, head + _exactly(connection, length - 16))

    @property
    def body(self) -> dict[str, Any]:
        """The command or the answer, without the documents that a write sends beside it."""
        start = 21
        if self.kind == OP_QUERY:
            start = self.raw.index(b"\0", 20) + 9
        (length,) = struct.unpack_from("<i", self.raw, start)
        return bson.decode(self.raw[start : start + length])

    @property
    def allows_exhaust(self) -> bool:
        (flags,) = struct.unpack_from("<I", self.raw, 16)
        return self.kind == OP_MSG and bool(flags & EXHAUST_ALLOWED)

    def answer(self, body: dict[str, Any], flags: int = 0) -> Message:
        """Return the message that answers this one."""
        document = bson.encode(body)
        if self.kind == OP_MSG:
            kind, content = OP_MSG, struct.pack("<IB", flags, 0) + document
        else:
            kind, content = OP_REPLY, struct.pack("<iqii", 8, 0, 0, 1) + document
        id = (self.id + 1) & 0x7FFFFFFF
        head = struct.pack("<iiii", 16 + len(content), id, self.id, kind)
        return Message(id, self.kind, head + content)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


class Member:
    """A member: a port, and what it says of itself there."""

    def __init__(self, replica_set: ReplicaSet) -> None:
        self.set = replica_set
        self.port = 0
        self.process = ObjectId()
        self.hangs = False
        self.connections: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.come_back()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def is_primary(self) -> bool:
        return self.set.primary is self

    def come_back(self) -> None:
        """Listen, on the port that it had before."""
        self.process = ObjectId()
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=512)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def vanish(self) -> None:
        """Refuse and break every connection."""
        with self.set.changed:
            broken = [*self.connections, *filter(None, [self._listener])]
            self._listener = None
        for connection in broken:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self.set.changed:
                    self.connections.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, socket.create_connection(("127.0.0.1", self.set.server_port)) as server:
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while True:
                    for answer in self._answers(Message.read(client), server):
                        client.sendall(answer.raw)
        except (EOFError, OSError):
            pass  # either side has closed, or the member has vanished
        finally:
            with self.set.changed:
                self.connections.discard(client)

    def _answers(self, message: Message, server: socket.socket) -> Iterator[Message]:
        """Yield the answers to a message; raises EOFError where the connection is to be cut."""
        self._wait_while_it_hangs()
        command = message.body
        name = next(iter(command))
        if name in HELLO:
            yield from self._hellos(message, command)
        elif name in self.set.claims:
            yield message.answer({"ok": 1.0} | self.set.claims[name])
        elif name == "replSetStepDown":
            self.set.step_down()
            yield message.answer({"ok": 1.0})
        elif refusal := self._refusal(name, command):
            yield message.answer(refusal)
        else:
            yield self._forwarded(message, name, command, server)

    def _wait_while_it_hangs(self) -> None:
        with self.set.changed:
            self.set.changed.wait_for(lambda: not self.hangs)

    def _hellos(self, message: Message, command: dict[str, Any]) -> Iterator[Message]:
        """Say who is who: when that changes, to whoever waits for it (a streaming ``hello``)."""
        if "topologyVersion" not in command:
            yield message.answer(self._hello())
            return
        known, patience = command["topologyVersion"]["counter"], command["maxAwaitTimeMS"] / 1000
        goes_on = message.allows_exhaust
        while True:
            self._wait_for_change(known, patience)
            self._wait_while_it_hangs()
            hello = self._hello()
            message = message.answer(hello, MORE_TO_COME if goes_on else 0)
            yield message
            if not goes_on:
                return
            known = hello["topologyVersion"]["counter"]

    def _wait_for_change(self, known: int, seconds: float) -> None:
        with self.set.changed:
            self.set.changed.wait_for(lambda: self.set.version != known, seconds)

    def _hello(self) -> dict[str, Any]:
        primary = self.set.primary
        hello = self.set.hello | {
            "topologyVersion": {"processId": self.process, "counter": Int64(self.set.version)},
            "helloOk": True,
            "hosts": [member.address for member in self.set.members],
            "setName": "drill",
            "setVersion": 1,
            "ismaster": self.is_primary,
            "isWritablePrimary": self.is_primary,
            "secondary": not self.is_primary,
            "me": self.address,
        }
        if primary:
            hello["primary"] = primary.address
        if self.is_primary:
            hello["electionId"] = ObjectId(f"7fffffff{self.set.term:016x}")
        return {name: value for name, value in hello.items() if name not in self.set.hidden}

    def _refusal(self, name: str, command: dict[str, Any]) -> dict[str, Any] | None:
        if name in self.set.unknown:
            return {"ok": 0.0} | NO_COMMAND
        if self.is_primary or name in FOR_ALL:
            return None
        return _failure(NOT_PRIMARY if name in WRITES else NO_SECONDARY, command)

    def _forwarded(
        self, message: Message, name: str, command: dict[str, Any], server: socket.socket
    ) -> Message:
        server.sendall(message.raw)
        answer = Message.read(server)
        self._wait_while_it_hangs()
        if name not in WRITES:
            return answer
        self.set.note(name, command)
        if not self.is_primary:
            return message.answer(_failure(INTERRUPTED, command))
        if self.set.is_lost(command):
            raise EOFError
        if self.set.is_unconfirmed():
            return message.answer(answer.body | {"writeConcernError": UNCONFIRMED})
        return answer


def _failure(error: dict[str, Any], command: dict[str, Any]) -> dict[str, Any]:
    # A server says itself which of its errors a driver may retry.
    labels = {"errorLabels": ["RetryableWriteError"]} if "txnNumber" in command else {}
    return {"ok": 0.0} | error | labels


class ReplicaSet:
    """Members before one server; what the drill does to them."""

    def __init__(self, server_port: int, members: int = 3) -> None:
        self.server_port = server_port
        self.changed = threading.Condition(threading.RLock())
        self.version = 0  # of what ``hello`` says
        self.term = 1
        self.primary: Member | None = None
        self.not_majority: list[dict[str, Any]] = []  # writes that wait for less
        self.unknown: set[str] = set()  # commands that the members don't know
        self.claims: dict[str, dict[str, Any]] = {}  # what is answered to a command instead
        self.hidden: set[str] = set()  # of what ``hello`` says
        self._lost_every = self._unconfirmed_every = 0
        self._writes = 0
        self._lost: set[tuple[bytes, int]] = set()
        with MongoClient[dict[str, Any]](f"127.0.0.1:{server_port}", directConnection=True) as c:
            hello = c.admin.command("hello")
        theirs = {"hosts", "primary", "me", "electionId", "$clusterTime", "operationTime"}
        self.hello = {name: value for name, value in hello.items() if name not in theirs}
        self.members = [Member(self) for _ in range(members)]
        self.primary = self.members[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            member.vanish()

    @property
    def uri(self) -> str:
        hosts = ",".join(member.address for member in self.members)
        return f"mongodb://{hosts}/drill?replicaSet=drill"

    @property
    def connections(self) -> int:
        """How many connections stand, those of monitors included."""
        with self.changed:
            return sum(len(member.connections) for member in self.members)

    @property
    def secondaries(self) -> list[Member]:
        return [member for member in self.members if member is not self.primary]

    def elect(self, member: Member | None) -> None:
        """Make a member the primary; None: there is none for now."""
        with self.changed:
            self.primary = member
            self.term += member is not None
            self.version += 1
            self.changed.notify_all()

    def step_down(self) -> None:
        """Have no primary for a while, and then the next member be it."""
        successor = self.secondaries[0]
        self.elect(None)
        threading.Timer(ELECTION_SECONDS, self.elect, [successor]).start()

    def hang(self, member: Member, hangs: bool = True) -> None:
        """Have a member answer nothing and close nothing, as a stopped process does."""
        with self.changed:
            member.hangs = hangs
            self.changed.notify_all()

    @contextlib.contextmanager
    def losing(self, every: int) -> Iterator[None]:
        """Do each so-many-th write and cut its connection instead of answering."""
        self._lost_every = every
        yield
        self._lost_every = 0

    @contextlib.contextmanager
    def not_confirming(self, every: int) -> Iterator[None]:
        """Do each so-many-th write and answer that the majority did not confirm it in time."""
        self._unconfirmed_every = every
        yield
        self._unconfirmed_every = 0

    def note(self, name: str, command: dict[str, Any]) -> None:
        """Count a write, and keep it if it does not wait for a majority."""
        with self.changed:
            self._writes += 1
            if command.get("writeConcern", {}).get("w") != "majority":
                self.not_majority.append({name: command[name]})

    def is_lost(self, command: dict[str, Any]) -> bool:
        """Tell whether the answer to a write is to be lost; that to its repetition never is."""
        with self.changed:
            if not self._lost_every or self._writes % self._lost_every:
                return False
            if "txnNumber" in command:
                key = (command["lsid"]["id"], command["txnNumber"])
                if key in self._lost:
                    return False
                self._lost.add(key)
            return True

    def is_unconfirmed(self) -> bool:
        with self.changed:
            return bool(self._unconfirmed_every) and self._writes % self._unconfirmed_every == 0
