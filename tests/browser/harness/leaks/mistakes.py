"""Errors that come before any request: mistakes in calls, files, lines and commands."""

from __future__ import annotations

import os
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from carto_login_widget import (
    Credentials,
    LoginForm,
    cli,
    login,
    magic,
    set_default_credentials,
    unset_default_credentials,
)
from carto_login_widget.form import view

from .page import Form
from .scene import files_below
from .search import MASTER, REGULAR, frames_of, texts_of_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .scene import Scene

# Arguments that cannot be right, with the key among them.
WRONG: dict[str, dict[str, Any]] = {
    "bytes": {"username": "jane", "api_key": MASTER.encode()},
    "a list": {"username": "jane", "api_key": [MASTER]},
    "a dict": {"username": "jane", "api_key": {"api_key": MASTER}},
    "a blank in it": {"username": "jane", "api_key": f"{MASTER} {REGULAR}"},
    "a line break in it": {"username": "jane", "api_key": f"{MASTER}\n{REGULAR}"},
    "another accent": {"username": "jane", "api_key": f"{MASTER}é"},
    "a colon": {"username": "jane", "api_key": f"jane:{MASTER}"},
    "another platform": {"username": "jane", "api_key": f"eyJ{MASTER}"},
    "no user": {"username": "", "api_key": MASTER},
    "a number for a user": {"username": 5, "api_key": MASTER},
    "a user that is none": {"username": "ja ne", "api_key": MASTER},
    "an e-mail address": {"username": "jane@example.com", "api_key": MASTER},
    "an address of a user": {
        "username": f"https://jane.carto.com/?api_key={MASTER}",
        "api_key": MASTER,
    },
    "plain http": {"base_url": "http://maps.example.com", "api_key": MASTER},
    "a key in the address": {
        "base_url": f"https://jane.carto.com/api/v2/sql?api_key={REGULAR}",
        "api_key": MASTER,
    },
    "a password in the address": {
        "base_url": f"https://jane:{REGULAR}@maps.example.com",
        "api_key": MASTER,
    },
    "no address": {"base_url": "https://", "api_key": MASTER},
    "a number for an address": {"base_url": 5, "api_key": MASTER},
}


def _texts(call: Callable[[], Any]) -> Iterator[str | bytes]:
    """Yield what the exception of a call tells; there has to be one."""
    error = _raised_by(call)
    assert error is not None
    assert frames_of(error)
    yield from texts_of_error(error)


def _raised_by(call: Callable[[], Any]) -> BaseException | None:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is looked at
        return error
    return None


def arguments(_scene: Scene) -> Iterator[str | bytes]:
    """Wrong arguments of `Credentials`, `login` and `set_default_credentials`."""
    for wrong in WRONG.values():
        for call in (Credentials, login, set_default_credentials):
            yield from _texts(lambda call=call, wrong=wrong: call(**wrong))
    for call in (
        lambda: login(username="jane", api_key=MASTER, typo=True),
        lambda: Credentials("jane", MASTER, typo=True),
        lambda: set_default_credentials("jane", MASTER, typo=True),
        lambda: set_default_credentials("jane", MASTER, api_key=MASTER),
        lambda: login(api_key=MASTER, file="creds.json"),
        lambda: set_default_credentials(api_key=MASTER),
        lambda: set_default_credentials(("jane", MASTER)),
        lambda: set_default_credentials("jane", MASTER, filepath="creds.json"),
        lambda: set_default_credentials("jane", MASTER.encode()),
        lambda: set_default_credentials({"username": "jane", "api_key": MASTER}),
        lambda: Credentials.from_credentials({"username": "jane", "api_key": MASTER}),
    ):
        yield from _texts(call)


def key_as_a_name(scene: Scene) -> Iterator[str | bytes]:
    """The key where the name of a saved account belongs."""
    scene.saved_jane()
    unset_default_credentials()
    for key in (MASTER, REGULAR, "5f" * 20):
        yield from _texts(lambda key=key: login(key))
    for command in ("default", "whoami", "forget"):
        assert cli.main([command, REGULAR]) in (1, 2)
    yield scene.output()


def foreign_credentials(_scene: Scene) -> Iterator[str | bytes]:
    """Credentials of another library, which cannot be taken over."""
    theirs = SimpleNamespace(
        username="ja ne",
        api_key=MASTER,
        base_url=None,
        session=None,
        allow_non_secure=False,
    )
    yield from _texts(lambda: Credentials.from_credentials(theirs))
    yield from _texts(lambda: set_default_credentials(theirs))
    yield from _texts(lambda: login(credentials=theirs))


CONTENTS = {
    "half of it": '{{"username": "jane", "api_key": "{key}',
    "a list": '["{key}"]',
    "a text": '"{key}"',
    "other JSON": '{{"username": ["{key}"], "api_key": "{key}"}}',
    "key in a list": '{{"username": "jane", "api_key": ["{key}"]}}',
    "no user": '{{"api_key": "{key}"}}',
    "a bad key": '{{"username": "jane", "api_key": "{key} {key}"}}',
    "a bad address": '{{"api_key": "{key}", "base_url": "http://x.example?k={key}"}}',
    "too deep": '{{"a": "{key}", "b": ' + "[" * 100_000,
    "no UTF-8": '{{"username": "jane", "api_key": "{key}"}}\udcff',
}


def broken_files(scene: Scene) -> Iterator[str | bytes]:
    """Files that cannot be used, by every way to read one."""
    path = scene.store.default_path
    scene.store.save("broken", scene.jane(), default=True)
    saved = path.with_name("profiles") / "broken.json"
    for content in CONTENTS.values():
        text = content.format(key=MASTER).encode("utf-8", "surrogateescape")
        path.write_bytes(text)
        saved.write_bytes(text)
        unset_default_credentials()
        for call in (
            Credentials.from_file,
            lambda: Credentials.from_file(saved),
            lambda: set_default_credentials(str(path)),
            set_default_credentials,
            login,
            lambda: login("broken"),
            lambda: login(file=path),
            lambda: scene.store.load("broken"),
            lambda: scene.store.set_default("broken"),
            lambda: scene.store.rename("broken", "other"),
        ):
            yield from _texts(call)
        form = LoginForm(profile="broken")
        yield form.message + repr([form.get_state(), view.snapshot(form.state)])
        assert cli.main(["whoami", "broken"]) == 1
    yield scene.output()


def unwritable(scene: Scene) -> Iterator[str | bytes]:
    """A store that cannot be written: a file where a directory should be."""
    jane = scene.saved_jane()
    target = scene.scratch / "directory.json"
    target.mkdir()
    taken = scene.store.default_path.with_name("profiles") / "taken.json"
    taken.mkdir()
    for call in (
        lambda: jane.save(target),
        lambda: jane.save("/proc/self/nowhere/creds.json"),
        lambda: jane.save("creds\0.json"),
        lambda: scene.store.save("taken", jane),
        lambda: scene.store.save("jane", jane, overwrite=False),
        lambda: scene.store.rename("jane", "taken"),
        lambda: Credentials.delete(target),
    ):
        yield from _texts(call)


def environment(scene: Scene) -> Iterator[str | bytes]:
    """Variables that cannot be right."""
    for wrong in WRONG.values():
        values = {"username": "", "base_url": "", **wrong}
        if not all(isinstance(value, str) for value in values.values()):
            continue
        os.environ |= {f"CARTO_{n.upper()}": value for n, value in values.items()}
        error = _raised_by(login)
        assert error is not None
        yield from texts_of_error(error)
        assert cli.main(["whoami"]) == 1
    yield scene.output()


LINES = (
    "--key {key}",
    "--api-key={key}",
    "--token '{key}'",
    "{key}",
    "jane {key}",
    "--nonsense {key}",
    "--password={key} --form",
    "--form --usrname jane {key}",
)


def magic_lines(scene: Scene) -> Iterator[str | bytes]:
    """A key that is given to `%carto_login` all the same."""
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    magic.load_ipython_extension(shell)
    scene.saved_jane()
    for line in LINES:
        for key in (REGULAR, "5f" * 20 + REGULAR):
            text = line.format(key=key)
            call = shell.magics_manager.magics["line"]["carto_login"]
            error = _raised_by(lambda call=call, text=text: call(text))
            assert error is not None
            # The line itself is what IPython handed over; it is in the cell too.
            yield from (str(error), repr(error.args), repr(vars(error)))
            assert error.__context__ is None or REGULAR not in str(error.__context__)
    magic.unload_ipython_extension(shell)
    yield scene.output()


def commands(scene: Scene) -> Iterator[str | bytes]:
    """A key that is given to `carto-login` all the same."""
    for words in (
        ["login", "--key", MASTER],
        ["login", f"--key={MASTER}"],
        ["login", "--api-key", MASTER],
        ["login", MASTER],
        ["login", "--key-stdin", MASTER],
        ["list", MASTER],
        [MASTER],
        ["sandbox", "--port", MASTER],
    ):
        assert cli.main(words) == 2
        yield (said := scene.output())
        assert "carto-login" in said


def form_mistakes(scene: Scene) -> Iterator[str | bytes]:
    """What the form says of keys that cannot be right, or stand in a wrong field."""
    good = {"custom": True, "base_url": scene.carto.base_url("jane")}
    address = f"{good['base_url']}?api_key={REGULAR}"
    typed = [({}, f"{wrong}{MASTER}") for wrong in ("bad key", "eyJ0", "a:b", "é")]
    typed += [({"username": REGULAR}, ""), ({"username": f'"{REGULAR}",'}, "")]
    typed += [({"base_url": address}, ""), ({"name": "5f" * 20}, MASTER)]
    for fields, key in typed:
        for act in ("commit", "submit", "rename", "nonsense"):
            form = Form()
            form.does("ready")
            form.does(act, key, **{**good, "username": "jane", **fields})
            form.settle()
            if act == "submit":
                assert "key" in form.message or "CARTO" in form.message
            yield form.message
            yield repr([form.sent, form.get_state(), form.state, str(form)])
            form.close()


def corrupt_copies(scene: Scene) -> Iterator[str | bytes]:
    """A broken file is kept for its owner only, and none else is left there."""
    path = scene.store.default_path
    path.parent.mkdir(0o700, parents=True)
    path.write_text(f'{{"api_key": "{MASTER}"')
    path.chmod(0o644)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scene.store.save("jane", scene.jane(), default=True)
    yield "".join(map(str, caught))
    names = {p.relative_to(path.parent).as_posix() for p, _ in files_below(path.parent)}
    files = {"creds.json", "creds.json.corrupt-1", "profiles/jane.json"}
    assert names == {*files, ".carto-login.lock"}
    yield repr(names)
