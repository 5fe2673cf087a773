"""What reading a body costs."""

from __future__ import annotations

import pytest
from rest_framework.exceptions import ParseError

from templatesvc.api.parsers import unique_members


class Name(str):
    """A key that counts how often it is compared."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Name.compared += 1
        return str.__eq__(self, other)


@pytest.mark.parametrize("keys", [1_000, 4_000])
def test_a_repeated_key_is_found_without_comparing_all_with_all(keys: int) -> None:
    Name.compared = 0
    pairs = [(Name(number), 1) for number in [*range(keys), keys - 1]]
    with pytest.raises(ParseError, match=f'"{keys - 1}" is given twice'):
        unique_members(pairs)
    assert Name.compared < 10 * keys
