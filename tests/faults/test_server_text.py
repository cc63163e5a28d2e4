"""No text of a server reaches a person with what a terminal would obey."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import ipywidgets
import pytest

from carto_login_widget import (
    Account,
    CartoLoginError,
    Credentials,
    LoginForm,
    ProfileStore,
    login,
)
from carto_login_widget.sandbox import Fault, grants, table_grant

from .conftest import account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from IPython.core.interactiveshell import InteractiveShell

    from carto_login_widget.sandbox import Sandbox

# A colour, a title, a bell, a C1 introducer, a carriage return, a line of its own, a
# reversed direction, an invisible character.
EVIL = "ev\x1b[31mil\x1b]0;t\x07\x9b2J\rA\nForged: line\u202e\u200b<b>x</b>\x00end"


def is_clean(text: str) -> bool:
    """Whether every character can be seen; only what prints may have lines."""
    return all(c.isprintable() or c == "\n" for c in text) and "\nForged" not in text


def texts_in(value: Any) -> Iterator[str]:
    """Return all texts of an account."""
    if isinstance(value, str):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from texts_in(getattr(value, field.name))
    elif isinstance(value, (tuple, list, set, frozenset)):
        for item in value:
            yield from texts_in(item)


# Accounts in which one field is the server's own.


def with_key(carto: Sandbox, granted: Any = None, name: str = "reader") -> Credentials:
    key = carto.accounts["jane"].add_key(name, granted)
    return account(carto, key=key.token)


def with_database(carto: Sandbox, **changes: Any) -> Credentials:
    table = table_grant("jane", "t") | changes
    return with_key(carto, grants(tables=[table]))


def with_organization(carto: Sandbox) -> Credentials:
    carto.accounts["bob"].organization = EVIL
    carto.accounts["bob"].engine = False
    return account(carto, "bob")


def with_type(carto: Sandbox) -> Credentials:
    key = carto.accounts["jane"].add_key("reader", type=EVIL)
    return account(carto, key=key.token)


FIELDS: dict[str, Callable[[Sandbox], Credentials]] = {
    "key name": lambda carto: with_key(carto, name=EVIL),
    "key type": with_type,
    "api": lambda carto: with_key(carto, grants(["sql", EVIL])),
    "service": lambda carto: with_key(carto, grants(services=[EVIL])),
    "dataset": lambda carto: with_key(carto, grants(datasets=[EVIL])),
    "table": lambda carto: with_database(carto, name=EVIL),
    "schema of a table": lambda carto: with_database(carto, schema=EVIL),
    "owner of a table": lambda carto: with_database(carto, owner=EVIL),
    "permission on a table": lambda carto: with_database(carto, permissions=[EVIL]),
    "schema": lambda carto: with_key(
        carto, grants(schemas=[{"name": EVIL, "permissions": ["create"]}])
    ),
    "permission on a schema": lambda carto: with_key(
        carto, grants(schemas=[{"name": "jane", "permissions": [EVIL]}])
    ),
    "organization": with_organization,
}


@pytest.mark.parametrize("field", FIELDS)
def test_an_account_shows_no_control_character(carto: Sandbox, field: str) -> None:
    """In its fields, its summary and its repr, whichever field it was."""
    learned = FIELDS[field](carto).validate()
    assert isinstance(learned, Account)
    shown = [learned.summary, str(learned), repr(learned), *texts_in(learned)]
    assert [text for text in shown if not is_clean(text) or "\n" in text] == []


@pytest.mark.parametrize("field", FIELDS)
def test_nothing_that_is_printed_has_one(
    carto: Sandbox,
    shell: InteractiveShell,
    capsys: pytest.CaptureFixture[str],
    carto_login: Callable[..., tuple[int, str]],
    field: str,
) -> None:
    """By the magic and by the command line."""
    ProfileStore().save("work", FIELDS[field](carto), default=True)
    capsys.readouterr()
    shell.run_line_magic("carto_login", "")
    shell.run_line_magic("carto_login", "--whoami")
    shell.run_line_magic("carto_login", "--list")
    shown = [*capsys.readouterr()]
    commands = (["whoami"], ["whoami", "work"], ["list"])
    shown += [carto_login(*words)[1] for words in commands]
    assert "127.0.0.1" in "".join(shown)
    assert [text for text in shown if not is_clean(text)] == []


@pytest.mark.parametrize("field", FIELDS)
def test_a_form_has_none(carto: Sandbox, field: str) -> None:
    """Neither in what it says to programs nor in its text, nor as HTML."""
    ipywidgets.Widget.close_all()
    form = LoginForm(credentials=login(credentials=FIELDS[field](carto)))
    shown = [form.message, repr(form)]
    state = json.dumps(ipywidgets.Widget.get_manager_state(), default=repr)
    form.close()
    assert [text for text in shown if not is_clean(text)] == []
    assert "<b>" not in state
    assert "\\u001b" not in state


# Errors.


def listed(carto: Sandbox, **changes: Any) -> Fault:
    """Return a listing of keys in which something is the server's own."""
    key = {"name": "Master", "type": "master", "grants": [], "user": {}}
    key |= {"token": carto.accounts["jane"].master.token} | changes
    return Fault.json(200, {"total": 1, "count": 1, "result": [key]})


def raw(head: str) -> Fault:
    return Fault.raw(f"HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n".encode("latin-1"))


KEYS, ME, TOKEN = "/api/v3/api_keys", "/api/v3/me", "/api/v4/do/token"
COLOUR = "\x1b[31m"
ANSWERS: dict[str, tuple[Callable[[Sandbox], Fault], str]] = {
    "forbidden": (lambda _: Fault.json(403, {"error": EVIL}), KEYS),
    "forbidden, list": (lambda _: Fault.json(403, {"errors": [EVIL]}), KEYS),
    "forbidden, object": (lambda _: Fault.json(403, {"errors": {EVIL: [EVIL]}}), KEYS),
    "not understood": (lambda _: Fault.json(400, {"errors": EVIL}), KEYS),
    "server error": (lambda _: Fault.json(500, {"errors": [EVIL]}), KEYS),
    "other user": (lambda c: listed(c, user={"username": EVIL}), KEYS),
    "other user, other key": (
        lambda c: listed(c, user={"username": EVIL}, token="x", name=EVIL),
        KEYS,
    ),
    "reason phrase": (lambda _: raw(f"502 {COLOUR}Bad"), KEYS),
    "redirect": (
        lambda _: raw(f"302 Found\r\nLocation: https://a{COLOUR}.example.com/"),
        KEYS,
    ),
    "redirect with a path": (
        lambda _: raw(f"302 Found\r\nLocation: https://a.example.com/{COLOUR}/user/x"),
        KEYS,
    ),
    "wait": (lambda _: raw(f"429 Busy\r\nRetry-After: {COLOUR}5"), KEYS),
    "template": (
        lambda _: Fault.json(
            200,
            {
                "config": {
                    "sql_api_template": f"https://maps.example.com/{COLOUR}/user/{{user}}",
                    "maps_api_template": EVIL,
                }
            },
        ),
        ME,
    ),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_no_error_has_one(
    carto: Sandbox,
    shell: InteractiveShell,
    carto_login: Callable[..., tuple[int, str]],
    answer: str,
) -> None:
    """Its text is one line of what can be seen, and so is what it suggests."""
    make, path = ANSWERS[answer]
    credentials = account(carto)
    credentials.save()
    if path == ME:
        # Where the key is refused and the user not known, CARTO says where they are.
        carto.fail(Fault.json(401, {"errors": "x"}), KEYS)
        carto.fail(Fault.json(404, {}), "/api/v2/sql")
    carto.fail(make(carto), path)
    with pytest.raises(CartoLoginError) as told:
        credentials.validate()
    with pytest.raises(CartoLoginError) as by_magic:
        shell.run_line_magic("carto_login", "")
    _, printed = carto_login("whoami")
    assert is_clean(printed)
    for error in (told.value, by_magic.value):
        shown = [str(error), *map(str, error.args), *texts_in([*vars(error).values()])]
        assert [text for text in shown if not is_clean(text) or "\n" in text] == []


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 500, 503])
@pytest.mark.parametrize("said", [EVIL, [EVIL, EVIL], {"a": EVIL}], ids=type)
def test_no_error_about_a_token_has_one(carto: Sandbox, status: int, said: Any) -> None:
    """What the Data Observatory says is a server's text as well."""
    carto.fail(Fault.json(status, {"errors": said, "error": said}), TOKEN)
    with pytest.raises(CartoLoginError) as told:
        account(carto).get_gcloud_credentials()
    assert is_clean(str(told.value))
    assert "\n" not in str(told.value)
