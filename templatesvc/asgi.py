"""The ASGI application that servers run; it refuses to start with unsafe settings."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "templatesvc.settings")

django.setup(set_prefix=False)

# These need Django set up.
from templatesvc.checks import refuse_unsafe_start  # noqa: E402
from templatesvc.encoding import ASGIHandler  # noqa: E402

application = ASGIHandler()

refuse_unsafe_start()
