#!/usr/bin/env bash
# The tests, in environments of their own:  bash tests/run.sh [--all] [pytest's arguments]
# --all also runs what is marked "full": the older kernel beside the newest, each row of
# the verdicts over https too, a thousand kills. `-n 0` runs them in one process.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
source tests/environments.sh

bootstrap && test_environment && second_environments && chromium && secret_service || exit 2

# Nothing may be imported from the checkout in place of the installed wheel.
unset PYTHONPATH
export PYTHONSAFEPATH=1
export TEST_WHEEL=$wheel
export TEST_CARTOFRAMES_PYTHON="$envs/cartoframes/bin/python"
export TEST_DASK_PYTHON="$envs/dask/bin/python"
export TEST_PLAIN_SERVER_PYTHON="$envs/plain/bin/python"
export TEST_COLLABORATION_PYTHON="$envs/collaboration/bin/python"
export TEST_IPYKERNEL6_PYTHON="$envs/ipykernel6/bin/python"
export TEST_PATCHED_PYTHON="$envs/patched/bin/python"
export PATH="$envs/test/bin:$PATH"
say "running pytest"
# One process begins with the browser tests, and joins the other one at their end.
exec pytest -n 2 --dist loadscope --no-loadscope-reorder "$@"
