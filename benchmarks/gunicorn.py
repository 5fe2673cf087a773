"""The service's own gunicorn settings for the applications that it is compared with."""

from templatesvc.gunicorn import (  # noqa: F401
    bind,
    control_socket_disable,
    threads,
    when_ready,
    worker_class,
    workers,
)
