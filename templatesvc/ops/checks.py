"""System checks: settings that can be read from the environment but are unsafe.

Errors stop the start of the server and of every command; ``check --deploy`` adds the warnings.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from templatesvc.mongo import errors, indexes, needs, store
from templatesvc.mongo.formats import DataFormat

logger = logging.getLogger(__name__)

SHORTEST_KEY = 32
EXAMPLE_KEYS = ("change-me", "changeme", "example", "insecure", "secret-key", "your-secret")


@checks.register(checks.Tags.security)
def production_secrets(**_: Any) -> Iterator[checks.CheckMessage]:
    """A real store without debugging needs a real secret and named hosts."""
    if not settings.PRODUCTION:
        return
    if settings.SECRET_KEY == "unset":
        yield checks.Error(
            "SECRET_KEY is not set.",
            hint="Set SECRET_KEY, or SECRET_KEY_FILE, to the output of: "
            'python -c "import secrets; print(secrets.token_urlsafe(48))"',
            id="templatesvc.E001",
        )
    elif len(settings.SECRET_KEY) < SHORTEST_KEY:
        yield checks.Error(
            f"SECRET_KEY has {len(settings.SECRET_KEY)} characters.",
            hint=f"Set it to a random text of {SHORTEST_KEY} characters or more.",
            id="templatesvc.E002",
        )
    for name in ("SECRET_KEY", "JWT_SECRET_KEY"):
        if any(example in getattr(settings, name).lower() for example in EXAMPLE_KEYS):
            yield checks.Error(
                f"{name} is an example from somebody's documentation.",
                hint=f"Set it to a random text of {SHORTEST_KEY} characters or more.",
                id="templatesvc.E003",
            )
    if "*" in settings.ALLOWED_HOSTS:
        yield checks.Error(
            "ALLOWED_HOSTS allows every host name.",
            hint="Set it to the host names of the service, separated by commas.",
            id="templatesvc.E004",
        )


@checks.register(checks.Tags.security)
def store_address(**_: Any) -> Iterator[checks.CheckMessage]:
    """PyMongo's own message is not shown: it may quote the password."""
    if not store.is_server(settings.MONGODB_URI):
        return
    try:
        store.check(settings.MONGODB_URI)
    except OSError as error:
        yield checks.Error(
            f"MONGODB_URI names {error.filename}, which can't be read: {error.strerror}.",
            hint="Correct the path, or let the service read the file.",
            id="templatesvc.E015",
        )
    except ValueError:
        yield checks.Error(
            "MONGODB_URI is invalid.",
            hint="Write mongodb://name:password@host:port/database?options, with special "
            "characters in the name and the password percent-encoded (urllib.parse.quote_plus).",
            id="templatesvc.E007",
        )


@checks.register(checks.Tags.database)
def store_in_memory(**_: Any) -> Iterator[checks.CheckMessage]:
    """Production does not install the package that keeps a store in memory."""
    if store.is_in_memory(settings.MONGODB_URI) and not find_spec("mongomock"):
        yield checks.Error(
            "MONGODB_URI is mongomock://, and the package mongomock is not installed.",
            hint="Install requirements-run.txt, or set MONGODB_URI to a MongoDB server.",
            id="templatesvc.E011",
        )


@checks.register(checks.Tags.security)
def store_options(**_: Any) -> Iterator[checks.CheckMessage]:
    """The next request must see, in every worker, that a session has ended."""
    options = store.given_options(settings.MONGODB_URI)
    if options.get("readpreference", "primary").lower() != "primary":
        yield checks.Error(
            "MONGODB_URI reads from secondaries, which may accept sessions that have ended.",
            hint="Remove readPreference from it.",
            id="templatesvc.E008",
        )


@checks.register(checks.Tags.security)
def store_writes(**_: Any) -> Iterator[checks.CheckMessage]:
    """What was acknowledged must be there later, also after a failover.

    Whether there can be one is known to the doctor, who then reports an error.
    """
    w = store.given_options(settings.MONGODB_URI).get("w", "majority")
    if w == "0":
        yield checks.Error(
            "MONGODB_URI asks for unacknowledged writes, which can be lost.",
            hint="Remove w from it: writes then wait for a majority.",
            id="templatesvc.E009",
        )
    elif w != "majority":
        yield checks.Warning(
            f"By MONGODB_URI, writes are acknowledged by w={w} only.",
            hint="Remove w from it: on a replica set, a session that has ended could return after "
            "a failover.",
            id="templatesvc.W004",
        )


@checks.register(checks.Tags.database)
def store_indexes(databases: Any = None, **_: Any) -> Iterator[checks.CheckMessage]:
    """The store decides by indexes: without them names are not unique and nothing expires.

    Django passes ``databases`` if the store may be asked, as in ``check --database default``.
    """
    if databases and (missing := [str(index) for index in indexes.missing()]):
        yield checks.Error(
            f"Indexes are missing: {', '.join(missing)}.",
            hint="Run: python manage.py ensureindexes",
            id="templatesvc.E010",
        )


@checks.register(checks.Tags.security, deploy=True)
def https(**_: Any) -> Iterator[checks.CheckMessage]:
    """In place of Django's checks, which name settings that are no environment variables."""
    if not settings.HTTPS:
        yield checks.Warning(
            "Browsers send their cookies over HTTP as well, where they can be read on the way.",
            hint="Set HTTPS=on once the service is reached by HTTPS only.",
            id="templatesvc.W003",
        )


@checks.register(checks.Tags.security, deploy=True)
def kept_data(**_: Any) -> Iterator[checks.CheckMessage]:
    if not store.is_server(settings.MONGODB_URI):
        yield checks.Warning(
            "The data are not kept on a MongoDB server.",
            hint="Set MONGODB_URI: the embedded store is for trials and development only.",
            id="templatesvc.W002",
        )


@checks.register(checks.Tags.database)
def store_format(databases: Any = None, **_: Any) -> Iterator[checks.CheckMessage]:
    """A newer version could misread or lose what an old version writes."""
    if databases and (reason := DataFormat.refusal()):
        yield checks.Error(
            f"{reason}.",
            hint="Run the newer version.",
            id="templatesvc.E013",
        )


@checks.register(checks.Tags.database)
def store_version(databases: Any = None, **_: Any) -> Iterator[checks.CheckMessage]:
    """An older server can't do what every request needs, at least not on shards."""
    if databases and needs.version() < needs.OLDEST_VERSION:
        yield checks.Error(
            f"The server is of version {'.'.join(map(str, needs.version()))}.",
            hint="Use MongoDB 6 or later.",
            id="templatesvc.E014",
        )


def refuse_unsafe_start() -> None:
    """Raise ImproperlyConfigured with every error that the checks find without the store.

    Warnings are logged. This runs before gunicorn forks, which no client of the store may cross.
    """
    _refuse(checks.run_checks())


def refuse_unsafe_store() -> None:
    """Raise ImproperlyConfigured if the store is too old or too new, or lacks indexes.

    A store in memory gets its indexes here. If the store is away, this does not wait: requests are
    answered 503 until it is back, and then ``/readyz`` tells whether it has its indexes.
    """
    try:
        indexes.build_in_memory()
        _refuse(checks.run_checks(tags=[checks.Tags.database], databases=["default"]))
    except errors.STORE_ERRORS as error:
        logger.warning("Whether the store has its indexes is not known: %s", error)


def _refuse(messages: list[checks.CheckMessage]) -> None:
    counted = [message for message in messages if not message.is_silenced()]
    if errors := [_sentence(message) for message in counted if message.is_serious()]:
        raise ImproperlyConfigured(" ".join(errors))
    for message in counted:
        logger.warning(_sentence(message))


def _sentence(message: checks.CheckMessage) -> str:
    return f"({message.id}) {message.msg} {message.hint or ''}".strip()
