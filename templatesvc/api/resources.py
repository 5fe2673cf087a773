"""A resource with all that there is: take the mixins singly for one that is to have less."""

from __future__ import annotations

from templatesvc.api.history import HistoryMixin
from templatesvc.api.transfer import TransferMixin
from templatesvc.api.viewsets import ReadMixin, WriteMixin


class ResourceViewSet(ReadMixin, WriteMixin, HistoryMixin, TransferMixin):
    """Documents that belong to their owners, with history, export and import.

    A subclass says its ``serializer_class``, and in its docstring what it is about.
    """
