"""The settings of the tests: the service's own, from an environment of the tests' own."""

import os
from datetime import timedelta

from tests import stores

# What a developer has set for the service must not change what the tests find.
for _name in (
    *("ALLOWED_HOSTS", "CONTACT", "CORS_ALLOWED_ORIGINS", "DEBUG", "HTTPS", "JWT_SECRET_KEY"),
    *("METRICS_TOKEN", "PASSWORD_POLICY", "PORT", "SCRIPT_NAME", "WEB_CONCURRENCY"),
):
    os.environ.pop(_name, None)
os.environ["MONGODB_URI"] = stores.of_this_process()
os.environ["SECRET_KEY"] = "only-the-tests-know-this-key-of-48-characters-xx"
os.environ["ALLOWED_HOSTS"] = "testserver,127.0.0.1,localhost"

from templatesvc.settings import *  # noqa: E402, F403

STREAM_SILENCE = timedelta(seconds=stores.SECONDS)
INSTALLED_APPS = [*INSTALLED_APPS, "tests.films"]  # noqa: F405

# The fixture ``real_hashers`` gives the service's own to tests that are about passwords.
PASSWORD_HASHERS = [
    "tests.hashers.QuickHasher" if name == PASSWORD_HASHER else name  # noqa: F405
    for name in PASSWORD_HASHERS  # noqa: F405
]
