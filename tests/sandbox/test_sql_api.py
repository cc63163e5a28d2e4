"""`/api/v2/sql`: its own user, key and error rules, and the few queries it runs."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from carto_login_widget.sandbox import RateLimit, Sandbox


def run(carto: Sandbox, user: str, **fields: str) -> requests.Response:
    url = carto.base_url(user) + "/api/v2/sql"
    return requests.post(url, data=fields, timeout=5)


def key(carto: Sandbox, name: str, user: str = "jane") -> str:
    return carto.accounts[user].keys[name].token


def probe(carto: Sandbox, user: str, token: str | None) -> tuple[int, Any]:
    url = carto.base_url(user) + "/api/v2/sql"
    auth = (user, token) if token is not None else None
    answer = requests.get(url, auth=auth, timeout=5)
    return answer.status_code, answer.json()


NO_QUERY = (400, {"error": ["You must indicate a sql query"]})


def test_probe_without_query(carto: Sandbox) -> None:
    """No `q` tells unknown user, wrong key, missing grant and good key apart."""
    status, body = probe(carto, "nobody", None)
    assert status == 404
    assert body["error"][0].startswith("Sorry, we can't find CARTO user 'nobody'.")
    assert probe(carto, "jane", "wrong") == (401, {"error": ["Unauthorized"]})
    assert probe(carto, "jane", key(carto, "maps only")) == (
        403,
        {"error": ["forbidden"]},
    )
    assert probe(carto, "jane", key(carto, "Master")) == NO_QUERY


@pytest.mark.parametrize("token", [None, ""])
def test_no_key_is_the_public_one(carto: Sandbox, token: str | None) -> None:
    """A missing and an empty key mean default_public."""
    assert probe(carto, "jane", token) == NO_QUERY
    answer = run(carto, "jane", q="SELECT name FROM public_parks", api_key=token or "")
    assert answer.json()["total_rows"] == 2


def test_header_of_another_user(carto: Sandbox) -> None:
    """Another user's header is a 403, before the key is looked up."""
    url = carto.base_url("jane") + "/api/v2/sql"
    answer = requests.get(url, auth=("bob", "x"), timeout=5)
    assert answer.status_code == 403
    assert answer.json() == {"error": ["permission denied"]}


@pytest.mark.parametrize("token", [None, "Master", "wrong"])
def test_locked_account_has_no_key(carto: Sandbox, token: str | None) -> None:
    """A locked account's keys are all unknown, the public one too."""
    sent = key(carto, token, "lena") if token == "Master" else token
    assert probe(carto, "lena", sent) == (401, {"error": ["Unauthorized"]})


def test_without_engine_only_regular_keys_are_unknown(carto: Sandbox) -> None:
    """Master and public key go on working without engine."""
    assert probe(carto, "enzo", key(carto, "Master", "enzo")) == NO_QUERY
    assert probe(carto, "enzo", None) == NO_QUERY
    assert probe(carto, "enzo", key(carto, "reporting", "enzo"))[0] == 401


def test_places_of_the_key(carto: Sandbox) -> None:
    """Query and body take `api_key` and `map_key`, as form and as JSON."""
    url = carto.base_url("jane") + "/api/v2/sql"
    token = key(carto, "reporting")
    query = "SELECT count(*) FROM airports"
    for sent in (
        {"params": {"q": query, "api_key": token}},
        {"params": {"q": query, "map_key": token}},
        {"data": {"q": query, "api_key": token}},
        {"json": {"q": query, "map_key": token}},
        {"files": {"q": (None, query), "api_key": (None, token)}},
        {"json": {"q": query}, "auth": ("jane", token)},
    ):
        answer = requests.post(url, timeout=5, **sent)  # type: ignore[arg-type]
        assert answer.json()["rows"] == [{"count": 3}], sent.keys()
    assert [record.key_in for record in carto.requests] == [
        "query",
        "query",
        "body",
        "body",
        "body",
        "header",
    ]


def test_second_key_replaces_the_header(carto: Sandbox) -> None:
    """A parameter is laid over the header's key: the opposite of version 3."""
    url = carto.base_url("jane") + "/api/v2/sql?api_key=wrong"
    auth = ("jane", key(carto, "Master"))
    assert requests.get(url, auth=auth, timeout=5).status_code == 401


def test_headers_of_every_answer(carto: Sandbox) -> None:
    """It names the user, and its id where there is one."""
    answer = run(carto, "jane", q="SELECT 1")
    assert answer.headers["Carto-User"] == "jane"
    assert answer.headers["Carto-User-Id"] == carto.accounts["jane"].id
    assert answer.headers["Vary"] == "Authorization"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Content-Disposition" not in answer.headers
    answer = run(carto, "nobody", q="SELECT 1")
    assert answer.headers["Carto-User"] == "nobody"
    assert "Carto-User-Id" not in answer.headers
    assert answer.headers["Content-Disposition"] == "inline"
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


def test_select_one(carto: Sandbox) -> None:
    """The simplest query answers in CARTO's shape."""
    told = run(carto, "jane", q="SELECT 1").json()
    assert told["rows"] == [{"?column?": 1}]
    assert told["fields"] == {"?column?": {"type": "number", "pgtype": "int4"}}
    assert told["total_rows"] == 1
    assert isinstance(told["time"], float)


def test_current_user_tells_the_role(carto: Sandbox) -> None:
    """Every key has a role of its own."""
    roles = [
        run(carto, "jane", q="select current_user;", api_key=each.token).json()["rows"]
        for each in carto.accounts["jane"].keys.values()
        if "sql" in each.apis
    ]
    names = [rows[0]["current_user"] for rows in roles]
    assert len(set(names)) == len(names)
    assert names[0].startswith("cartodb_user_")
    assert names[1].startswith("cartodb_publicuser_")


@pytest.mark.parametrize(
    ("name", "tables"),
    [
        ("Master", "airports neighbourhoods stores public_parks salaries"),
        ("reporting", "airports neighbourhoods stores public_parks"),
        ("Default public", "public_parks"),
    ],
)
@pytest.mark.parametrize(
    "query", ["SELECT CDB_UserTables()", "SELECT * FROM CDB_UserTables('all')"]
)
def test_tables_are_listed_by_rights(
    carto: Sandbox, name: str, tables: str, query: str
) -> None:
    """A key lists what it may read, public tables included."""
    rows = run(carto, "jane", q=query, api_key=key(carto, name)).json()["rows"]
    assert [row["cdb_usertables"] for row in rows] == tables.split()


def test_rows_have_types(carto: Sandbox) -> None:
    """Rows come with CARTO's columns, geometry in hexadecimal, truth as truth."""
    token = key(carto, "reporting")
    told = run(
        carto, "jane", q="SELECT * FROM public.stores LIMIT 1", api_key=token
    ).json()
    row = told["rows"][0]
    assert row["the_geom"].startswith("0101000020E6100000")
    assert row["open"] is True
    assert told["fields"]["the_geom"] == {"type": "geometry", "pgtype": "geometry"}
    assert told["fields"]["revenue"] == {"type": "number", "pgtype": "float8"}


def test_table_without_right(carto: Sandbox) -> None:
    """A table that was not granted is a 403 with PostgreSQL's text."""
    answer = run(
        carto, "jane", q="SELECT * FROM salaries", api_key=key(carto, "reporting")
    )
    assert answer.status_code == 403
    assert answer.json() == {"error": ["permission denied for table salaries"]}


def test_writing_needs_its_own_right(carto: Sandbox) -> None:
    """A key that may read a table only, cannot write to it."""
    insert = "INSERT INTO stores (name, revenue) VALUES ('New', 1.5)"
    refused = run(carto, "jane", q=insert, api_key=key(carto, "reporting"))
    assert refused.status_code == 403
    done = run(carto, "jane", q=insert, api_key=key(carto, "observatory"))
    assert (done.status_code, done.json()["total_rows"]) == (200, 1)
    counted = run(
        carto,
        "jane",
        q="SELECT count(*) FROM stores",
        api_key=key(carto, "reporting"),
    )
    assert counted.json()["rows"] == [{"count": 4}]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        ("SELECT * FROM nowhere", 'relation "nowhere" does not exist'),
        ("SELECT colour FROM public_parks", 'column "colour" does not exist'),
        ("ATTACH '/etc/passwd' AS x", "the sandbox only reads and writes rows"),
        ("PRAGMA database_list", "the sandbox only reads and writes rows"),
        ("CREATE TABLE t (a int)", "the sandbox only reads and writes rows"),
        ("SELECT 1; SELECT 2", "You can only execute one statement at a time"),
    ],
)
def test_bad_queries(carto: Sandbox, query: str, text: str) -> None:
    """What cannot be run is a 400 that says why, and touches no file."""
    answer = run(carto, "jane", q=query, api_key=key(carto, "Master"))
    assert answer.status_code == 400
    assert answer.json()["error"][0].startswith(text)


def test_slow_query_is_cut_off(carto: Sandbox) -> None:
    """A query that runs too long is a 429 of the datasource, without Retry-After."""
    query = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
        "SELECT count(*) FROM n"
    )
    answer = run(carto, "jane", q=query)
    assert answer.status_code == 429
    assert answer.json()["detail"] == "datasource"
    assert "Retry-After" not in answer.headers


def test_catalogue_is_for_the_master_key(carto: Sandbox) -> None:
    """System tables are forbidden to any other key."""
    query = "SELECT * FROM pg_class"
    answer = run(carto, "jane", q=query, api_key=key(carto, "reporting"))
    assert answer.status_code == 403
    assert answer.json() == {"error": ["system tables are forbidden"]}
    assert run(carto, "jane", q=query, api_key=key(carto, "Master")).ok


def test_callback_hides_every_error(carto: Sandbox) -> None:
    """With `callback` a refusal is a 200."""
    answer = run(carto, "nobody", q="SELECT 1", callback="show")
    assert answer.status_code == 200
    assert answer.text.startswith("/**/ typeof show === 'function' && show({")
    assert "can't find CARTO user" in answer.text


def test_short_user_path_is_not_routed(carto: Sandbox) -> None:
    """`/u/jane` is Express' own 404."""
    answer = requests.get(f"{carto.url}/u/jane/api/v2/sql?q=x", timeout=5)
    assert answer.status_code == 404
    assert "Cannot GET /u/jane/api/v2/sql" in answer.text
    assert answer.headers["Content-Type"].startswith("text/html")


def test_rate_limit_counts_before_the_key() -> None:
    """Over the limit even a wrong key hears of the limit, with the wait."""
    now = [0.0]
    rule = RateLimit(count=1, period=10.0, burst=1)
    with Sandbox(rate_limit=rule, clock=lambda: now[0]) as carto:
        first = run(carto, "jane", q="SELECT 1")
        assert first.headers["Carto-Rate-Limit-Limit"] == "2"
        assert first.headers["Carto-Rate-Limit-Remaining"] == "1"
        assert "Retry-After" not in first.headers
        assert run(carto, "jane", api_key="wrong").status_code == 401
        third = run(carto, "jane", api_key="wrong")
        assert third.status_code == 429
        assert third.json()["detail"] == "rate-limit"
        assert third.headers["Retry-After"] == "10"
        assert third.headers["Carto-Rate-Limit-Remaining"] == "0"
        assert run(carto, "bob", q="SELECT 1").ok
        now[0] = 10.0
        assert run(carto, "jane", q="SELECT 1").ok


def test_old_server_takes_a_wrong_key_for_none(carto: Sandbox) -> None:
    """Before the key system a wrong key read public data."""
    carto.install.old_sql = True
    answer = run(carto, "jane", q="SELECT current_user", api_key="wrong")
    assert "publicuser" in answer.json()["rows"][0]["current_user"]


@pytest.mark.parametrize("user", ["j%C3%A4ne", "%E2%82%AC", "a%0D%0AX-Bad%3A%201"])
def test_odd_user_names_are_unknown_users(carto: Sandbox, user: str) -> None:
    """A name that fits no header is an unknown user, and adds no header."""
    answer = requests.get(f"{carto.url}/user/{user}/api/v2/sql", timeout=5)
    assert answer.status_code == 404
    assert answer.headers["Carto-User"] == user
    assert "X-Bad" not in answer.headers


def test_batch_jobs_need_the_master_key(carto: Sandbox) -> None:
    """Only a master key starts a batch job."""
    url = carto.base_url("jane") + "/api/v2/sql/job"
    for name, status in (("Master", 201), ("reporting", 403)):
        params = {"api_key": key(carto, name)}
        body = {"query": "SELECT 1"}
        answer = requests.post(url, params=params, json=body, timeout=5)
        assert answer.status_code == status
