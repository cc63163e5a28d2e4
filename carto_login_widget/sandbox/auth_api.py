"""The Auth API, `/api/v3/api_keys`: listing, showing and managing API keys.

The order of the checks is the order of CARTO's filters, and part of the contract:
see CartoDB/cartodb app/controllers/carto/api/api_keys_controller.rb.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from . import rails
from .messages import Answer, empty_answer
from .paging import BadParameterError, Paging, page_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .accounts import Key, SandboxAccount

_LISTED = ("master", "default", "regular")


def index(call: rails.Call) -> Answer:
    """List the keys that the caller may see."""
    refused = _gate(call)
    if refused:
        return refused
    try:
        paging = Paging.of(call.request.params)
    except BadParameterError as error:
        return rails.failure(400, str(error))
    owner = _owner(call)
    if isinstance(owner, Answer):
        return owner
    try:
        wanted = paging.types(call.request.params, call.install.at_least("4.27"))
    except BadParameterError as error:
        return rails.failure(400, str(error))
    seen = [key for key in _visible(call, owner) if key.type in wanted]
    ordered = sorted(seen, key=_order(call, paging.order))
    listed = [
        {**presented(owner, key), "_links": {"self": _self_link(call, key)}}
        for key in paging.cut(ordered)
    ]
    return call.jsonp(
        200, page_of(paging, len(seen), listed, lambda **p: _page_link(call, **p))
    )


def show(call: rails.Call, name: str) -> Answer:
    """Show one key."""
    return _gate(call) or _with_key(call, name, _unchanged)


def create(call: rails.Call) -> Answer:
    """Make a regular key."""
    refused = _gate(call, master=True)
    if refused:
        return refused
    account = _existing(call)
    name = str(call.request.params.get("name") or "")
    granted = call.request.params.get("grants")
    if not name or name in account.keys:
        return rails.failure(422, "Validation failed: Name has already been taken")
    if not isinstance(granted, list) or not _one_apis_grant(granted):
        return rails.failure(
            422, "Validation failed: Grants only one apis section is allowed"
        )
    key = account.add_key(name, _completed(account, granted))
    return call.jsonp(201, presented(account, key))


def destroy(call: rails.Call, name: str) -> Answer:
    """Delete a regular key."""
    return _gate(call, master=True) or _with_key(call, name, _deleted)


def regenerate(call: rails.Call, name: str) -> Answer:
    """Give a key a new token; the old one is worth nothing from now on."""
    return _gate(call, master=True) or _with_key(call, name, _renewed)


def presented(account: SandboxAccount, key: Key) -> dict[str, Any]:
    """One key as CARTO shows it, token in clear."""
    return {
        "name": key.name,
        "user": {"username": account.username},
        "type": key.type,
        "token": key.token,
        "grants": key.grants,
        "created_at": _ruby_date(key.created_at),
        "updated_at": _ruby_date(key.updated_at),
    }


def _gate(call: rails.Call, *, master: bool = False) -> Answer | None:
    """Maintenance, lock, https, key, engine: in this order."""
    account = call.account
    if account and not call.session and (account.maintenance or account.locked):
        return empty_answer(404)
    redirected = rails.to_https(call)
    if redirected:
        return redirected
    enough = call.key and (call.key.type == "master" or not master)
    if not (call.session or enough):
        return rails.unauthenticated(call)
    return None if account and account.engine else empty_answer(404)


def _existing(call: rails.Call) -> SandboxAccount:
    if call.account is None:  # the gate lets nobody without an account pass
        raise LookupError(call.user)
    return call.account


def _owner(call: rails.Call) -> SandboxAccount | Answer:
    """The account whose keys are meant, or the refusal of `target_user`."""
    account = _existing(call)
    target = call.request.params.get("target_user")
    if not target:
        return account
    if not account.org_admin:
        return rails.failure(403, rails.FORBIDDEN)
    colleague = call.install.accounts.get(str(target))
    if colleague is None or colleague.organization != account.organization:
        return rails.failure(
            404,
            f"User '{target}' not found in the organization '{account.organization}'",
        )
    return colleague


def _sees_everything(call: rails.Call) -> bool:
    return call.session or bool(call.key and call.key.type == "master")


def _visible(call: rails.Call, owner: SandboxAccount) -> list[Key]:
    listed = [key for key in owner.keys.values() if key.type in _LISTED]
    if _sees_everything(call):
        return listed
    return [key for key in listed if key is call.key]


def _with_key(
    call: rails.Call, name: str, act: Callable[[SandboxAccount, Key], bool]
) -> Answer:
    owner = _owner(call)
    if isinstance(owner, Answer):
        return owner
    key = next((key for key in _visible(call, owner) if key.name == name), None)
    if key is None:
        return rails.failure(404, f"API key not found: {name}")
    if not act(owner, key):
        return rails.failure(403, rails.FORBIDDEN)
    return call.jsonp(200, presented(owner, key))


def _unchanged(_account: SandboxAccount, _key: Key) -> bool:
    return True


def _deleted(account: SandboxAccount, key: Key) -> bool:
    if key.type != "regular":
        return False
    del account.keys[key.name]
    return True


def _renewed(account: SandboxAccount, key: Key) -> bool:
    if key.type == "default":
        return False
    is_master = key.type == "master"
    key.token = account.hex_token() if is_master else account.short_token()
    key.updated_at = datetime.now(UTC)
    return True


def _order(call: rails.Call, order: str) -> Callable[[Key], tuple[int, Any]]:
    by_type = call.install.at_least("4.20.2")
    return lambda key: (
        _LISTED.index(key.type) if by_type else 0,
        getattr(key, order if by_type else "updated_at"),
    )


def _one_apis_grant(granted: list[Any]) -> bool:
    kinds = [grant.get("type") for grant in granted if isinstance(grant, dict)]
    return kinds.count("apis") == 1 and len(kinds) == len(granted)


def _completed(account: SandboxAccount, granted: list[Any]) -> list[dict[str, Any]]:
    """The grants as they are listed later: APIs, then database, then the rest."""
    by_type = {grant.get("type"): dict(grant) for grant in granted}
    database = by_type.setdefault("database", {"type": "database"})
    tables = database.get("tables") or []
    database["tables"] = [{**table, "owner": account.username} for table in tables]
    database.setdefault("schemas", [])
    order = ("apis", "database", "dataservices", "data-observatory")
    return [by_type[kind] for kind in order if kind in by_type]


def _ruby_date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def _collection_link(call: rails.Call) -> str:
    """Where CARTO believes its list is; with a user in the path it is wrong."""
    user = call.path_user
    path = f"/user/{user}/u/{user}" if user else ""
    return f"{call.origin(call.user)}{path}/api/v3/api_keys"


def _self_link(call: rails.Call, key: Key) -> str:
    return f"{_collection_link(call)}/{rails.escaped(key.name)}"


def _page_link(call: rails.Call, **page: Any) -> str:
    """A page's address; it repeats every parameter, the key included."""
    asked = {**call.request.params, **page}
    asked.pop("user_domain", None)
    return f"{_collection_link(call)}?{rails.to_query(asked)}"
