#!/usr/bin/env python
"""Django's command-line entry point."""

import io
import os
import sys


def main() -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # what a terminal can't show ends nothing
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "templatesvc.settings")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        settings.INSTALLED_APPS  # noqa: B018  (reads the settings)
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    from templatesvc.management.instead import instead_of
    from templatesvc.mongo.errors import STORE_ERRORS, sentence_of

    if instead := instead_of("".join(sys.argv[1:2])):
        sys.exit(instead)
    try:
        execute_from_command_line(sys.argv)
    except STORE_ERRORS as error:
        sys.exit(sentence_of(error))


if __name__ == "__main__":
    main()
