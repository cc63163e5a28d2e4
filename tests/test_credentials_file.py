"""Credentials in files, pickles and profiles, and what else a file may hold."""

from __future__ import annotations

import json
import os
import pickle
import stat
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from carto_login_widget import Credentials, CredentialsFileError, ProfileStore
from carto_login_widget.secret import looks_like_key

if TYPE_CHECKING:
    from pathlib import Path

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")

usernames = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,61}", fullmatch=True).filter(
    # www.carto.com and app.carto.com are no accounts.
    lambda name: not looks_like_key(name) and name.lower() not in {"www", "app"}
)
keys = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":?~>{}\"'`"),
    min_size=1,
    max_size=80,
).filter(lambda key: not key.startswith("eyJ"))
origins = st.sampled_from(
    [
        "https://maps.example.com",
        "https://maps.example.com:8443/prefix",
        "https://10.0.0.5",
        "http://localhost:8080",
        "http://127.0.0.1",
    ]
)


@st.composite
def any_credentials(draw: st.DrawFn) -> Credentials:
    """Anything that the constructor takes."""
    name = draw(usernames)
    base = draw(st.none() | origins.map(lambda origin: f"{origin}/user/{name.lower()}"))
    insecure = base is None and draw(st.booleans())
    base = f"http://{name.lower()}.example.com" if insecure else base
    given_name = draw(st.sampled_from([name, None])) if base else name
    return Credentials(given_name, draw(keys), base, allow_non_secure=insecure)


@given(credentials=any_credentials())
def test_any_credentials_survive_a_pickle(credentials: Credentials) -> None:
    """Dask sends them to its workers so."""
    again = pickle.loads(pickle.dumps(credentials))  # noqa: S301 - our own
    assert again._identity.same_key(credentials._identity)
    assert vars(again) == vars(credentials)


@given(credentials=any_credentials())
def test_any_credentials_survive_a_file(
    tmp_path_factory: pytest.TempPathFactory, credentials: Credentials
) -> None:
    """A file gives back what was saved to it."""
    path = tmp_path_factory.getbasetemp() / "round-trip.json"
    assert credentials.save(path) == path
    again = Credentials.from_file(path)
    assert again._identity.same_key(credentials._identity)
    assert again.source == str(path)


@given(credentials=any_credentials())
def test_any_credentials_survive_a_profile(
    tmp_path_factory: pytest.TempPathFactory, credentials: Credentials
) -> None:
    """A saved account is the same again, by its name and as the default."""
    store = ProfileStore(tmp_path_factory.getbasetemp() / "round-trip")
    store.save("x", credentials, default=True)
    assert store.load("x") == store.default()
    assert store.default()._identity.same_key(credentials._identity)


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_give_credentials_or_an_error_with_the_path(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """Nothing else comes out of a file, and it stays as it is."""
    check_from_file(tmp_path_factory.getbasetemp() / "any.json", content)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(
    document=st.dictionaries(
        st.sampled_from(
            ["username", "api_key", "base_url", "allow_non_secure", "profile", "x"]
        ),
        json_values | usernames | st.just("https://jane.carto.com"),
    )
)
def test_any_object_gives_credentials_or_an_error_with_the_path(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, object]
) -> None:
    """Fields of any type and shape are told of like any other mistake."""
    path = tmp_path_factory.getbasetemp() / "any-object.json"
    check_from_file(path, json.dumps(document).encode())


def check_from_file(path: Path, content: bytes) -> None:
    """Read a file that may hold anything."""
    path.write_bytes(content)
    try:
        with warnings.catch_warnings(action="ignore"):  # that there is no key
            assert isinstance(Credentials.from_file(path), Credentials)
    except CredentialsFileError as error:
        assert error.path == path
        assert str(path) in str(error)
    assert path.read_bytes() == content


def test_the_format_is_that_of_cartoframes(tmp_path: Path) -> None:
    """A file elsewhere has its four fields and no more."""
    path = Credentials("jane", "k")._with(profile="work").save(tmp_path / "c.json")
    assert json.loads(path.read_text()) == {
        "username": "jane",
        "api_key": "k",
        "base_url": "https://jane.carto.com",
        "allow_non_secure": False,
    }


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, r"has no 'api_key'\.$"),
        ({"api_key": None}, r"has no 'api_key'\.$"),
        ({"key": {"type": "master"}}, r"has no 'api_key'\.$"),
        ({"note": "some-key"}, r"has no 'api_key'\.$"),
        *(
            ({name: "some-key"}, f"; it has '{name}', which must be called 'api_key'")
            for name in ("key", "apikey", "apiKey", "API_KEY", "api-key", "token")
        ),
    ],
)
def test_a_file_without_a_key_is_public_and_says_so(
    tmp_path: Path, fields: dict[str, object], told: str
) -> None:
    """As the documentation of cartoframes has it, and its code does not."""
    path = tmp_path / "creds.json"
    path.write_text(json.dumps({"username": "jane", **fields}))
    with pytest.warns(UserWarning, match=told) as warned:
        assert Credentials.from_file(path).api_key == "default_public"
    assert warned[0].filename == __file__
    assert "some-key" not in str(warned[0].message)


def test_a_file_that_says_that_it_is_public_is_quiet(tmp_path: Path) -> None:
    """So is one that has a key."""
    path = tmp_path / "creds.json"
    for key in ("default_public", "some-key"):
        path.write_text(json.dumps({"username": "jane", "api_key": key}))
        assert Credentials.from_file(path).api_key == key


@pytest.mark.parametrize("key", ["", " "])
def test_a_file_with_an_empty_key_is_told(tmp_path: Path, key: str) -> None:
    """It was meant to have one."""
    path = tmp_path / "creds.json"
    path.write_text(json.dumps({"username": "jane", "api_key": key}))
    with pytest.raises(CredentialsFileError, match="The API key is empty"):
        Credentials.from_file(path)


def test_a_file_lends_no_insecure_address(tmp_path: Path) -> None:
    """Only a true allows http to another machine; a text is not one."""
    path = tmp_path / "creds.json"
    fields = {
        "username": "jane",
        "api_key": "some-key",
        "base_url": "http://x.example.com",
    }
    path.write_text(json.dumps({**fields, "allow_non_secure": "false"}))
    with pytest.raises(CredentialsFileError, match="cannot be used"):
        Credentials.from_file(path)
    path.write_text(json.dumps({**fields, "allow_non_secure": True}))
    assert Credentials.from_file(path).allow_non_secure is True


def test_from_file_keeps_the_session(tmp_path: Path) -> None:
    """A session is given beside the file, not by it."""
    path = Credentials("jane", "k").save(tmp_path / "c.json")
    session = requests.Session()
    assert Credentials.from_file(path, session).session is session


def test_without_a_path_it_is_the_file_of_the_store(home: Path) -> None:
    """Saved, read and deleted there; a missing one is only warned about."""
    path = Credentials("jane", "k").save()
    assert path == ProfileStore().directory / "creds.json"
    assert home in path.parents
    credentials = Credentials.from_file()
    assert (credentials.username, credentials.source) == ("jane", "creds.json")
    Credentials.delete()
    with pytest.raises(FileNotFoundError, match=r"creds\.json"):
        Credentials.from_file()
    with pytest.warns(UserWarning, match="nothing was removed"):
        Credentials.delete()


def test_saving_without_a_path_keeps_another_account(home: Path) -> None:
    """What creds.json holds and no profile does becomes one, and that is said."""
    Credentials("john", "k").save()
    with pytest.warns(UserWarning, match="saved as 'john'"):
        Credentials("jane", "k").save()
    assert ProfileStore().names() == ["jane", "john"]
    with pytest.warns(UserWarning, match="saved as 'jane'"):
        Credentials("john", "k").save(ProfileStore().directory / "creds.json")
    assert ProfileStore().load("jane") == Credentials("jane", "k")


def test_saving_a_profile_without_a_path_makes_it_the_default(home: Path) -> None:
    """The name goes along."""
    store = ProfileStore()
    store.save("work", Credentials("jane", "k"))
    store.load("work").save()
    assert store.default_name == "work"
    assert store.names() == ["work"]


def test_saving_over_a_broken_file_keeps_it(tmp_path: Path) -> None:
    """It is kept beside the new one, and that is said."""
    path = tmp_path / "mine.json"
    path.write_text('{"type": "service_account"}')
    with pytest.warns(UserWarning, match=r"mine\.json\.corrupt-1"):
        Credentials("jane", "k").save(path)
    kept = path.with_name("mine.json.corrupt-1")
    assert kept.read_text() == '{"type": "service_account"}'
    assert Credentials.from_file(path) == Credentials("jane", "k")


@posix
def test_saving_over_an_open_file_closes_it(tmp_path: Path) -> None:
    """cartoframes left it readable for everybody; that is said."""
    path = tmp_path / "creds.json"
    path.write_text('{"username": "jane"}')
    path.chmod(0o644)
    with pytest.warns(UserWarning, match="Other users of this machine could read"):
        Credentials("jane", "k").save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_reading_a_file_imports_no_heavy_library(tmp_path: Path) -> None:
    """A program that only reads a file pays for nothing else."""
    path = Credentials("jane", "k").save(tmp_path / "c.json")
    program = (
        "import sys; from carto_login_widget import Credentials;"
        f"Credentials.from_file({str(path)!r});"
        "print([m for m in ('requests', 'google.auth', 'ipywidgets', 'IPython')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
