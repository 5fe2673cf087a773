"""Gunicorn's settings: ``gunicorn --config python:templatesvc.gunicorn templatesvc.wsgi``."""

import os

bind = f"127.0.0.1:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
# Threads keep a worker free for others while one client is slow.
worker_class = "gthread"
threads = 4
# The application is loaded, and its settings are checked, once; no client of the store exists
# before a worker's first query.
preload_app = True
# Its default is a socket in the home folder, the same for every service of a person.
control_socket_disable = True
# A header of a trusted proxy, on this machine unless FORWARDED_ALLOW_IPS says otherwise.
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
