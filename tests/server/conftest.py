from __future__ import annotations

import pytest

from carto_login_widget.server import client


@pytest.fixture(autouse=True)
def _nothing_proved():
    client.proved.clear()
