"""Become a user without a name and a home, and use every door with one account."""

from __future__ import annotations

import json
import os
import sys
import warnings

import carto_login_widget as carto
from carto_login_widget import cli, prompt
from carto_login_widget.store.profiles import Profiles

base_url, key = sys.argv[1:]
warnings.simplefilter("ignore")
# What is imported later may be in a place that only root can read.
carto.login(username="jane", api_key=key, base_url=base_url)
carto.LoginForm().close()
cli.main(["whoami"])
carto.logout()

os.setgid(54321)
os.setuid(54321)
for name in ("HOME", "USER", "LOGNAME", "XDG_CONFIG_HOME"):
    os.environ.pop(name, None)
os.environ |= {"CARTO_USERNAME": "jane", "CARTO_API_KEY": key}
os.environ["CARTO_BASE_URL"] = base_url

answers = iter([base_url, "jane"])
said: list[str] = []
found = {"login": carto.login().username}
form = carto.LoginForm()
found["form"] = (form.status, bool(form.state.path))
form.close()
carto.set_default_credentials("jane", key)
found["set"] = carto.get_default_credentials().username
carto.unset_default_credentials()
asked = prompt.ask(
    read=lambda _: next(answers), read_key=lambda _: key, say=said.append
)
saving = prompt.choose_saving(
    asked, Profiles(), prompt.Wishes(), read=lambda _: "y", say=said.append
)
found["prompt"] = (asked.username, saving, said[-1])
found["cli"] = cli.main(["whoami", "--json"])
try:
    asked.save()
except carto.CredentialsFileError as error:
    found["save"] = str(error)
print(json.dumps(found))
