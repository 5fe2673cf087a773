"""The WSGI application that servers run; it refuses to start with unsafe settings."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "templatesvc.settings")

django.setup(set_prefix=False)

# These need Django set up.
from templatesvc.api.encoding import WSGIHandler  # noqa: E402
from templatesvc.ops.checks import refuse_unsafe_start  # noqa: E402
from templatesvc.server.bodies import WholeBodies  # noqa: E402

application = WholeBodies(WSGIHandler())

refuse_unsafe_start()
