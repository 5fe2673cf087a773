"""Start an app of a resource; Django's own command makes apps for SQL."""

from __future__ import annotations

import keyword
import re
from contextlib import chdir
from typing import Any

from django.conf import settings
from django.core.management import CommandError, CommandParser
from django.core.management.templates import TemplateCommand

from templatesvc.management.service_command import ServiceCommand
from templatesvc.mongo.names import Names

TEMPLATES = settings.BASE_DIR / "templatesvc" / "app_template"
TESTS = settings.BASE_DIR / "tests"


class Command(ServiceCommand, TemplateCommand):
    """Makes an app and its tests from ``templatesvc/app_template``, as Django's command does."""

    help = "Start an app of a resource: a document with its routes, pages and tests."
    missing_args_message = "Give the app a name, in the plural: books."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the app's name, in the plural, such as lab_reports")
        parser.add_argument("--document", default="", help="the class, such as LabReport")

    def handle(self, **options: Any) -> None:
        """Write the files; raises CommandError if the name or a file is there already."""
        name, document = options.pop("name"), options.pop("document")
        document = document or _singular("".join(map(str.capitalize, name.split("_"))))
        self._check(name, document)
        made = {"extensions": ["py"], "files": [], **options, **_words(name, document)}
        # The tests first, because Django demands that no module has the app's name yet.
        (TESTS / name).mkdir()
        with chdir(settings.BASE_DIR):  # Django makes the app in the current directory
            for target, template in ((str(TESTS / name), "tests"), (None, "resource")):
                super().handle("app", name, target, **made, template=str(TEMPLATES / template))
        self.stdout.write(f'Add "{name}" to INSTALLED_APPS in templatesvc/settings.py.')

    def _check(self, name: str, document: str) -> None:
        if not re.fullmatch(r"[A-Z]\w*", document) or keyword.iskeyword(document):
            raise CommandError(f"{document!r} can't be the name of a class, such as LabReport.")
        if keyword.iskeyword(name):
            raise CommandError(f"{name!r} is a word of Python's. Choose another name.")
        for target in (settings.BASE_DIR / name, TESTS / name):
            if target.exists():
                raise CommandError(f"{target} exists already.")
        self.app_or_project, self.a_or_an = "app", "an"  # for validate_name
        self.validate_name(name)


def _words(name: str, document: str) -> dict[str, Any]:
    """Return what the files are filled with."""
    plural = name.replace("_", " ")
    names = Names.of(document, {"verbose_name_plural": plural})
    return {
        "document": document,
        "names": names.plural,
        "Names": names.plural.capitalize(),
        "A_name": names.fill("{A}"),
        "a_slug": f"{names.article}_{names.slug}",
        "path": name.replace("_", "-"),
        "is_irregular": plural != Names.of(document, {}).plural,
    }


def _singular(name: str) -> str:
    """Return the singular of a name; the name itself if its plural has no known ending."""
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    if name.endswith(("ches", "shes", "sses", "xes")):
        return name[:-2]
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name
