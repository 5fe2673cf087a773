"""Random lives: steps that Hypothesis chooses, beside a model that says what each must answer."""

from __future__ import annotations

from typing import Any

from django.test import override_settings
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


def live(machine: type[RuleBasedStateMachine], examples: int, steps: int, **changes: Any) -> None:
    """Have a machine live this many times, each of so many steps; ``changes`` are of settings."""
    budget = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        # A failure of so few steps can be read; to look for a shorter one would take minutes.
        phases=[Phase.generate],
    )
    # How well passwords are hashed is not what a life asks about.
    changes["PASSWORD_HASHERS"] = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(**changes):
        run_state_machine_as_test(machine, settings=budget)
