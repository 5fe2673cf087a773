"""Gunicorn's settings: ``gunicorn --config python:templatesvc.gunicorn``."""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
import tempfile
from typing import Any

from templatesvc import settings
from templatesvc.server import worker

bind = f"127.0.0.1:{settings.PORT}"
workers = settings.WEB_CONCURRENCY
wsgi_app = "templatesvc.asgi"
worker_class = "templatesvc.server.worker.Worker"
asgi_lifespan = "off"
worker_connections = settings.MAX_CONNECTIONS
# For the whole head of a request, from the end of the last answer or the start of the connection.
keepalive = int(settings.HEAD_TIMEOUT.total_seconds())
# Also how long it waits for the next part of a body; BODY_TIMEOUT has to come first.
timeout = max(30, int(settings.BODY_TIMEOUT.total_seconds()) + 5)
# The parser in C, or none: the one in Python takes 56 microseconds more for each request.
http_parser = "fast"
limit_request_line = min(settings.MAX_HEAD_SIZE, 8190)  # gunicorn knows no higher limit
limit_request_field_size = settings.MAX_HEAD_SIZE
# The application is loaded, and its settings are checked, once; no client of the store exists
# before a worker's first query.
preload_app = True
# Its default is a socket in the home folder, the same for every service of a person.
control_socket_disable = True
# Believed only from FORWARDED_ALLOW_IPS, by default 127.0.0.1.
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}

# glibc gives each thread an arena, which keeps the 19 MiB that hashing a password takes. With one
# for all threads a worker that has let people in has 95 MB, not 154. (Elsewhere: no mallopt.)
if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
    mallopt(-8, 1)  # M_ARENA_MAX

# Workers write what they measured into a folder, so that whichever is asked answers for all.
MEASURED = ""
if {"METRICS_TOKEN", "METRICS_TOKEN_FILE"} & os.environ.keys():
    MEASURED = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="templatesvc-")


def on_starting(server: Any) -> None:
    """Let no stop be lost; gunicorn calls this in the master, before all else."""
    worker.keep_signals_for_new_workers()


def when_ready(server: Any) -> None:
    """Leave what was loaded out of garbage collections; gunicorn calls this before it forks.

    A full one looked through 110,000 objects for 20 ms, in which no thread answered, and was often
    enough for the p99: of ``GET /`` it was 20 ms, and is 3.
    """
    gc.collect()
    gc.freeze()


def post_worker_init(worker: Any) -> None:
    """Refuse to serve on a store without indexes; gunicorn calls this after it has forked."""
    from templatesvc.ops.checks import refuse_unsafe_store  # Django is set up by now

    refuse_unsafe_store()


def on_exit(server: Any) -> None:
    """Remove the folder; gunicorn calls this when it has stopped."""
    if MEASURED:
        shutil.rmtree(MEASURED, ignore_errors=True)
