"""Gunicorn's settings for the applications that the service is compared with."""

from templatesvc.gunicorn import bind, control_socket_disable, when_ready, workers  # noqa: F401

worker_class = "gthread"
threads = 4
