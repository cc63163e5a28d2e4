"""A key in the wrong place is refused, repeated nowhere, and sent nowhere."""

from __future__ import annotations

import builtins
import getpass
import json
import socket
import sys
import traceback
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import ipywidgets
import pytest
from IPython.core.error import UsageError

import carto_login_widget
from carto_login_widget import (
    CartoLoginError,
    Credentials,
    LoginForm,
    ProfileStore,
    get_default_credentials,
    login,
    set_default_credentials,
)
from carto_login_widget.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OTHER = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00"
KEYS = {
    "master": "0123456789abcdef0123456789abcdef01234567",
    "regular": "aB3_dEf-GhI9jKlMnOpQrS",
}
REFUSALS = (CartoLoginError, UsageError)


PACKAGE = str(Path(carto_login_widget.__file__).parent)


class World:
    """What a door needs, and what would have been said and sent through it."""

    def __init__(self, request: pytest.FixtureRequest, carto: Sandbox) -> None:
        self.get = request.getfixturevalue
        self.carto = carto
        self.patch = self.get("monkeypatch")
        self.said: list[str] = []
        self.looked_up: list[str] = []
        self.resolver = socket.getaddrinfo
        self.patch.setattr(socket, "getaddrinfo", self.look_up)

    def magic(self, line: str) -> Any:
        """Run `%carto_login` with a line."""
        return self.get("shell").run_line_magic("carto_login", line)

    def command(self, *words: str, typed: str = "") -> None:
        """Run `carto-login`."""
        status, printed = self.get("carto_login")(*words, typed=typed)
        self.said.append(printed)
        if status:
            raise CartoLoginError(printed)

    def look_up(self, host: object, *rest: Any, **more: Any) -> Any:
        """Take the place of the resolver: only this machine has an address."""
        self.looked_up.append(str(host))
        if host in ("127.0.0.1", "localhost", "::1", None):
            return self.resolver(host, *rest, **more)
        raise socket.gaierror(socket.EAI_NONAME, "no such host")

    def answer(self, fields: dict[str, Any]) -> None:
        """Answer each question of a prompt once, and then go away."""
        answers: dict[str, str] = {
            "key": fields["api_key"],
            "name": fields["username"] or "",
            "address": fields["base_url"] or "",
        }

        def read(question: str = "", *_: Any) -> str:
            self.said.append(question)
            words = (word for word in answers if word in question.lower())
            if (word := next(words, None)) is None:
                raise EOFError
            return answers.pop(word)

        self.patch.setattr(builtins, "input", read)
        self.patch.setattr(getpass, "getpass", read)
        self.patch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))


@pytest.fixture(scope="module")
def carto() -> Iterator[Sandbox]:
    """One for all, as nothing is to reach it."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def world(request: pytest.FixtureRequest, carto: Sandbox) -> World:
    """A CARTO and a resolver that is watched."""
    carto.clear()
    return World(request, carto)


def parts_of(error: BaseException | None, *, frames: bool = True) -> Iterator[str]:
    """Return all that a report of an error could show of it."""
    while error is not None:
        yield from (str(error), repr(error), repr(error.args), repr(vars(error)))
        yield from traceback.format_exception(error)
        for frame, _ in traceback.walk_tb(error.__traceback__ if frames else None):
            if frame.f_code.co_filename.startswith(PACKAGE):
                yield repr(frame.f_locals)
        error = error.__cause__ or error.__context__


def is_in(key: str, texts: list[str]) -> bool:
    """Whether a piece of the key shows, in whichever case."""
    pieces = [key[start : start + 10].lower() for start in range(len(key) - 9)]
    return any(piece in text.lower() for text in texts for piece in pieces)


def check_refused(
    world: World, key: str, act: Callable[[], Any], *, typed_in_cell: bool = False
) -> None:
    """Let something be refused, and see that the key went nowhere."""
    error: BaseException | None = None
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            act()
        except REFUSALS as refused:
            error = refused
    world.said += [*world.get("capsys").readouterr(), *(str(w.message) for w in warned)]
    # IPython's own frames hold the line of a magic.
    texts = [*world.said, *parts_of(error, frames=not typed_in_cell)]
    assert not is_in(key, texts), [text for text in texts if is_in(key, [text])]
    assert not is_in(key, world.looked_up), "it was looked up as a host"
    assert world.carto.count == 0, "something was sent"
    assert error is not None, "it was not refused"
    assert get_default_credentials() is None


# Where a key may be by mistake, beside or in place of another.

# User name, key and address; KEY is the key, and URL the sandbox.
PLACES = {
    "user name": ("KEY", OTHER, None),
    "user name beside an address": ("KEY", OTHER, "URL"),
    "swapped": ("KEY", "jane", None),
    "whole address": ("jane", OTHER, "KEY"),
    "host": ("jane", OTHER, "https://KEY.carto.com"),
    "host without scheme": (None, OTHER, "KEY.carto.com/dashboard"),
    "host of an installation": ("jane", OTHER, "https://KEY.example.com/user/jane"),
    "user in the path": (None, OTHER, "URL/user/KEY"),
    "page of a user": (None, OTHER, "URL/u/KEY/builder"),
    "path": ("jane", OTHER, "URL/KEY/user/jane"),
    "end of the path": ("jane", OTHER, "URL/user/jane/dashboard/KEY"),
    "query": ("jane", OTHER, "URL/user/jane/api/v2/sql?q=1&api_key=KEY"),
    "other query": ("jane", OTHER, "URL/user/jane/dashboard?a=KEY"),
    "password": ("jane", OTHER, "https://jane:KEY@jane.carto.com"),
}


def fields_of(place: str, key: str, url: str) -> dict[str, str | None]:
    names = ("username", "api_key", "base_url")
    values = (v and v.replace("KEY", key).replace("URL", url) for v in PLACES[place])
    return dict(zip(names, values, strict=True))


def by_position(fields: dict[str, Any], world: World) -> None:
    given = (fields["username"], fields["base_url"])
    right = (None, "jane", world.carto.url)
    set_default_credentials(
        next(value for value in given if value not in right), fields["api_key"]
    )


def by_file(fields: dict[str, Any], world: World) -> Any:
    path = world.get("tmp_path") / "x.json"
    path.write_text(json.dumps(fields | {"allow_non_secure": True}))
    path.chmod(0o600)
    return login(file=path)


def by_environment(fields: dict[str, Any], world: World) -> Any:
    for name, value in fields.items():
        if value is not None:
            world.patch.setenv(f"CARTO_{name.upper()}", value)
    return login()


def by_prompt(fields: dict[str, Any], world: World) -> Any:
    world.answer(fields)
    return world.magic("--prompt")


def options(fields: dict[str, Any]) -> list[str]:
    return [
        f"--{name.replace('_', '-')}={fields[name]}"
        for name in ("username", "base_url")
        if fields[name] is not None
    ]


DOORS: dict[str, Callable[[dict[str, Any], World], Any]] = {
    "constructor": lambda fields, _: Credentials(**fields),
    "from_credentials": lambda fields, _: Credentials.from_credentials(
        SimpleNamespace(session=None, allow_non_secure=False, **fields)
    ),
    "set_default": lambda fields, _: set_default_credentials(**fields),
    "set_default by position": by_position,
    "login": lambda fields, _: login(**fields),
    "file": by_file,
    "environment": by_environment,
    "prompt": by_prompt,
    "magic": lambda fields, world: world.magic(" ".join(options(fields))),
    "magic, form": lambda fields, world: world.magic(
        " ".join(["--form", *options(fields)])
    ),
    "command": lambda fields, world: world.command(
        "login", *options(fields), "--key-stdin", typed=fields["api_key"]
    ),
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("door", DOORS)
def test_a_key_in_the_wrong_place_is_refused(
    world: World, door: str, place: str, key: str
) -> None:
    """At every door alike, and before anything is looked up or sent."""
    fields = fields_of(place, key, world.carto.url)
    check_refused(
        world,
        key,
        lambda: DOORS[door](fields, world),
        typed_in_cell=door.startswith("magic"),
    )


# As the name of a saved account.


def profile_of_environment(key: str, world: World) -> Any:
    world.patch.setenv("CARTO_PROFILE", key)
    return login()


def magic(line: str) -> Callable[[str, World], Any]:
    return lambda key, world: world.magic(line.replace("KEY", key))


def command(*words: str) -> Callable[[str, World], None]:
    return lambda key, world: world.command(
        *(word.replace("KEY", key) for word in words), typed=OTHER
    )


LOOKING_UP: dict[str, Callable[[str, World], Any]] = {
    "load": lambda key, _: ProfileStore().load(key),
    "delete": lambda key, _: ProfileStore().delete(key),
    "rename from": lambda key, _: ProfileStore().rename(key, "new"),
    "set_default": lambda key, _: ProfileStore().set_default(key),
    "login": lambda key, _: login(key),
    "environment": profile_of_environment,
    "magic": magic("KEY"),
    "magic in quotes": magic("'KEY'"),
    "magic, forget": magic("--forget KEY"),
    "magic, default": magic("--default KEY"),
    "magic, rename": magic("--rename KEY new"),
    "magic, list": magic("--list KEY"),
    "command, whoami": command("whoami", "KEY"),
    "command, default": command("default", "KEY"),
    "command, forget": command("forget", "KEY"),
    "command, none": command("KEY"),
}
NAMING: dict[str, Callable[[str, World], Any]] = {
    "save": lambda key, _: ProfileStore().save(key, Credentials("bob", OTHER)),
    "rename to": lambda key, _: ProfileStore().rename("work", key),
    "magic, rename": magic("--rename work KEY"),
    "command, login": command(
        *("login", "--username=jane", "--profile=KEY", "--no-validate", "--key-stdin")
    ),
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("act", LOOKING_UP)
def test_an_unknown_name_is_not_repeated(world: World, act: str, key: str) -> None:
    """It could be a key, of either kind."""
    ProfileStore().save("work", Credentials("jane", OTHER))
    in_cell = act.startswith("magic")
    check_refused(
        world, key, lambda: LOOKING_UP[act](key, world), typed_in_cell=in_cell
    )
    assert ProfileStore().names() == ["work"]


@pytest.mark.parametrize("act", NAMING)
def test_a_key_is_no_name(world: World, act: str) -> None:
    """A file of that name would show it in every listing."""
    in_cell = act.startswith("magic")
    ProfileStore().save("work", Credentials("jane", OTHER))
    for key in (KEYS["master"], KEYS["master"].upper()):
        check_refused(
            world, key, lambda key=key: NAMING[act](key, world), typed_in_cell=in_cell
        )
    assert ProfileStore().names() == ["work"]


# In the form.


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("place", ["username", "base_url", "profile", "page"])
def test_a_form_does_not_start_with_a_key(world: World, place: str, key: str) -> None:
    """Neither what it says nor what a saved notebook would keep has it."""
    values = {"page": f"https://{key}.carto.com/dashboard?api_key={key}"}
    name = "base_url" if place == "page" else place
    error = None
    try:
        form = LoginForm(**{name: values.get(place, key)})
    except CartoLoginError as refused:
        error = refused
    else:
        state = json.dumps(ipywidgets.Widget.get_manager_state(), default=repr)
        world.said += [form.message, repr(form), state]
        form.close()
    assert not is_in(key, [*world.said, *parts_of(error)])
    assert not is_in(key, world.looked_up)


# What only resembles a key is none.


@pytest.mark.parametrize(
    "name", ["a-user-name-of-22-sign", "0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUV"]
)
def test_what_is_no_key_is_taken(name: str, tmp_path: Path) -> None:
    """One case only, another length, a part of a path, the name of an account."""
    assert Credentials(name, OTHER).username == name
    assert Credentials("jane", OTHER, f"https://{name}.carto.com").base_url
    path = tmp_path / KEYS["master"] / KEYS["regular"] / "creds.json"
    assert Credentials.from_file(Credentials("jane", OTHER).save(path)).api_key == OTHER
    ProfileStore().save(KEYS["regular"], Credentials("jane", OTHER))
    assert ProfileStore().load(KEYS["regular"]).username == "jane"
