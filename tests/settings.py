"""The settings of the tests: the service's own, from an environment of the tests' own."""

import os
import re
from datetime import timedelta
from pathlib import Path

from tests import stores

# What a developer has set for the service must not change what the tests find. A test of the README
# holds that its table names each setting.
_README = Path(__file__).resolve().parent.parent / "README.md"
for _name in {*re.findall(r"^\| `([A-Z_]+)` \|", _README.read_text(), re.M)} - {"MONGODB_TEST_URI"}:
    os.environ.pop(_name, None)
    os.environ.pop(f"{_name}_FILE", None)
os.environ["MONGODB_URI"] = stores.of_this_process()
os.environ["SECRET_KEY"] = "only-the-tests-know-this-key-of-48-characters-xx"
os.environ["ALLOWED_HOSTS"] = "testserver,127.0.0.1,localhost"

from templatesvc.settings import *  # noqa: E402, F403

STREAM_SILENCE = SEARCH_TIME = timedelta(seconds=stores.SECONDS)
INSTALLED_APPS = [*INSTALLED_APPS, "tests.films"]  # noqa: F405

# The fixture ``real_hashers`` gives the service's own to tests that are about passwords.
PASSWORD_HASHERS = [
    "tests.hashers.QuickHasher" if name == PASSWORD_HASHER else name  # noqa: F405
    for name in PASSWORD_HASHERS  # noqa: F405
]
