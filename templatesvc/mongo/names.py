"""What a document is called: in sentences, in URLs and in the store."""

from __future__ import annotations

import re
from typing import Any, NamedTuple


class Names(NamedTuple):
    """A document's name as people say it: ``lab report``, ``lab reports``, and ``a``.

    They follow from the name of its class, unless ``meta`` says otherwise:
    ``"verbose_name": "person"``, ``"verbose_name_plural": "people"``, ``"article": "an"``.
    """

    singular: str
    plural: str
    article: str
    is_owned: bool = True  # whether each document has an owner

    @classmethod
    def of(cls, class_name: str, meta: dict[str, Any]) -> Names:
        """Return the names of a class."""
        words = re.findall("[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", class_name)
        singular = meta.get("verbose_name", " ".join(words).lower())
        article = "an" if singular[0] in "aeiou" else "a"
        return cls(
            singular,
            meta.get("verbose_name_plural", f"{singular}s"),
            meta.get("article", article),
        )

    @property
    def slug(self) -> str:
        """The name as a part of other names, such as ``lab_report``."""
        return self.singular.replace(" ", "_").replace("-", "_")

    @property
    def slugs(self) -> str:
        """The names of several, such as ``lab_reports``."""
        return self.plural.replace(" ", "_").replace("-", "_")

    def fill(self, text: str) -> str:
        """Return a text with ``{a}``, ``{A}``, ``{name}`` and ``{names}`` filled in.

        ``{your}`` becomes "the" if the documents have no owners.
        """
        a = f"{self.article} {self.singular}"
        names = {"{a}": a, "{A}": a.capitalize(), "{name}": self.singular, "{names}": self.plural}
        names["{your}"] = "your" if self.is_owned else "the"
        for place, name in names.items():
            text = text.replace(place, name)
        return text


# For sentences about no document in particular.
DOCUMENT = Names("document", "documents", "a")
