"""The service's own settings, with films and specimens beside templates."""

from templatesvc.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.films"]  # noqa: F405
