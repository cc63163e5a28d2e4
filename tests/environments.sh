# Makes the environments that the tests need, in .venvs of the checkout. Sourced, from
# the top of the checkout, by tests/run.sh and .ci/run.
#
#   .venvs/test         the package with its extras, and all that the tests import
#   .venvs/ipykernel6   a kernel of the previous ipykernel generation, with the package
#   .venvs/cartoframes  cartoframes, which needs old setuptools and Jinja2, with the package
#   .venvs/dask         distributed, as on a worker that lacks the package
#   .venvs/patched      packages that change how connections are made, with the package
#
# An environment is made again when pyproject.toml, this file or Python changes; the
# package itself is installed anew each time, as a wheel, so that what is tested is what
# a user gets. All is compiled once: else each kernel of a test compiles what it imports.

envs="$PWD/.venvs"
uv="$envs/uv/bin/uv"
export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1
unset PYTHONDONTWRITEBYTECODE
# uv does not read pip's settings: whoever names an index to pip means it for uv too.
[ -z "${PIP_INDEX_URL:-}" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}"
[ -z "${PIP_EXTRA_INDEX_URL:-}" ] || export UV_INDEX="${UV_INDEX:-$PIP_EXTRA_INDEX_URL}"

say() { printf '%s (%s s)\n' "$*" "$SECONDS"; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  echo "Python 3.11 or later is needed; PYTHON=/path/to/python chooses one" >&2
  return 1
}

bootstrap() {
  python=$(find_python) || return 1
  if ! "$uv" --version >/dev/null 2>&1; then
    say "installing uv"
    "$python" -m venv --clear "$envs/uv" &&
      "$envs/uv/bin/python" -m pip install -q --disable-pip-version-check uv || return 1
  fi
  rm -rf "$envs/wheel"
  say "building the wheel"
  "$uv" build -q --wheel --python "$python" --out-dir "$envs/wheel" . || return 1
  wheel=$(echo "$envs"/wheel/*.whl)
}

# environment NAME EXTRAS GROUP... : the package with EXTRAS ("" or "[a,b]"; "-" for no
# package) and the groups
environment() {
  local name=$1 extras=$2 group stamp target
  shift 2
  target="$envs/$name/bin/python"
  stamp=$({ echo "$name" "$extras" "$@"; "$python" -VV; cat pyproject.toml tests/environments.sh; } | sha256sum)
  if [ "$(cat "$envs/$name/.stamp" 2>/dev/null)" != "$stamp" ]; then
    say "installing the environment $name"
    "$uv" venv -q --clear --python "$python" "$envs/$name" || return 1
    local groups=()
    for group; do groups+=(--group "$group"); done
    [ "$extras" = - ] || groups+=("carto_login_widget$extras @ file://$wheel")
    "$uv" pip install -q --compile-bytecode --python "$target" "${groups[@]}" || return 1
    echo "$stamp" >"$envs/$name/.stamp"
  elif [ "$extras" != - ]; then
    "$uv" pip install -q --python "$target" --no-deps --reinstall "$wheel" || return 1
  fi
}

test_environment() {
  environment test "[bigquery,carto,dask,demo,keyring]" test services browser lint typing
}

second_environments() {
  environment ipykernel6 "" ipykernel6 && environment cartoframes "" cartoframes &&
    environment dask - dask && environment patched "" patched || return 1
  "$envs/cartoframes/bin/python" -W ignore -c "import cartoframes.auth"
}

# Chromium that really starts: the path is printed, or nothing
usable_chromium() {
  "$envs/test/bin/python" tests/browser/harness/chromium.py "$@" 2>"$envs/chromium.log"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

debian_packages() {
  local quiet=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o=Dpkg::Use-Pty=0)
  as_root "${quiet[@]}" update >"$envs/apt.log" 2>&1 &&
    as_root "${quiet[@]}" install --no-install-recommends "$@" >>"$envs/apt.log" 2>&1 ||
    { tail -n 20 "$envs/apt.log" >&2; return 1; }
}

# libatomic1 is what the driver of Playwright needs and a small Debian lacks.
debian_chromium() {
  say "installing Debian's chromium"
  debian_packages chromium fonts-dejavu-core libatomic1
}

no_chromium() {
  tail -n 20 "$envs/chromium.log" >&2
  echo "no Chromium starts here; TEST_CHROMIUM=/path/to/one names it" >&2
}

# A Secret Service for the tests of the keyring; without it they are skipped.
secret_service() {
  { command -v gnome-keyring-daemon && command -v dbus-run-session; } >/dev/null && return
  command -v apt-get >/dev/null || return 0
  say "installing Debian's gnome-keyring"
  debian_packages gnome-keyring dbus || say "it cannot be had here"
}

chromium() {
  export PLAYWRIGHT_BROWSERS_PATH="${PLAYWRIGHT_BROWSERS_PATH:-$envs/browsers}"
  TEST_CHROMIUM=$(usable_chromium ${TEST_CHROMIUM:+"$TEST_CHROMIUM"})
  if [ -z "$TEST_CHROMIUM" ]; then
    say "downloading Playwright's Chromium"
    timeout 180 "$envs/test/bin/playwright" install chromium >"$envs/playwright.log" 2>&1 ||
      say "it cannot be had here"
    TEST_CHROMIUM=$(usable_chromium) ||
      { debian_chromium && TEST_CHROMIUM=$(usable_chromium); } ||
      { no_chromium; return 1; }
  fi
  export TEST_CHROMIUM
  say "Chromium: $TEST_CHROMIUM"
}
