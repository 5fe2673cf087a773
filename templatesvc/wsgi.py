"""The WSGI application that servers run; it refuses to start with unsafe settings."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "templatesvc.settings")

application = get_wsgi_application()

from templatesvc.checks import refuse_unsafe_start  # noqa: E402  (needs Django set up)

refuse_unsafe_start()
