"""What objects show of themselves: printed, copied, serialised, inspected."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import pprint
import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd
from IPython.core.formatters import DisplayFormatter
from IPython.lib.pretty import pretty

from carto_login_widget import LoginForm
from carto_login_widget.bridges.dask_worker import AccountFollower, packed
from carto_login_widget.form import flow
from carto_login_widget.form.plain import PlainForm
from carto_login_widget.server.client import Client
from carto_login_widget.session import login as signin

from .page import Form
from .search import MASTER, REGULAR, texts_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .scene import Scene


def everything(scene: Scene) -> dict[str, Any]:
    """Make one of each object that holds a key, or has to do with one."""
    jane = scene.saved_jane()
    identity = jane._identity
    with Client(identity) as client:
        answer = client.get("api/v3/api_keys?per_page=1", key="header")
        me = client.get("api/v4/do/token", key="query")
    assert answer.object["result"][0]["token"] == "***"
    google = jane.google_credentials()
    google.refresh(None)
    return {
        "credentials": jane,
        "secret": identity.key,
        "identity": identity,
        "record": jane._record,
        "account": jane.validate(),
        "found": signin.Found(jane),
        **_forms(scene, jane),
        "client": client,
        "answers": [answer, me],
        "me": jane.me_data,
        "google": google,
        "carto": _carto_client(jane),
        **_dask(jane),
        "store": scene.store,
        "address": identity.address,
    }


def _forms(scene: Scene, jane: Any) -> dict[str, Any]:
    """Make a form that holds a key, one with a card, and what passes through them."""
    held = Form()
    held.types(scene.carto.base_url("jane"), MASTER, "commit")
    held.settle()
    assert held.state.key == jane._identity.key
    act = flow.Act("submit", held.state.fields, jane._identity.key)
    step = flow.step(held.state, act)
    plain = PlainForm(lambda _act: None)
    plain.key.set_state({"value": MASTER})
    return {
        "form": held,
        "state": held.state,
        "act": act,
        "step": step,
        "check": flow.Order("check", 1, jane._identity),
        "sent": held.sent,
        "card": LoginForm(credentials=jane),
        "plain": plain,
    }


def _dask(jane: Any) -> dict[str, Any]:
    follower = AccountFollower("topic", "name", "client", "process")
    follower.credentials = jane
    return {"dask": follower, "dask answer": packed(jane)}


def _carto_client(jane: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of itself when it is imported
        return jane.get_api_key_auth_client()


def printed(scene: Scene) -> Iterator[str]:
    """`repr`, `str`, `format` and their relatives."""
    things = everything(scene)
    for thing in [*things.values(), things]:
        yield from (repr(thing), str(thing), f"{thing}", f"{thing!a:>60}")
        yield from (pprint.pformat(thing), pretty(thing), "%s %r" % (thing, thing))  # noqa: UP031
    with_spec = format(things["secret"], ">80.20")
    assert "secret" in with_spec
    yield with_spec


def displayed(scene: Scene) -> Iterator[str]:
    """What a notebook shows of the last value of a cell, in every format."""
    formatter = DisplayFormatter()
    formatter.active_types = formatter.format_types
    for thing in everything(scene).values():
        data, metadata = formatter.format(thing)
        yield json.dumps([data, metadata], default=str)
        own = getattr(thing, "_repr_mimebundle_", dict)()
        yield repr(own)


def tabled(scene: Scene) -> Iterator[str]:
    """What a table writes that has them in a column: pandas reads all attributes."""
    things = everything(scene)
    del things["carto"]  # it is theirs, and keeps the key as a text
    for thing in things.values():
        try:
            yield pd.Series([thing], dtype=object).to_json(default_handler=str)
        except (OverflowError, ValueError) as error:
            yield str(error)


def looked_into(scene: Scene) -> Iterator[str | bytes]:
    """`vars`, `__dict__`, slots and state, as debuggers and serialisers find them."""
    things = everything(scene)
    del things["carto"]  # it is theirs, and keeps the key as a text
    for thing in things.values():
        yield from texts_in(thing)
        yield pprint.pformat(getattr(thing, "__dict__", {}))


def as_data(scene: Scene) -> Iterator[str]:
    """JSON and the helpers of dataclasses."""
    things = everything(scene)
    del things["carto"]  # it is theirs, and keeps the key as a text
    fallbacks = (str, repr, vars, lambda thing: getattr(thing, "__dict__", str(thing)))
    for thing in things.values():
        for fallback in fallbacks:
            yield _json(thing, fallback)
        if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
            yield repr(dataclasses.asdict(thing))
            yield repr(dataclasses.astuple(thing))
            yield repr(dataclasses.replace(thing))


def _json(thing: Any, fallback: Any) -> str:
    try:
        return json.dumps(thing, default=fallback)
    except (TypeError, ValueError) as error:
        return repr(error)


def copied(scene: Scene) -> Iterator[str]:
    """Copies and what comes out of a pickle are masked, and still have the key."""
    things = everything(scene)
    for name in (
        "credentials",
        "secret",
        "identity",
        "record",
        "act",
        "google",
        "dask",
    ):
        thing = things[name]
        for twin in (copy.copy(thing), copy.deepcopy(thing), _through_pickle(thing)):
            yield repr(twin)
            yield from texts_in(twin)
    assert _through_pickle(things["credentials"]).api_key == MASTER
    assert copy.deepcopy(things["secret"]).reveal() == MASTER


def _through_pickle(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))  # noqa: S301 - just made


def compared(scene: Scene) -> Iterator[str]:
    """Failed assertions and comparisons, as test runners print them."""
    jane, other = scene.jane(), scene.jane(REGULAR)
    assert jane != other
    yield f"assert {jane!r} == {other!r}"
    yield repr({jane: other})
    yield repr(jane._identity.key == other._identity.key)
    yield str(sorted([jane, other], key=repr))
