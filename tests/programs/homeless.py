"""Become a user without a name and a home, and use every door with one account."""

from __future__ import annotations

import builtins
import contextlib
import getpass
import io
import json
import os
import sys
import warnings

import carto_login_widget as carto
from carto_login_widget import cli, prompt

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

answers = iter([base_url, "jane", "y"])
found = {"login": carto.login().username}
form = carto.LoginForm()
found["form"] = (form.status, bool(form.state.path))
form.close()
carto.set_default_credentials("jane", key)
found["set"] = carto.get_default_credentials().username
carto.unset_default_credentials()
builtins.input, getpass.getpass = (lambda _: next(answers)), (lambda _: key)
with contextlib.redirect_stdout(io.StringIO()) as said:
    asked = prompt.ask()
    saving = prompt.choose_saving(asked, asks=True)
found["prompt"] = (asked.username, saving, said.getvalue().splitlines()[-1])
found["cli"] = cli.main(["whoami", "--json"])
try:
    asked.save()
except carto.CredentialsFileError as error:
    found["save"] = str(error)
print(json.dumps(found))
