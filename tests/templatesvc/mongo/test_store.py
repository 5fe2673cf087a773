"""What ``MONGODB_URI`` becomes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import dns.resolver
import dns.rrset
import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pytest_django.fixtures import Settings

from templatesvc.mongo import store
from tests.processes import KEY, free_port, manage

DEFAULTS = store.CLIENT_DEFAULTS


@pytest.fixture(autouse=True)
def _same_client_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the tests' own client be the one that requests are measured by again."""
    monkeypatch.setattr(store, "_client", store._client)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The DNS, in a dict: the network's far end."""
    records: dict[str, str] = {}

    def resolve(name: str, kind: str, **_: Any) -> Any:
        if f"{kind} {name}" not in records:
            raise dns.resolver.NoAnswer
        texts = records[f"{kind} {name}"].split(" | ")
        rrset = dns.rrset.from_text(f"{name}.", 60, "IN", kind, *texts)
        return Answer(rrset)

    monkeypatch.setattr(dns.resolver, "resolve", resolve)
    return records


class Answer(list[Any]):
    """What dnspython answers: a list of records that knows their set."""

    def __init__(self, rrset: Any) -> None:
        super().__init__(rrset)
        self.rrset = rrset


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port where MongoDB could be, that takes no connection by itself."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def test_what_a_uri_does_not_say_has_defaults() -> None:
    assert store.client_options("mongodb://host/name") == {
        "timeoutMS": 1300,
        "serverSelectionTimeoutMS": 1300,
        "connectTimeoutMS": 1000,
        "heartbeatFrequencyMS": 1000,
        "maxConnecting": 16,
        "w": "majority",
        "appname": "templatesvc",
    }


def test_a_command_has_more_patience_than_a_request_unless_the_uri_says_how_much() -> None:
    hurried = store.client_options("mongodb://host/")
    with store.longer_timeouts():
        patient = store.client_options("mongodb://host/")
        told = store.client_options("mongodb://host/?timeoutMS=700")
    assert patient["timeoutMS"] >= 10 * hurried["timeoutMS"]
    assert "timeoutMS" not in told
    assert store.client_options("mongodb://host/") == hurried


@pytest.mark.parametrize("scheme", ["mongodb", "mongodb+srv"])
@pytest.mark.parametrize("name", ["timeoutMS", "connectTimeoutMS", "w", "appname"])
@pytest.mark.parametrize("spelling", [str, str.lower, str.upper, str.title])
@pytest.mark.parametrize("path", ["/", "/name", ""])
def test_what_a_uri_says_has_none(scheme: str, name: str, spelling: Any, path: str) -> None:
    uri = f"{scheme}://user:secret@host{path}?tls=true&{spelling(name)}=1"
    assert store.client_options(uri) == {k: v for k, v in DEFAULTS.items() if k != name}


@pytest.mark.parametrize("name", ["socketTimeoutMS", "serverSelectionTimeoutMS"])
def test_a_single_timeout_of_a_uri_is_not_overruled_by_the_one_for_all(name: str) -> None:
    options = {"socketTimeoutMS": 1300, **DEFAULTS}
    del options["timeoutMS"]
    options.pop(name)
    assert store.client_options(f"mongodb://host/?{name.lower()}=9000") == options


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("mongodb://host/books", "books"),
        ("mongodb://host/books?w=1", "books"),
        ("mongodb+srv://user:secret@cluster.example.net/books?retryWrites=true", "books"),
        ("mongodb://one:27017,two:27018,three/books?replicaSet=rs", "books"),
        ("mongodb://user:p%2Fq%40r@[::1]:27017/my%20books", "my books"),
        ("mongodb://user:sec#ret@host/books?w=1", "books"),
        ("mongodb://%2Ftmp%2Fmongodb-27017.sock/books", "books"),
        ("mongodb://host/", "default"),
        ("mongodb://host", "default"),
        ("mongodb://host?w=1", "default"),
        ("mongodb+srv://cluster.example.net/?appName=a/b", "default"),
        ("mongomock://", "default"),
        ("mongomock://localhost/books", "books"),
        ("", "default"),
    ],
)
def test_the_database_is_the_uris_or_the_default(uri: str, name: str) -> None:
    assert store.database_name(uri, "default") == name


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("mongodb://host", "MongoDB, mongodb://host/mydatabase"),
        ("mongodb://alice:secret@host:1/books?w=1", "MongoDB, mongodb://host:1/books"),
        (
            "mongodb+srv://alice:s%40cret@c.example.net/",
            "MongoDB, mongodb+srv://c.example.net/mydatabase",
        ),
        ("mongodb://alice:secret@one,two:1/books", "MongoDB, mongodb://one,two:1/books"),
        ("mongomock://", "memory of this process (mongomock): NOTHING IS KEPT"),
    ],
)
def test_a_store_is_described(settings: Settings, uri: str, said: str) -> None:
    settings.MONGODB_URI = uri
    assert store.describe() == said


@pytest.mark.parametrize(
    ("uri", "kinds"),
    [
        ("mongodb://host", (True, False, False)),
        ("mongodb+srv://host", (True, False, False)),
        ("mongomock://", (False, True, False)),
        ("", (False, False, True)),
    ],
)
def test_a_store_is_of_one_kind(uri: str, kinds: tuple[bool, bool, bool]) -> None:
    assert (store.is_server(uri), store.is_in_memory(uri), store.is_embedded(uri)) == kinds


@pytest.mark.parametrize("odd", ["/", "?", "#", "@", ":", "://", "%", "@@", "/@", "?@"])
def test_a_description_shows_no_password_even_if_it_is_not_quoted(
    settings: Settings, odd: str
) -> None:
    settings.MONGODB_URI = f"mongodb://alice:one-secret{odd}two-secret@host/books?tlsInsecure=true"
    assert store.describe() == "MongoDB, mongodb://host/books"


def test_a_description_shows_no_option(settings: Settings) -> None:
    settings.MONGODB_URI = "mongodb://host/books?tlsCertificateKeyFilePassword=one-secret"
    assert "secret" not in store.describe()


def test_the_embedded_store_is_described_by_its_directory(settings: Settings) -> None:
    settings.MONGODB_URI = ""
    assert store.describe() == f"the embedded server, in {settings.EMBEDDED_STORE}"


def test_a_uri_reaches_pymongo_with_all_its_options(settings: Settings) -> None:
    settings.MONGODB_URI = (
        "mongodb://alice:s%40cret@one.invalid:27018,two.invalid/books?replicaSet=rs"
        "&w=1&journal=true&readPreference=secondaryPreferred&readConcernLevel=local"
        "&authSource=people&compressors=zlib&maxPoolSize=7&retryWrites=false&TIMEOUTMS=9000"
    )
    with store.make_client() as client:
        options = client.options
        assert client.write_concern.document == {"w": 1, "j": True}
        assert client.read_preference.mongos_mode == "secondaryPreferred"
        assert client.read_concern.level == "local"
        assert (options.replica_set_name, options.retry_writes) == ("rs", False)
        assert (options.timeout, options.pool_options.max_pool_size) == (9.0, 7)
        assert options.pool_options.connect_timeout == 1.0
        credentials = options.pool_options._credentials
        assert credentials is not None
        assert credentials[:4] == ("DEFAULT", "people", "alice", "s@cret")
        hosts = client.topology_description.server_descriptions()
        assert set(hosts) == {("one.invalid", 27018), ("two.invalid", 27017)}


def test_a_srv_uri_reaches_pymongo_with_all_its_options(
    settings: Settings, zone: dict[str, str]
) -> None:
    zone["SRV _mongodb._tcp.books.atlas.invalid"] = (
        "0 0 27017 one.atlas.invalid. | 0 0 27018 two.atlas.invalid."
    )
    zone["TXT books.atlas.invalid"] = '"authSource=people&replicaSet=rs"'
    settings.MONGODB_URI = (
        "mongodb+srv://alice:s%40cret@books.atlas.invalid/?retryWrites=true&appName=Cluster0"
    )
    with store.make_client() as client:
        assert client.write_concern.document == {"w": "majority"}
        assert client.options.pool_options._ssl_context is not None
        assert client.options.replica_set_name == "rs"
        assert client.options.timeout == 1.3
        assert client.options.pool_options.appname == "Cluster0"
        credentials = client.options.pool_options._credentials
        assert credentials is not None
        assert credentials[:4] == ("DEFAULT", "people", "alice", "s@cret")
        hosts = client.topology_description.server_descriptions()
        assert set(hosts) == {("one.atlas.invalid", 27017), ("two.atlas.invalid", 27018)}


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://host",
        "mongodb://alice:s%2Fcret@one,two:1/books?w=1&anOptionOfAnotherDriver=1",
        "mongodb+srv://alice:secret@books.atlas.invalid/books?srvMaxHosts=2",
    ],
)
def test_a_uri_that_pymongo_takes_passes(uri: str) -> None:
    store.check(uri)


@pytest.mark.parametrize(
    "rest",
    ["alice:s/cret@host/books", "alice:s@cret@host", "host:99999", "host:x", "host,,two", "/"],
)
@pytest.mark.parametrize("scheme", ["mongodb", "mongodb+srv"])
def test_a_uri_that_pymongo_refuses_is_refused(scheme: str, rest: str) -> None:
    with pytest.raises(ValueError, match=r"\w+\W+\w+\W+\w+"):
        store.check(f"{scheme}://{rest}")


def test_a_store_is_away_once_it_did_not_answer() -> None:
    uri = f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=100"
    with MongoClient[dict[str, Any]](uri, connect=False) as client:
        assert not store.is_away(client.topology_description)
        with pytest.raises(PyMongoError):
            client.admin.command("ping")
        assert store.is_away(client.topology_description)


@pytest.mark.wire
def test_a_store_that_answers_is_not_away() -> None:
    store.client().admin.command("ping")
    assert not store.is_away(store.client().topology_description)


@pytest.mark.process
def test_checking_connects_to_nothing(listener: socket.socket) -> None:
    uri = f"mongodb://127.0.0.1:{listener.getsockname()[1]}/"
    done = manage("check", MONGODB_URI=uri, SECRET_KEY=KEY, ALLOWED_HOSTS="templates.example")
    assert done.returncode == 0, done.stderr
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.process
def test_importing_the_application_connects_to_nothing(listener: socket.socket) -> None:
    uri = f"mongodb://127.0.0.1:{listener.getsockname()[1]}/"
    code = "import templatesvc.urls, templatesvc.wsgi, templatesvc.asgi"
    done = manage("shell", "-v0", "-c", code, MONGODB_URI=uri, SECRET_KEY=KEY)
    assert done.returncode == 0, done.stderr
    with pytest.raises(BlockingIOError):
        listener.accept()
