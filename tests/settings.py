"""The settings of the tests: the service's own, from an environment of the tests' own."""

import os

# What a developer has set for the service must not change what the tests find.
for _name in (
    *("ALLOWED_HOSTS", "CORS_ALLOWED_ORIGINS", "DEBUG", "HTTPS", "JWT_SECRET_KEY"),
    *("METRICS_TOKEN", "PASSWORD_POLICY", "PORT", "SCRIPT_NAME", "WEB_CONCURRENCY"),
):
    os.environ.pop(_name, None)
os.environ["MONGODB_URI"] = os.environ.get("TESTS_STORE", "mongomock://")
os.environ["SECRET_KEY"] = "only-the-tests-know-this-key-of-48-characters-xx"
os.environ["ALLOWED_HOSTS"] = "testserver,127.0.0.1,localhost"

from templatesvc.settings import *  # noqa: E402, F403
