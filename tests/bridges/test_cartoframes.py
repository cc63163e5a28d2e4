"""cartoframes 1.2.5 itself has the account of the kernel as its default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from carto_login_widget import Credentials
    from carto_login_widget.sandbox import Sandbox

    Run = Callable[..., Any]

KEY = "0123456789abcdef0123456789abcdef01234567"

FOLLOW = """
steps = []
early = "cartoframes" in sys.modules
carto.set_default_credentials(base_url=given["url"], api_key=given["key"])
assert early is ("cartoframes" in sys.modules) is given["early"]
from cartoframes.auth import get_default_credentials
steps.append(show(get_default_credentials()))
text = repr(get_default_credentials())
carto.set_default_credentials("bob", given["key"])
steps.append(show(get_default_credentials()))
carto.unset_default_credentials()
steps.append(show(get_default_credentials()))
print(json.dumps([*steps, text]))
"""


@pytest.mark.parametrize("order", ["frames", "fresh"])
def test_its_default_is_the_account(request: pytest.FixtureRequest, order: str) -> None:
    """Imported before or after the login, it follows login, switch and logout."""
    url = "http://127.0.0.1:9/user/jane"
    run_code = request.getfixturevalue(order)
    jane, bob, nobody, text = run_code(
        FOLLOW, url=url, key=KEY, early=order == "frames"
    )
    assert jane == ["jane", KEY, url, True]
    assert bob == ["bob", KEY, "https://bob.carto.com", False]
    assert nobody is None
    assert text == f"Credentials(username='jane', api_key=***, base_url='{url}')"


WORK = """
from cartoframes.auth import get_default_credentials
from cartoframes.data.clients.auth_api_client import AuthAPIClient

class Stores:
    schema = staticmethod(lambda: "public")
    get_table_names = staticmethod(lambda: ["stores"])

jane = carto.Credentials(base_url=given["url"], api_key=given["key"])
if given["explicit"]:
    theirs = jane.to_cartoframes()
    name, token, tables = AuthAPIClient(credentials=theirs).create_api_key([Stores])
else:
    carto.set_default_credentials(jane)
    theirs = get_default_credentials()
    name, token, tables = AuthAPIClient().create_api_key([Stores])
project, google = theirs.get_gcloud_credentials()
licensing = theirs.is_instant_licensing_active()
print(json.dumps([token, tables, project, google, licensing]))
"""


@pytest.mark.parametrize("explicit", [True, False], ids=["explicit", "default"])
def test_its_clients_work_with_the_account(
    frames: Run, carto: Sandbox, jane: Credentials, *, explicit: bool
) -> None:
    """Its Auth API client and its Google token work with what it was handed."""
    token, tables, project, google, licensing = frames(
        WORK, url=jane.base_url, key=jane.api_key, explicit=explicit
    )
    assert tables == ["stores"]
    assert carto.accounts["jane"].find(token).permissions("stores") == ["select"]
    assert project == "carto-sandbox"
    assert carto.google_tokens.is_fresh(google)
    assert licensing is True


OWN = """
from cartoframes import auth
own = auth.Credentials("own", "own-key-0123456789")
if given["before"]:
    auth.set_default_credentials(own)
carto.set_default_credentials("jane", given["key"])
carto.set_default_credentials("bob", given["key"])
signed_in = show(auth.get_default_credentials())
if not given["before"]:
    auth.set_default_credentials(own)
carto.unset_default_credentials()
kept = auth.get_default_credentials() is own
carto.set_default_credentials("jane", given["key"])
again = show(auth.get_default_credentials())
auth.unset_default_credentials()
carto.unset_default_credentials()
print(json.dumps([signed_in[0], kept, again[0], show(auth.get_default_credentials())]))
"""


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_only_what_the_login_set_is_unset(frames: Run, *, before: bool) -> None:
    """What the user gave to cartoframes after the login outlives the logout."""
    found = frames(OWN, key=KEY, before=before)
    assert found == ["bob", not before, "jane", None]


CONVERT = """
import copy, pickle
from cartoframes import auth
forms = [["jane", None], ["jane", "https://team.carto.com/u/jane"],
         ["jane", "https://maps.example.com"], [None, "https://10.0.0.5"]]
converted = [
    show(carto.Credentials(name, given["key"], url).to_cartoframes())
    for name, url in forms
]
theirs = carto.Credentials("jane", given["key"]).to_cartoframes()
plain = auth.Credentials("jane", given["key"])
checks = [
    isinstance(theirs, auth.Credentials),
    theirs == plain and plain == theirs,
    given["key"] not in repr(theirs) + str(theirs) + f"{theirs}",
    repr(pickle.loads(pickle.dumps(theirs))) == repr(copy.copy(theirs)) == repr(theirs),
    show(pickle.loads(pickle.dumps(theirs))) == show(theirs),
    show(auth.Credentials.from_credentials(theirs)) == show(theirs),
]
secure = carto.Credentials("jane", given["key"], "http://10.1.2.3", None, True)
back = carto.Credentials.from_credentials(secure.to_cartoframes())
checks.append(back.allow_non_secure and back.api_key == given["key"])
own = auth.Credentials(base_url="https://jane.carto.com/", api_key=given["key"])
checks.append(show(carto.Credentials.from_credentials(own))[1:] == show(own)[1:])
print(json.dumps([converted, checks]))
"""


def test_credentials_convert_in_both_directions(frames: Run) -> None:
    """Every form of an address becomes one that cartoframes understands, and back."""
    converted, checks = frames(CONVERT, key=KEY)
    assert converted == [
        ["jane", KEY, "https://jane.carto.com", False],
        ["jane", KEY, "https://team.carto.com/user/jane", False],
        ["jane", KEY, "https://maps.example.com/user/jane", False],
        [None, KEY, "https://10.0.0.5", False],
    ]
    assert checks == [True] * len(checks)


STRANGE = """
import pathlib
import carto_login_widget as carto
package = pathlib.Path("cartoframes/auth")
package.mkdir(parents=True)
for name in ("cartoframes/__init__.py", "cartoframes/auth/__init__.py"):
    pathlib.Path(name).write_text("")
pathlib.Path("cartoframes/auth/defaults.py").write_text(given["text"])
sys.path.insert(0, ".")
carto.set_default_credentials("jane", given["key"])
import cartoframes.auth.defaults as defaults
print(json.dumps(defaults.__file__.startswith(str(pathlib.Path.cwd()))))
"""


@pytest.mark.parametrize(
    "text",
    ["", "class Credentials: pass\n", "def get_default_credentials(): 1 / 0\n"],
    ids=["empty", "half", "failing"],
)
def test_a_strange_cartoframes_can_still_be_imported(run: Run, text: str) -> None:
    """Whatever another version looks like, its import does not fail because of us."""
    assert run(STRANGE, text=text, key=KEY) is True


THREADS = """
import threading
from cartoframes.auth import get_default_credentials
def switch(user):
    for number in range(50):
        carto.set_default_credentials(f"{user}-{number}", given["key"])
threads = [threading.Thread(target=switch, args=(name,)) for name in ("a", "b")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
names = [get_default_credentials().username, carto.get_default_credentials().username]
print(json.dumps(names))
"""


def test_two_threads_that_switch_leave_the_default(frames: Run) -> None:
    """Whoever was last, cartoframes has the account that is the default in the end."""
    theirs, ours = frames(THREADS, key=KEY)
    assert theirs == ours


IMPORTING = """
import threading, time
def log_in():
    while "cartoframes.auth.credentials" not in sys.modules:
        time.sleep(0.0001)
    carto.set_default_credentials("jane", given["key"])
thread = threading.Thread(target=log_in)
thread.start()
import cartoframes.auth
thread.join()
print(json.dumps(show(cartoframes.auth.get_default_credentials())))
"""


def test_a_login_during_its_import_reaches_it(fresh: Run) -> None:
    """A form may log in on its thread while a cell is importing cartoframes."""
    assert fresh(IMPORTING, key=KEY)[0] == "jane"


def test_without_it_the_way_to_get_it_is_told(jane: Credentials) -> None:
    """Where the extra is missing, its name is in the message."""
    with pytest.raises(ImportError, match=r"carto_login_widget\[cartoframes\]"):
        jane.to_cartoframes()
