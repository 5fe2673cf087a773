"""Gunicorn's settings: ``gunicorn --config python:templatesvc.gunicorn``."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import resource
import shutil
import tempfile
from pathlib import Path
from typing import Any

from templatesvc import settings
from templatesvc.server import worker

logger = logging.getLogger(__name__)

bind = f"127.0.0.1:{settings.PORT}"
workers = settings.WEB_CONCURRENCY
wsgi_app = "templatesvc.asgi"
worker_class = "templatesvc.server.worker.Worker"
asgi_lifespan = "off"
worker_connections = settings.MAX_CONNECTIONS
# Seconds for the head of a request, since the last answer or the start of the connection.
keepalive = int(settings.HEAD_TIMEOUT.total_seconds())
# Also the time that gunicorn waits for a part of a body: BODY_TIMEOUT has to be over first.
timeout = max(30, int(settings.BODY_TIMEOUT.total_seconds()) + 5)
# The parser in C, without a fallback: the one in Python takes 56 µs more for each request.
http_parser = "fast"
limit_request_line = min(settings.MAX_HEAD_SIZE, 8190)  # gunicorn knows no higher limit
limit_request_field_size = settings.MAX_HEAD_SIZE
# The application is loaded and its settings are checked once, before the fork. That is safe,
# because no client of the store exists before a worker's first query.
preload_app = True
# By default it is a socket in the home folder, which all services of a person would share.
control_socket_disable = True
# Whose word is taken for the scheme.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}

OTHER_FILES = 200  # of a worker: logs, libraries, connections to the store
LARGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def has_large_pages(setting: Path = LARGE_PAGES) -> bool:
    """Tell whether malloc gets pages of 2 MiB: always, or if glibc was started to ask for them."""
    try:
        mode = setting.read_text()
    except OSError:
        return False
    asks = "glibc.malloc.hugetlb=1" in os.environ.get("GLIBC_TUNABLES", "")
    return "[always]" in mode or ("[madvise]" in mode and asks)


# glibc gives each thread an arena, and each kept the 19 MiB that hashing a password takes; one
# arena for all threads still keeps it twice. In pages of 2 MiB the memory of a hash can be given
# back at once: a worker has 80 MB, not 114. In those of 4 KiB the next hash would take half as long
# again. (Other systems have no mallopt.)
if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
    mallopt(-8, 1)  # M_ARENA_MAX
    if has_large_pages():
        mallopt(-3, 16 * 1024 * 1024)  # M_MMAP_THRESHOLD

# Workers write their measurements into a folder, so that any worker can report those of all.
MEASURED = ""
if {"METRICS_TOKEN", "METRICS_TOKEN_FILE"} & os.environ.keys():
    MEASURED = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="templatesvc-")


def on_starting(server: Any) -> None:
    """Prepare what workers inherit; gunicorn calls this first, in the master."""
    worker.keep_signals_for_new_workers()
    allow_enough_files()


def allow_enough_files() -> None:
    """Let each worker have a socket and a body's file for every connection; warn if it may not."""
    wanted = 2 * settings.MAX_CONNECTIONS + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    is_bounded = hard != resource.RLIM_INFINITY
    allowed = min(wanted, hard) if is_bounded else wanted
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if is_bounded and hard < wanted:
        logger.warning(
            "A worker may open %s files, and could need %s: raise the limit (ulimit -Hn, or "
            "systemd's LimitNOFILE), or lower MAX_CONNECTIONS.",
            *(hard, wanted),
        )


def when_ready(server: Any) -> None:
    """Leave what was loaded out of garbage collections; gunicorn calls this before it forks.

    A full collection went through 110,000 objects in 20 ms, during which no thread answered. It was
    frequent enough to set the p99: that of ``GET /`` was 20 ms, and is 3 now.
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
