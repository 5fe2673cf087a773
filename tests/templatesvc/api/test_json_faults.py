"""What is said of a text that is not JSON."""

from __future__ import annotations

import json

import pytest

from templatesvc.api.notation import FAULTS, fault_of


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a value is missing at line 1, column 1"),
        ('{"a": }', "a value is missing at line 1, column 7"),
        ("{'a': 1}", "a name in double quotes is missing at line 1, column 2"),
        ('{"a" 1}', "a colon is missing at line 1, column 6"),
        ('{"a": 1\n "b": 2}', "a comma is missing at line 2, column 2"),
        ("{} {}", "the value ends, and something follows it at line 1, column 4"),
        ('["a]', "a text without a closing quote begins at line 1, column 2"),
        ('["a\tb"]', "a text has a line break, tab or other control character at line 1, column 4"),
        ('["\\q"]', "a text has a backslash that begins no escape at line 1, column 3"),
    ],
)
def test_what_is_wrong_is_said_in_words_with_its_place(text: str, said: str) -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads(text)
    assert fault_of(caught.value) == said


def test_a_comma_too_many_is_named_on_any_python() -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads("[1,]")
    assert fault_of(caught.value).partition(" at ")[0] in FAULTS.values()


def test_another_error_is_said_as_it_is() -> None:
    assert fault_of(ValueError("It is too deep.")) == "It is too deep."
