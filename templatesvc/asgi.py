"""The ASGI application that servers run: that of ``templatesvc.wsgi``, in threads."""

from django.conf import settings

from templatesvc import wsgi  # first, because it sets Django up
from templatesvc.server.threads import ThreadedASGI

application = ThreadedASGI(
    wsgi.application,
    threads=settings.WEB_THREADS,
    largest_body=settings.MAX_SERVER_BODY_SIZE,
    body_timeout=settings.BODY_TIMEOUT.total_seconds(),
)
