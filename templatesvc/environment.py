"""The reader of environment variables, and of the files that ``NAME_FILE`` names."""

from __future__ import annotations

from typing import Any

from environs import EnvValidationError, FileAwareEnv


class Environment(FileAwareEnv):
    """Collects the errors of all variables, which ``seal`` raises together.

    Until then, a variable that could not be read is its default, or None.
    """

    def __init__(self) -> None:
        super().__init__(eager=False, strip_whitespace=True)

    def _get_value(self, env_key: str, default: Any) -> Any:
        try:
            return super()._get_value(env_key, default)
        except (OSError, ValueError):
            self._errors[env_key].append(
                f"The file that {env_key}_FILE names can't be read as text."
            )
            return default


def variable(name: str) -> str | None:
    """Return a variable that a command reads when it runs; raises ValueError with a sentence."""
    env = Environment()
    value: str | None = env.str(name, None)
    try:
        env.seal()
    except EnvValidationError as error:
        faults = dict(error.error_messages)  # type: ignore[arg-type]
        raise ValueError(f"{name}: {' '.join(faults[name])}") from error
    return value
