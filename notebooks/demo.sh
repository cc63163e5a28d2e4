#!/usr/bin/env bash
# Tries the login on a sandbox account, in an environment and a home of its own.
#   bash notebooks/demo.sh           opens JupyterLab on the quickstart notebook
#   bash notebooks/demo.sh --check   runs the notebook headless; exits 0 or 1
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
env=.venvs/demo
python=${PYTHON:-python3}
# Also where making it was stopped half way.
if ! "$env/bin/python" -m pip --version >/dev/null 2>&1; then
  echo "Making an environment in $env (a minute or two) …"
  "$python" -m venv --clear "$env"
fi
"$env/bin/python" -m pip install --quiet --disable-pip-version-check ".[demo]"
exec "$env/bin/carto-login" demo "$@"
