"""Tell what is well and what is not."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from templatesvc.management.store_command import StoreCommand
from templatesvc.mongo import errors, store
from templatesvc.ops import doctor


class Command(StoreCommand):
    help = (
        "Check the settings, the store and its indexes, and say how to fix each problem. "
        "Exits with status 0 if there are no errors; there may be warnings."
    )
    requires_system_checks: list[str] = []  # they are a part of the report

    def handle(self, *args: Any, **options: Any) -> None:
        levels = Counter(self._told(finding) for finding in self._findings())
        summary = ", ".join(f"{level.value}: {levels[level]}" for level in doctor.Level)
        self.stdout.write(f"\n{summary}")
        if levels[doctor.Level.ERROR]:
            sys.exit(1)

    def _findings(self) -> Any:
        try:
            yield from doctor.report()
        except errors.STORE_ERRORS as error:
            yield doctor.error(
                "connection",
                f"{store.describe()} {errors.failing_of(error)}",
                "See whether it runs, and whether MONGODB_URI with its name and password is right.",
            )

    def _told(self, finding: doctor.Finding) -> doctor.Level:
        styles = {
            "ok": self.style.SUCCESS,
            "warning": self.style.WARNING,
            "error": self.style.ERROR,
        }
        self.stdout.write(styles[finding.level.value](str(finding)))
        return finding.level
