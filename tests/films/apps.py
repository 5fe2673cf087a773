"""Registers films."""

from __future__ import annotations

from templatesvc.apps import ResourceAppConfig


class FilmsConfig(ResourceAppConfig):
    name = "tests.films"
    api_description = "Films that only their owner can see and change."
