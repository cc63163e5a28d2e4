"""A key in the wrong place is refused, repeated nowhere, and sent nowhere."""

from __future__ import annotations

import builtins
import getpass
import io
import json
import socket
import sys
import traceback
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import ipywidgets
import pytest
from IPython.core.error import UsageError

from carto_login_widget import (
    CartoLoginError,
    Credentials,
    LoginForm,
    ProfileStore,
    get_default_credentials,
    login,
    set_default_credentials,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from carto_login_widget.sandbox import Sandbox

OTHER = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00"
KEYS = {
    "master": "0123456789abcdef0123456789abcdef01234567",
    "regular": "aB3_dEf-GhI9jKlMnOpQrS",
}
REFUSALS = (CartoLoginError, UsageError)


class World:
    """What a door needs, and what would have been said and sent through it."""

    def __init__(self, carto: Sandbox, patch: pytest.MonkeyPatch, tmp: Path) -> None:
        self.carto, self.patch, self.tmp = carto, patch, tmp
        self.shell: Any = None
        self.run: Any = None
        self.said: list[str] = []
        self.looked_up: list[str] = []

    def look_up(self, host: object, *rest: Any, **more: Any) -> Any:
        """Take the place of the resolver: only this machine has an address."""
        self.looked_up.append(str(host))
        if host in ("127.0.0.1", "localhost", "::1", None):
            return self.resolver(host, *rest, **more)
        raise socket.gaierror(socket.EAI_NONAME, "no such host")

    def answer(self, fields: dict[str, Any]) -> None:
        """Answer each question of a prompt once, and then go away."""
        answers = {
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


@pytest.fixture
def world(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[World]:
    """A CARTO, a resolver that is watched, and the variables that may be set."""
    made = World(carto, monkeypatch, tmp_path)
    made.resolver = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", made.look_up)
    yield made


def parts_of(error: BaseException | None) -> Iterator[str]:
    """Return all that a report of an error could show of it."""
    while error is not None:
        yield from (str(error), repr(error), repr(error.args), repr(vars(error)))
        yield from traceback.format_exception(error)
        frame = error.__traceback__
        while frame is not None:
            if "carto_login_widget" in frame.tb_frame.f_code.co_filename:
                yield repr(frame.tb_frame.f_locals)
            frame = frame.tb_next
        error = error.__cause__ or error.__context__


def is_in(key: str, texts: list[str]) -> bool:
    """Whether a piece of the key shows, in whichever case."""
    pieces = [key[start : start + 10].lower() for start in range(len(key) - 9)]
    return any(piece in text.lower() for text in texts for piece in pieces)


def check_refused(world: World, key: str, act: Callable[[], Any]) -> None:
    """Let something be refused, and see that the key went nowhere."""
    error: BaseException | None = None
    with pytest.warns() as warned:
        warned_of = warned
        try:
            act()
        except REFUSALS as refused:
            error = refused
        import warnings

        warnings.warn("one", stacklevel=1)
    texts = [*parts_of(error), *world.said, *(str(w.message) for w in warned_of)]
    assert not is_in(key, texts), [text for text in texts if is_in(key, [text])]
    assert not is_in(key, world.looked_up), "it was looked up as a host"
    assert not is_in(key, [record.path for record in world.carto.requests])
    assert world.carto.count == 0, "something was sent"
    assert error is not None, "it was not refused"
    assert get_default_credentials() is None


# Where a key may be by mistake, beside or in place of another.

PLACES: dict[str, Callable[[str, Sandbox], tuple[str | None, str, str | None]]] = {
    "user name": lambda key, _: (key, OTHER, None),
    "user name beside an address": lambda key, carto: (key, OTHER, carto.url),
    "swapped": lambda key, _: (key, "jane", None),
    "swapped beside an address": lambda key, carto: (key, "jane", carto.url),
    "whole address": lambda key, _: ("jane", OTHER, key),
    "host": lambda key, _: ("jane", OTHER, f"https://{key}.carto.com"),
    "host without scheme": lambda key, _: (None, OTHER, f"{key}.carto.com/dashboard"),
    "host of an installation": lambda key, _: (
        "jane",
        OTHER,
        f"https://{key}.maps.example.com/user/jane",
    ),
    "user in the path": lambda key, carto: (None, OTHER, carto.base_url(key)),
    "page of a user": lambda key, carto: (None, OTHER, f"{carto.url}/u/{key}/builder"),
    "path": lambda key, carto: ("jane", OTHER, f"{carto.url}/{key}/user/jane"),
    "end of the path": lambda key, carto: (
        "jane",
        OTHER,
        f"{carto.base_url('jane')}/dashboard/{key}",
    ),
    "query": lambda key, carto: (
        "jane",
        OTHER,
        f"{carto.base_url('jane')}/api/v2/sql?q=1&api_key={key}",
    ),
    "other query": lambda key, carto: (
        "jane",
        OTHER,
        f"{carto.base_url('jane')}/dashboard?a={key}",
    ),
    "password": lambda key, carto: (
        "jane",
        OTHER,
        carto.base_url("jane").replace("//", f"//jane:{key}@"),
    ),
}


def by_file(fields: dict[str, Any], world: World) -> Any:
    path = world.tmp / "x.json"
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
    world.patch.setattr(builtins, "print", lambda *a, **_: world.said.extend(map(str, a)))
    return world.shell.run_line_magic("carto_login", "--prompt")


def options(fields: dict[str, Any]) -> list[str]:
    return [
        f"--{name.replace('_', '-')}={fields[name]}"
        for name in ("username", "base_url")
        if fields[name] is not None
    ]


def by_magic(fields: dict[str, Any], world: World) -> Any:
    line = " ".join(options(fields))
    return world.shell.run_line_magic("carto_login", line)


def by_command(fields: dict[str, Any], world: World) -> None:
    words = ("login", *options(fields), "--key-stdin")
    status, printed = world.run(*words, typed=fields["api_key"])
    world.said.append(printed)
    if status:
        raise CartoLoginError("refused")


DOORS: dict[str, Callable[[dict[str, Any], World], Any]] = {
    "constructor": lambda fields, _: Credentials(**fields),
    "from_credentials": lambda fields, _: Credentials.from_credentials(
        SimpleNamespace(session=None, allow_non_secure=False, **fields)
    ),
    "set_default": lambda fields, _: set_default_credentials(**fields),
    "set_default by position": lambda fields, _: set_default_credentials(
        fields["base_url"] or fields["username"], fields["api_key"]
    ),
    "login": lambda fields, _: login(**fields),
    "file": by_file,
    "environment": by_environment,
    "prompt": by_prompt,
    "magic": by_magic,
    "command": by_command,
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("door", DOORS)
def test_a_key_in_the_wrong_place_is_refused(  # noqa: PLR0913 - what the doors need
    world: World, shell: InteractiveShell, carto_login: Any, door: str, place: str, key: str
) -> None:
    """At every door alike, and before anything is looked up or sent."""
    world.shell, world.run = shell, carto_login
    names = ("username", "api_key", "base_url")
    fields = dict(zip(names, PLACES[place](key, world.carto), strict=True))
    check_refused(world, key, lambda: DOORS[door](fields, world))


# As the name of a saved account.


def profile_of_environment(key: str, world: World) -> Any:
    world.patch.setenv("CARTO_PROFILE", key)
    return login()


def command(*words: str, typed: str = "") -> Callable[[str, World], None]:
    def run(key: str, world: World) -> None:
        given = [word.replace("KEY", key) for word in words]
        status, printed = world.run(*given, typed=typed)
        world.said.append(printed)
        if status:
            raise CartoLoginError("refused")

    return run


def magic(line: str) -> Callable[[str, World], Any]:
    return lambda key, world: world.shell.run_line_magic(
        "carto_login", line.replace("KEY", key)
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
        *("login", "--username=jane", "--profile=KEY", "--no-validate", "--key-stdin"),
        typed=OTHER,
    ),
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("act", LOOKING_UP)
def test_an_unknown_name_is_not_repeated(
    world: World, shell: InteractiveShell, carto_login: Any, act: str, key: str
) -> None:
    """It could be a key, of either kind; what was meant is not guessed."""
    world.shell, world.run = shell, carto_login
    ProfileStore().save("work", Credentials("jane", OTHER))
    check_refused(world, key, lambda: LOOKING_UP[act](key, world))
    assert ProfileStore().names() == ["work"]


@pytest.mark.parametrize("act", NAMING)
def test_a_key_is_no_name(
    world: World, shell: InteractiveShell, carto_login: Any, act: str
) -> None:
    """A file of that name would show it in every listing."""
    world.shell, world.run = shell, carto_login
    ProfileStore().save("work", Credentials("jane", OTHER))
    for key in (KEYS["master"], KEYS["master"].upper()):
        world.said.clear()
        check_refused(world, key, lambda key=key: NAMING[act](key, world))
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
