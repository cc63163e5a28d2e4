"""What is typed or pasted into the wrong place, or cannot be right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carto_login_widget.form.fields import CLOUD, CUSTOM

if TYPE_CHECKING:
    from carto_login_widget.sandbox import Sandbox

    from .conftest import Person

KEY = "some-key-0123456789"


def test_a_key_in_the_place_of_the_name_goes_nowhere(
    person: Person, carto: Sandbox
) -> None:
    """A key that was pasted into the wrong field is neither sent nor kept."""
    key = carto.accounts["jane"].master.token
    person.commit(person.form.username_field, key)
    assert "looks like an API key" in person.reads()
    assert key not in person.reads()
    assert person.form.username_field.value == ""
    assert person.form.status == "empty"


@pytest.mark.parametrize(
    ("pasted", "name"),
    [
        ("https://jane.carto.com/dashboard", "jane"),
        ("https://team.carto.com/u/bob/dashboard/maps", "bob"),
        ("jane.carto.com", "jane"),
    ],
)
def test_an_address_in_the_place_of_the_name(
    person: Person, pasted: str, name: str
) -> None:
    """The name in it is proposed."""
    person.commit(person.form.username_field, pasted)
    assert f"Did you mean '{name}'?" in person.form.message


def test_a_dashboard_address_is_an_account(person: Person) -> None:
    """What the browser's address bar shows names user and host."""
    form = person.form
    person.choose(form.address_choice, CUSTOM)
    person.commit(form.base_url_field, "https://team.carto.com/u/bob/dashboard/?x=1")
    assert "team.carto.com" in person.reads()
    assert 'role="alert"' not in person.reads()


@pytest.mark.parametrize("address", ["http://carto.example.com", "ftp://x", "a b", "]"])
def test_an_address_that_cannot_be_is_told_beside_it(
    person: Person, address: str
) -> None:
    """Nothing is sent to it, and what is wrong stands at the URL."""
    form = person.form
    person.choose(form.address_choice, CUSTOM)
    person.commit(form.base_url_field, address)
    person.commit(form.username_field, "jane")
    person.commit(form.key_field, KEY)
    assert form._view.fields.base_url_note.value
    assert form.status == "empty"


def test_going_back_to_the_cloud_forgets_the_custom_address(
    at_jane: Person, carto: Sandbox
) -> None:
    """The radio button decides, not what is left in a hidden field."""
    at_jane.choose(at_jane.form.address_choice, CLOUD)
    assert "jane.carto.com" in at_jane.reads()
    assert "127.0.0.1" not in at_jane.form._view.fields.key_note.value
