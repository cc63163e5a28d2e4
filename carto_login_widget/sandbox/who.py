"""The routes that tell who somebody is: `/api/v3/me` and `/api/v4/me`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import rails
from .messages import Answer, empty_answer, json_answer

if TYPE_CHECKING:
    from .accounts import SandboxAccount

_ANYBODY = ("Access-Control-Allow-Origin", "*")


def me_v3(call: rails.Call) -> Answer:
    """Tell everybody about the server, and only a master key about its user."""
    account = call.account
    if account and account.maintenance and not call.session:
        return empty_answer(404)
    redirected = rails.to_https(call)
    if redirected:
        return redirected
    content: dict[str, Any] = {
        "user_frontend_version": "1.0.0-sandbox",
        "config": _config(call),
    }
    if account and (call.session or (call.key and call.key.type == "master")):
        content |= {
            "user_data": _user_data(call, account),
            "dashboard_notifications": {},
            "organization_notifications": [],
            "plan_name": "SANDBOX",
            "can_change_email": True,
            "can_change_password": True,
            "can_be_deleted": True,
            "mfa_required": False,
            "google_sign_in": False,
            "services": [],
        }
    return call.jsonp(200, content)


def me_v4(call: rails.Call) -> Answer:
    """Tell any key about its user; see `public_gate` for the refusals."""
    refused = public_gate(call)
    if refused or call.account is None or call.key is None:
        return (refused or rails.unauthenticated(call)).with_headers(_ANYBODY)
    account = call.account
    organization: dict[str, Any] | None = None
    if account.organization:
        organization = {"name": account.organization}
    content: dict[str, Any] = {
        "username": account.username,
        "organization": organization,
        "api_endpoints": _endpoints(call, account),
    }
    if call.key.profile:
        content |= _profile(account)
        content["api_endpoints"]["maps_api_v2_template"] = _template(call)
        if organization:
            organization["owner"] = {"username": _owner(call, account)}
    return json_answer(200, content).with_headers(_ANYBODY)


def public_gate(call: rails.Call) -> Answer | None:
    """Key first, then address, state and https: the opposite of version 3."""
    account = call.account
    if account is None or call.key is None:
        return rails.unauthenticated(call)
    if call.path_user and call.subdomains:
        organization = call.install.subdomain(call.host)
        if not account.organization or organization != account.organization:
            return empty_answer(404)
    for applies, word in (
        (account.maintenance, "maintenance_mode"),
        (account.locked, "lockout"),
        (account.unverified, "unverified"),
    ):
        if applies:
            return json_answer(403, {"error": word})
    if not account.activated:
        return empty_answer(403)
    return rails.to_https(call)


def base_url(call: rails.Call, account: SandboxAccount) -> str:
    """The address that CARTO itself would show for an account."""
    if not call.subdomains:
        return f"{call.origin('')}/user/{account.username}"
    if account.organization:
        return f"{call.origin(account.organization)}/u/{account.username}"
    return call.origin(account.username)


def _template(call: rails.Call) -> str:
    """Where the SQL and Maps APIs are, with a hole for the user."""
    origin = call.origin("{user}", explicit_port=True)
    return origin if call.subdomains else f"{origin}/user/{{user}}"


def _endpoints(call: rails.Call, account: SandboxAccount) -> dict[str, str]:
    data = _template(call).replace("{user}", account.username)
    own = base_url(call, account)
    return {"sql": data, "maps": data, "import": own, "auth": own, "builder": own}


def _profile(account: SandboxAccount) -> dict[str, Any]:
    return {
        "first_name": account.first_name,
        "last_name": account.last_name,
        "avatar_url": _avatar(account),
        "groups": [],
        "region": None,
    }


def _config(call: rails.Call) -> dict[str, Any]:
    cloud = call.subdomains and call.install.session_domain == ".carto.com"
    return {
        "user_name": call.user or None,
        "sql_api_template": _template(call),
        "maps_api_template": _template(call),
        "account_host": call.install.session_domain.lstrip("."),
        "cartodb_com_hosted": not cloud,  # CARTO's own name says the opposite
        "app_assets_base_url": f"{call.scheme}://{call.host}/assets",
        "upgrade_url": None,
        "google_tag_manager_id": None,
    }


def _user_data(call: rails.Call, account: SandboxAccount) -> dict[str, Any]:
    return {
        "id": account.id,
        "username": account.username,
        "email": account.email,
        "name": account.first_name,
        "last_name": account.last_name,
        "avatar_url": _avatar(account),
        "base_url": base_url(call, account),
        "api_key": account.master.token,
        **_standing(account),
        "organization": _organization(call, account),
        "actions": {"engine_enabled": account.engine, "builder_enabled": True},
        "feature_flags": [],
        "groups": [],
        "layers": [],
        "limits": {"max_layers": 8},
        "mfa_configured": False,
    }


def _standing(account: SandboxAccount) -> dict[str, Any]:
    """State, quotas and the Data Observatory."""
    return {
        "state": account.state,
        "unverified": account.unverified,
        "account_type": "SANDBOX",
        "is_enterprise": account.organization is not None,
        "trial_ends_at": None,
        "viewer": False,
        "role_display": "builder",
        "org_admin": account.org_admin,
        "quota_in_bytes": 524288000,
        "db_size_in_bytes": 1048576,
        "remaining_byte_quota": 523239424,
        "regular_api_key_quota": None,
        "do_enabled": account.do_enabled,
        "do_bq_project": "carto-sandbox" if account.do_enabled else None,
        "do_bq_dataset": account.username if account.do_enabled else None,
    }


def _organization(call: rails.Call, account: SandboxAccount) -> dict[str, Any] | None:
    if not account.organization:
        return None
    members = [
        other
        for other in call.install.accounts.values()
        if other.organization == account.organization
    ]
    return {
        "id": f"organization-{account.organization}",
        "name": account.organization,
        "display_name": account.organization.capitalize(),
        "owner": {"username": _owner(call, account)},
        "admins": [{"username": m.username} for m in members if m.org_admin],
        "seats": len(members),
    }


def _owner(call: rails.Call, account: SandboxAccount) -> str | None:
    """The organisation's owner: here its first administrator."""
    colleagues = call.install.accounts.values()
    return next(
        (
            other.username
            for other in colleagues
            if other.organization == account.organization and other.org_admin
        ),
        None,
    )


def _avatar(account: SandboxAccount) -> str:
    return f"//s3.example.com/avatars/{account.username}.png"
