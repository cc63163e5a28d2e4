#!/usr/bin/env bash
# All measurements, one table:  bash tests/benchmarks/run.sh [names of programs here]
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
source tests/environments.sh

# huggingface_hub, to compare with, stays out of the environment of the tests.
{ bootstrap && test_environment && environment ipykernel6 "" ipykernel6 &&
  environment cartoframes "" cartoframes && environment benchmarks "" benchmarks && chromium; } >&2 || exit 2

# What is measured is the installed wheel.
unset PYTHONPATH
export TEST_BENCHMARKS_PYTHON="$envs/benchmarks/bin/python"
export TEST_CARTOFRAMES_PYTHON="$envs/cartoframes/bin/python"
export TEST_IPYKERNEL6_PYTHON="$envs/ipykernel6/bin/python"
say "measuring" >&2
exec "$envs/test/bin/python" tests/benchmarks/run.py "$@"
