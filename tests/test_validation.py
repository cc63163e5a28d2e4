from __future__ import annotations

import pytest

from carto_login_widget import client
from carto_login_widget.credentials import Credentials
from carto_login_widget.errors import Reason, RejectedError


@pytest.fixture(autouse=True)
def _nothing_proved():
    client.forget_proved()


def test_a_right_key_gives_the_account_and_is_remembered(carto):
    """The account is returned, kept, and the origin counts as CARTO from then on."""
    key = carto.accounts["jane"].keys["reporting"].token
    credentials = Credentials("jane", key, carto.base_url("jane"))
    account = credentials.validate()
    assert account.key_type == "regular"
    assert account.key_name == "reporting"
    assert {table.name for table in account.tables} >= {"airports", "stores"}
    assert credentials.account is account
    assert credentials.proved == carto.url
    assert [r.key_in for r in carto.requests] == [None, "header"]


def test_a_wrong_key_is_rejected(carto):
    """CARTO knows the user but not the key."""
    credentials = Credentials("jane", "0" * 40, carto.base_url("jane"))
    with pytest.raises(RejectedError) as caught:
        credentials.validate()
    assert caught.value.reason is Reason.WRONG_KEY
    assert credentials.account is None
