"""What CARTOframes' guides show works with only the import line changed.

Each piece runs twice in one environment, with cartoframes' names and with ours, and has
to leave the same account behind.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from carto_login_widget import Credentials
    from carto_login_widget.sandbox import Sandbox

KEY = "b1ff3ed88761070116180189d9a1f5cb9cc80654"
MODULES = ("cartoframes.auth", "carto_login_widget")
START = """
import os
os.chdir(given["directory"])
import cartoframes.auth
cartoframes.auth.unset_default_credentials()
"""
SHOW = """
print(json.dumps([show(found) for found in results]))
"""

FROM_FILE = """
from cartoframes.auth import Credentials

creds = Credentials.from_file('creds.json')
results = [creds]
"""

DEFAULT_FROM_FILE = """
from cartoframes.auth import get_default_credentials, set_default_credentials

set_default_credentials('creds.json')
results = [get_default_credentials()]
"""

DEFAULTS = """
from cartoframes.auth import get_default_credentials, set_default_credentials
from cartoframes.auth import unset_default_credentials

results = [get_default_credentials()]
set_default_credentials(
    username='johnsmith',
    api_key='1a2b3c4d5e6f7g8h'
)
results.append(get_default_credentials())
set_default_credentials(
    base_url='https://johnsmith.carto.com/',
    api_key='1a2b3c4d5e6f7g8h'
)
results.append(get_default_credentials())
set_default_credentials('johnsmith')
results.append(get_default_credentials())
set_default_credentials('johnsmith', 'your-api-key')
results.append(get_default_credentials())
set_default_credentials('https://johnsmith.carto.com', 'your-api-key')
results.append(get_default_credentials())
set_default_credentials('https://johnsmith.carto.com')
results.append(get_default_credentials())
unset_default_credentials()
results.append(get_default_credentials())
"""

SIDE_BY_SIDE = """
from cartoframes.auth import Credentials
from cartoframes.auth import get_default_credentials, set_default_credentials

credentials_a = Credentials('your-user-name-a')
credentials_b = Credentials('your-user-name-b', 'your-api-key')
credentials_c = Credentials(
    base_url='https://maps.example.com/user/johnsmith', api_key='your-api-key')
set_default_credentials(credentials_b)
copied = Credentials.from_credentials(credentials_c)
results = [credentials_a, credentials_b, credentials_c, copied]
results.append(get_default_credentials())
assert credentials_b != credentials_c == copied
"""

SAVED = """
from cartoframes.auth import Credentials, set_default_credentials
from cartoframes.auth import get_default_credentials

credentials = Credentials(username='johnsmith', api_key='abcdefg-hijk')
credentials.save('saved.json')
results = [Credentials.from_file('saved.json')]
Credentials.delete('saved.json')
credentials.save()
results.append(Credentials.from_file())
set_default_credentials()
results.append(get_default_credentials())
Credentials.delete()
"""

GOOGLE = """
from cartoframes.auth import Credentials
from google.oauth2.credentials import Credentials as GoogleCredentials

creds = Credentials.from_file('creds.json')

gcloud_project, gcloud_token = creds.get_gcloud_credentials()
gcloud_credentials = GoogleCredentials(gcloud_token)
print(json.dumps([gcloud_project, gcloud_token, gcloud_credentials.valid]))
"""


def both(
    frames: Callable[..., Any], code: str, directory: Path, **document: Any
) -> list[Any]:
    """What a piece of code gives with cartoframes' names and with ours."""
    (directory / "creds.json").write_text(json.dumps(document))
    answers = []
    for module in MODULES:
        changed = code.replace("from cartoframes.auth import", f"from {module} import")
        answers.append(frames(START + changed, directory=str(directory)))
    return answers


@pytest.mark.parametrize(
    "code", [FROM_FILE, DEFAULT_FROM_FILE], ids=["file", "default"]
)
@pytest.mark.parametrize(
    "more",
    [
        {"api_key": KEY},
        {"api_key": "default_public"},
        {"api_key": KEY, "base_url": "https://johnsmith.carto.com/"},
        {"api_key": KEY, "base_url": "https://maps.example.com/user/johnsmith"},
    ],
    ids=["name", "public", "url", "on-premises"],
)
def test_files_are_read_the_same(
    frames: Callable[..., Any], tmp_path: Path, code: str, more: dict[str, str]
) -> None:
    """The `creds.json` of the guide, and its parameters, give the same account."""
    theirs, ours = both(frames, code + SHOW, tmp_path, username="johnsmith", **more)
    assert ours[0][:3] == theirs[0][:3]
    assert ours[0][:2] == ["johnsmith", more["api_key"]]


@pytest.mark.parametrize(
    "code", [DEFAULTS, SIDE_BY_SIDE, SAVED], ids=["defaults", "side by side", "saved"]
)
def test_programs_run_the_same(
    frames: Callable[..., Any], tmp_path: Path, code: str
) -> None:
    """Defaults, several accounts side by side, and saving work as they are."""
    theirs, ours = both(frames, code + SHOW, tmp_path)
    assert ours == theirs
    assert any(ours)


def test_google_credentials_are_got_the_same(
    frames: Callable[..., Any], tmp_path: Path, carto: Sandbox, jane: Credentials
) -> None:
    """The guide's own cell for Google runs, with a token that Google would take."""
    found = both(
        frames,
        GOOGLE,
        tmp_path,
        username="jane",
        api_key=jane.api_key,
        base_url=jane.base_url,
        allow_non_secure=True,
    )
    for project, token, valid in found:
        assert (project, valid) == ("carto-sandbox", True)
        assert carto.google_tokens.is_fresh(token)
