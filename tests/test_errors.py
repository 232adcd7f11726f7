"""Errors are safe to show: they tell no password, and leave examples as they are."""

import pytest

from driftgate.errors import Outage, UserMistake, without_password


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("no answer at http://ops:s3cret@host:5000/x", "no answer at http://ops:******@host:5000/x"),
        ("postgresql://u:p%40ss@db/x and redis://:abc@r", "postgresql://u:******@db/x and redis://:***@r"),
        ("x?user=u&password=abc", "x?user=u&password=***"),
        ("refused: bob@example.com at 12:30", "refused: bob@example.com at 12:30"),
    ],
)
def test_no_error_tells_the_password_in_an_address(text: str, safe: str) -> None:
    assert str(Outage(text)) == str(UserMistake(text)) == safe


@pytest.mark.parametrize(
    "example",
    [
        "add it: airflow connections add model_api --conn-uri http://:TOKEN@localhost:8000",
        "smtp://user:password@mail.example.com:587",
        "'http://:https%3A%2F%2Fhooks.slack.com%2Fservices%2FT…%2FB…%2F…@'",
    ],
)
def test_examples_stay_what_one_can_copy(example: str) -> None:
    assert without_password(example) == example
