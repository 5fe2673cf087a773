"""Registers the specimens."""

from __future__ import annotations

from templatesvc.apps import ResourceAppConfig


class SpecimensConfig(ResourceAppConfig):
    name = "tests.specimens"
