"""Start an app of a resource; Django's own command makes apps for SQL."""

from __future__ import annotations

import keyword
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError, CommandParser
from django.core.management.templates import TemplateCommand

from templatesvc.mongo.names import Names

TEMPLATES = settings.BASE_DIR / "templatesvc" / "app_template"


class Command(TemplateCommand):
    """Makes an app and its tests from ``templatesvc/app_template``, as Django's command does."""

    help = "Start an app of a resource: a document with its routes, pages and tests."
    missing_args_message = "Give the app a name, in the plural: books."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the app's name, in the plural, such as lab_reports")
        parser.add_argument("--document", default="", help="the class, such as LabReport")

    def handle(self, **options: Any) -> None:
        """Write the files; raises CommandError if the name or a file is there already."""
        name, document = options.pop("name"), options.pop("document")
        self.app_or_project, self.a_or_an = "app", "an"  # for validate_name
        document = document or _singular("".join(map(str.capitalize, name.split("_"))))
        if not document.isidentifier() or keyword.iskeyword(document):
            raise CommandError(f"{document!r} can't be the name of a class.")
        plural = name.replace("_", " ")
        names = Names.of(document, {"verbose_name_plural": plural})
        words = {
            "document": document,
            "names": names.plural,
            "Names": names.plural.capitalize(),
            "A_name": names.fill("{A}"),
            "a_slug": f"{names.article}_{names.slug}",
            "path": name.replace("_", "-"),
            "is_irregular": plural != Names.of(document, {}).plural,
        }
        made = {"extensions": ["py"], "files": [], **options, **words}
        tests = Path("tests") / name
        for target in (Path(name), tests):
            if target.exists():
                raise CommandError(f"{target} exists already.")
        self.validate_name(name)
        tests.mkdir()
        # The tests first, because Django demands that no module has the app's name yet.
        super().handle("app", name, str(tests), **made, template=str(TEMPLATES / "tests"))
        super().handle("app", name, None, **made, template=str(TEMPLATES / "resource"))
        self.stdout.write(f'Add "{name}" to INSTALLED_APPS in templatesvc/settings.py.')


def _singular(name: str) -> str:
    """Return the singular of a name; the name itself if its plural has no known ending."""
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    if name.endswith(("ches", "shes", "sses", "xes")):
        return name[:-2]
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name
