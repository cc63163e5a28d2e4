#!/usr/bin/env bash
# All tests, in environments of their own:  bash tests/run.sh [pytest's arguments]
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
source tests/environments.sh

bootstrap && test_environment && second_environments && chromium || exit 2

# Nothing may be imported from the checkout in place of the installed wheel.
unset PYTHONPATH
export PYTHONSAFEPATH=1
export TEST_WHEEL=$wheel
export TEST_CARTOFRAMES_PYTHON="$envs/cartoframes/bin/python"
export TEST_DASK_PYTHON="$envs/dask/bin/python"
export TEST_IPYKERNEL6_PYTHON="$envs/ipykernel6/bin/python"
export PATH="$envs/test/bin:$PATH"
say "running pytest"
exec pytest "$@"
