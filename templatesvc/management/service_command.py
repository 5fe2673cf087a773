"""The base of all commands of this service."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from templatesvc.mongo.values import SURROGATE

ADVICE = "Use a terminal, or a script, that writes UTF-8."
INTERRUPTED = 130  # the exit status that shells give to Ctrl-C


class ServiceCommand(BaseCommand):
    """A command that ends with a sentence, not with a traceback, where its user can help it."""

    def execute(self, *args: Any, **options: Any) -> Any:
        for value in options.values():
            _check_text(value)
        try:
            return super().execute(*args, **options)
        except EOFError as error:
            raise CommandError(
                "The input ended before everything was answered. Run the command again."
            ) from error
        except UnicodeDecodeError as error:
            raise CommandError(f"The input is not valid UTF-8. {ADVICE}") from error
        except KeyboardInterrupt as error:
            raise CommandError(
                "Interrupted: what was done so far stays. Run the command again to go on.",
                returncode=INTERRUPTED,
            ) from error
        except BrokenPipeError:
            sys.stderr.close()  # otherwise Python complains once more that the reader is gone
        except OSError as error:
            raise CommandError(_reason(error)) from error


def _check_text(value: object) -> None:
    """Raise CommandError if an argument is not UTF-8: Python reads it as surrogates."""
    if isinstance(value, str) and SURROGATE.search(value):
        raise CommandError(f"{value!r} is not valid UTF-8. {ADVICE}")


def _reason(error: OSError) -> str:
    reason = error.strerror or str(error)
    if error.filename is None:
        return f"{reason}. Correct that, and run the command again."
    return f"{error.filename}: {reason}. Correct that, and run the command again."
