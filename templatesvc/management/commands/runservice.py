"""Run the service: its store, its indexes, and gunicorn."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from templatesvc.management.service_command import ServiceCommand
from templatesvc.mongo import embedded, store


class Command(ServiceCommand):
    help = "Start the store if it is the embedded one, build its indexes, and serve with gunicorn."

    def handle(self, *args: Any, **options: Any) -> None:
        self._check_port()
        uri = settings.MONGODB_URI
        if store.is_embedded(uri):
            self._hold_embedded_store()
        if store.is_in_memory(uri):
            # Each worker would have a store of its own.
            os.environ["WEB_CONCURRENCY"] = "1"
        else:
            self._ensure_indexes()
        self._say_where()
        # Large pages for a hash, where the system gives them to those who ask (docs/deployment.md).
        os.environ.setdefault("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
        # gunicorn becomes this process, so that signals reach it as a terminal sends them.
        os.execv(
            sys.executable,
            [sys.executable, "-m", "gunicorn", "--config", "python:templatesvc.gunicorn"],
        )

    def _check_port(self) -> None:
        """Say that the port is taken before anything is started for nothing."""
        try:
            socket.create_server(("127.0.0.1", settings.PORT)).close()
        except OSError as error:
            raise CommandError(
                f"Port {settings.PORT} can't be used: {os.strerror(error.errno or 0)}. "
                "Set PORT to another port, or stop the program that uses this one."
            ) from error

    def _hold_embedded_store(self) -> None:
        try:
            embedded.acquire(settings.EMBEDDED_STORE)
        except embedded.EmbeddedStoreError as error:
            raise CommandError(str(error)) from error
        embedded.keep_across_exec(settings.EMBEDDED_STORE)

    def _ensure_indexes(self) -> None:
        # In a process of its own: a client of the store must not cross gunicorn's forks.
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "ensureindexes"]
        if subprocess.run(command, check=False).returncode:
            raise CommandError("The service was not started; see above.")

    def _say_where(self) -> None:
        url = f"http://127.0.0.1:{settings.PORT}"
        self.stdout.write(
            f"\nStore: {store.describe()}\n"
            f"For a browser: {url}/api/v1/   Swagger UI: {url}/api/v1/docs\n"
            f"For operators: {url}/admin/\n"
            "For curl: the README has a session to paste. Ctrl-C stops the service.\n"
        )
        self.stdout.flush()
