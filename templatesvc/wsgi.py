"""The WSGI application that servers run; it refuses to start with unsafe settings."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "templatesvc.settings")

django.setup(set_prefix=False)

# These need Django set up.
from templatesvc.bodies import WholeBodies  # noqa: E402
from templatesvc.checks import refuse_unsafe_start  # noqa: E402
from templatesvc.encoding import WSGIHandler  # noqa: E402

application = WholeBodies(WSGIHandler())

refuse_unsafe_start()
