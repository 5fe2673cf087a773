"""A resource with everything; to have less, combine single mixins."""

from __future__ import annotations

from templatesvc.api.history import HistoryMixin
from templatesvc.api.transfer import TransferMixin
from templatesvc.api.viewsets import ReadMixin, WriteMixin


class ResourceViewSet(ReadMixin, WriteMixin, HistoryMixin, TransferMixin):
    """Documents that belong to their owners, with history, export and import.

    A subclass says its ``serializer_class``, and in its docstring what it is about.
    """
