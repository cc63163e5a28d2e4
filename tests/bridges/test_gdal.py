"""GDAL, in pyogrio and geopandas, opens `Carto:` with the account of the kernel."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from itertools import product
from typing import TYPE_CHECKING, Any

import certifi
import pyogrio
import pytest
import requests
from harness.rawserver import RawServer, http

from carto_login_widget import (
    Credentials,
    RejectedError,
    get_default_credentials,
    login,
    logout,
    set_default_credentials,
    unset_default_credentials,
)
from carto_login_widget.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NAMES = ("CARTO_API_URL", "CARTO_API_KEY")
NETWORK = ("GDAL_CURL_CA_BUNDLE", "GDAL_HTTP_CAPATH", "GDAL_HTTPS_PROXY")
KEY = "0123456789abcdef0123456789abcdef01234567"

READ = """
import carto_login_widget as carto
if given["early"]:
    import pyogrio
carto.set_default_credentials(base_url=given["url"], api_key=given["key"])
assert given["early"] or "pyogrio" not in sys.modules
import geopandas, pyogrio
layers = [name for name, _ in pyogrio.list_layers("Carto:jane")]
stores = geopandas.read_file("Carto:jane", layer="stores")
carto.unset_default_credentials()
left = [pyogrio.get_gdal_config_option(n) for n in ("CARTO_API_URL", "CARTO_API_KEY")]
print(json.dumps({"layers": layers, "stores": len(stores), "left": left}))
"""


def options() -> list[Any]:
    return [pyogrio.get_gdal_config_option(name) for name in NAMES]


@pytest.fixture(autouse=True)
def _untouched_gdal() -> Iterator[None]:
    yield
    unset_default_credentials()
    pyogrio.set_gdal_config_options(dict.fromkeys(NAMES + NETWORK))


@pytest.mark.parametrize("early", [True, False], ids=["before", "after"])
def test_geopandas_reads_the_account(
    run: Callable[..., Any], carto: Sandbox, jane: Credentials, *, early: bool
) -> None:
    """Imported before or after the login, it reads the account's own tables."""
    found = run(READ, url=jane.base_url, key=jane.api_key, early=early)
    assert "stores" in found["layers"]
    assert found["stores"] == 3
    assert found["left"] == [None, None]
    assert {record.path for record in carto.requests} == {"/user/jane/api/v2/sql"}
    assert {record.key_in for record in carto.requests} == {"body"}
    assert {record.key for record in carto.requests} == {jane.api_key}


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        (None, "https://jane.carto.com/api/v2/sql"),
        (
            "https://team.carto.com/u/jane",
            "https://team.carto.com/user/jane/api/v2/sql",
        ),
        ("https://maps.example.com", "https://maps.example.com/user/jane/api/v2/sql"),
        (
            "https://maps.example.com:8080/carto/user/jane/",
            "https://maps.example.com:8080/carto/user/jane/api/v2/sql",
        ),
    ],
)
def test_the_address_is_that_of_the_sql_api(base_url: str | None, url: str) -> None:
    """Each form of an address becomes the one that GDAL sends to."""
    set_default_credentials(Credentials("jane", KEY, base_url))
    assert options() == [url, KEY]


def test_the_options_follow_a_switch_and_a_logout() -> None:
    """Nothing of the account before stays behind."""
    set_default_credentials("jane", KEY)
    set_default_credentials("bob", KEY[::-1])
    assert options() == ["https://bob.carto.com/api/v2/sql", KEY[::-1]]
    unset_default_credentials()
    assert options() == [None, None]


def test_login_and_logout_move_the_options(jane: Credentials) -> None:
    """A login that asks CARTO does what setting the default does."""
    login(credentials=jane)
    assert options() == [f"{jane.base_url}/api/v2/sql", jane.api_key]
    logout()
    assert options() == [None, None]


def test_a_refused_login_moves_nothing(carto: Sandbox) -> None:
    """The account before stays everywhere."""
    set_default_credentials("jane", KEY)
    with pytest.raises(RejectedError):
        login(username="jane", api_key=KEY, base_url=carto.base_url("jane"))
    assert options() == ["https://jane.carto.com/api/v2/sql", KEY]


def test_an_option_set_after_the_login_stays() -> None:
    """A logout takes back only what the login had set."""
    set_default_credentials("jane", KEY)
    pyogrio.set_gdal_config_options({"CARTO_API_KEY": "own-key"})
    unset_default_credentials()
    assert options() == [None, "own-key"]


def test_the_environment_is_not_made_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that GDAL reads by itself can still be unset after the logout."""
    monkeypatch.setenv("CARTO_API_KEY", KEY)
    set_default_credentials("jane", KEY)
    unset_default_credentials()
    assert options() == [None, KEY]
    monkeypatch.delenv("CARTO_API_KEY")
    assert options() == [None, None]


def test_an_address_without_a_user_leaves_no_account() -> None:
    """Where GDAL cannot follow it is said, and the account before is gone."""
    set_default_credentials("jane", KEY)
    with pytest.warns(UserWarning, match="gdal could not follow"):
        set_default_credentials(base_url="https://10.0.0.5", api_key=KEY)
    assert options() == [None, None]


def test_two_threads_that_switch_leave_the_default() -> None:
    """Whoever was last, GDAL has the account that is the default in the end."""

    def switch(user: str) -> None:
        for number in range(50):
            set_default_credentials(f"{user}-{number}", KEY)

    threads = [threading.Thread(target=switch, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    default = get_default_credentials()
    assert options()[0] == f"https://{default.username}.carto.com/api/v2/sql"


READ_OVER_TLS = """
import os, requests, pyogrio
names = ("GDAL_CURL_CA_BUNDLE", "GDAL_HTTP_CAPATH", "GDAL_HTTPS_PROXY")
before = [pyogrio.get_gdal_config_option(name) for name in names]
session = requests.Session()
if given["way"] == "session":
    session.verify = given["ca"]
else:
    os.environ[given["way"]] = given["ca"]
import carto_login_widget as carto
jane = carto.Credentials("jane", given["key"], given["url"], session)
carto.login(credentials=jane)
import geopandas
stores = len(geopandas.read_file("Carto:jane", layer="stores"))
bundle = pyogrio.get_gdal_config_option(names[0])
carto.logout()
after = [pyogrio.get_gdal_config_option(name) for name in names]
gone = bundle == given["ca"] or not os.path.exists(bundle)
print(json.dumps([stores, before == after, gone]))
"""


TRUSTED = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "session")
OTHERS = (None, "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
EACH_ONCE = [*zip(TRUSTED, OTHERS, strict=True)]
ALL = [
    pytest.param(*pair, marks=[] if pair in EACH_ONCE else pytest.mark.full)
    for pair in product(TRUSTED, OTHERS)
]


@pytest.mark.parametrize(("way", "other"), ALL)
def test_it_trusts_whom_the_login_trusts(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, way: str, other: str
) -> None:
    """Also beside other authorities; a logout takes them back, a file of ours too."""
    if other:
        monkeypatch.setenv(other, certifi.where())
    with Sandbox(tls="valid") as carto:
        key, ca = carto.accounts["jane"].master.token, str(carto.ca_file)
        found = run(READ_OVER_TLS, url=carto.base_url("jane"), key=key, way=way, ca=ca)
        assert found == [3, True, True]


READ_THROUGH_A_PROXY = """
import requests, pyogrio
import carto_login_widget as carto
session = requests.Session()
session.proxies["https"] = given["proxy"]
jane = carto.Credentials("jane", given["key"], session=session)
carto.set_default_credentials(jane)
try:
    pyogrio.list_layers("Carto:jane")
except pyogrio.errors.DataSourceError:
    carto.logout()
    print(json.dumps(pyogrio.get_gdal_config_option("GDAL_HTTPS_PROXY")))
"""


def test_it_goes_through_the_proxy_that_a_session_lends(
    run: Callable[..., Any],
) -> None:
    """The environment's proxy libcurl knows by itself."""
    with RawServer(http(407)) as proxy:
        assert run(READ_THROUGH_A_PROXY, proxy=proxy.url, key=KEY) is None
        assert proxy.heard.startswith(b"CONNECT jane.carto.com:443")
        assert KEY.encode() not in proxy.heard


@pytest.mark.parametrize("name", NETWORK)
def test_what_the_user_told_gdal_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """Whom to trust, and which way to go, is for all that GDAL opens."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    session = requests.Session()
    session.proxies["https"] = "http://127.0.0.1:1"
    jane = Credentials("jane", KEY, session=session)
    pyogrio.set_gdal_config_options({name: "own"})
    set_default_credentials(jane)
    others = [n for n in NETWORK if n != name]
    assert pyogrio.get_gdal_config_option(name) == "own"
    assert all(map(pyogrio.get_gdal_config_option, others))
    unset_default_credentials()
    assert pyogrio.get_gdal_config_option(name) == "own"


READ_ELSEWHERE = """
import pyogrio
import carto_login_widget as carto
carto.set_default_credentials(base_url=given["url"], api_key=given["key"])
try:
    pyogrio.list_layers("Carto:somebody-else")
finally:
    print("null")
"""


def test_another_account_does_not_get_the_key(
    run: Callable[..., Any], carto: Sandbox, jane: Credentials
) -> None:
    """Opening another name asks the address that the key belongs to."""
    run(READ_ELSEWHERE, url=jane.base_url, key=jane.api_key)
    assert {record.path for record in carto.requests} == {"/user/jane/api/v2/sql"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("end", ["sys.exit()", "follow._remove_bundle(); os._exit(0)"])
def test_a_child_leaves_the_authorities_of_its_parent(tmp_path: Path, end: str) -> None:
    """It ends, or signs out, while the parent goes on reading maps."""
    files = [str(tmp_path / name) for name in "ab"]
    program = f"""
import os, sys
from pathlib import Path
from carto_login_widget.bridges.gdal import follow
for path in {files!r}:
    Path(path).write_text("x")
bundle = Path(follow._one_file({files!r}))
if os.fork() == 0:
    {end}
os.wait()
assert bundle.read_text() == "x\\nx"
follow._remove_bundle()
assert not bundle.parent.exists()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
