"""Keys in the keyring: a real Secret Service, none, a locked one, one that hangs."""

from __future__ import annotations

import builtins
import gc
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keyring
import pytest
from harness.keyrings import Hangs, InMemory
from jupyter_client.manager import start_new_kernel

from carto_login_widget import (
    Credentials,
    CredentialsFileError,
    LoginForm,
    NotLoggedInError,
    ProfileNotFoundError,
    ProfileStore,
    get_default_credentials,
    login,
    logout,
    prompt,
    set_default_credentials,
)
from carto_login_widget.cli import main
from carto_login_widget.session.login import Saving, _kernel, register
from carto_login_widget.settings import CartoLogin
from carto_login_widget.store.keyring import KeyringError
from carto_login_widget.store.profiles import Profiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carto_login_widget.sandbox import Sandbox

KEY = "c4n4ry0123456789abcdef0123456789abcdef01"
OTHER_KEY = "0ther0123456789abcdef0123456789abcdef012"
JANE = Credentials("jane", KEY)
SERVICE = "carto_login_widget"

pytestmark = [
    # cartoframes cannot read such an account, which is said with every save.
    pytest.mark.filterwarnings("ignore:The key is in the keyring:UserWarning"),
    # keyring leaves the connection to a locked Secret Service open.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _switched_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The setting is on, and the keyring is looked for anew after each test."""
    settings = CartoLogin.instance()
    monkeypatch.setattr(settings, "keyring", True)
    monkeypatch.setattr(_kernel, "logged_out", False)
    yield
    Hangs.unlocked.set()
    InMemory.entries.clear()


def choose(name: str) -> None:
    """Choose a keyring, as the environment of a new session would."""
    os.environ["PYTHON_KEYRING_BACKEND"] = name
    keyring.core.init_backend()


@pytest.fixture
def in_memory() -> dict[tuple[str, str], str]:
    """The entries of a keyring in memory."""
    choose("harness.keyrings.InMemory")
    return InMemory.entries


@pytest.fixture
def hanging() -> None:
    """A keyring that answers nothing."""
    Hangs.unlocked.clear()
    choose("harness.keyrings.Hangs")


class SecretService:
    """A gnome-keyring on a D-Bus of its own."""

    def __init__(self, home: Path) -> None:
        start = (
            "echo $DBUS_SESSION_BUS_ADDRESS; printf secret | "
            "gnome-keyring-daemon --unlock --components=secrets >&2; cat"
        )
        self.process = subprocess.Popen(
            ["dbus-run-session", "--", "sh", "-c", start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "HOME": str(home)},
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        # To ask for the service before it is there would start another one.
        late = time.monotonic() + 20
        while not self._is_there():
            assert self.process.poll() is None
            if time.monotonic() > late:
                self.process.kill()
                pytest.skip("the Secret Service did not come up within 20 s")
            time.sleep(0.05)

    def _is_there(self) -> bool:
        from jeepney.bus_messages import message_bus
        from jeepney.io.blocking import Proxy, open_dbus_connection

        with open_dbus_connection(bus=self.address) as connection:
            bus = Proxy(message_bus, connection)
            return bool(bus.NameHasOwner("org.freedesktop.secrets")[0])

    def entries(self) -> dict[str, str]:
        """What it keeps for this package, by the names of the entries."""
        import secretstorage

        with closing(secretstorage.dbus_init()) as bus:
            items = secretstorage.search_items(bus, {"service": SERVICE})
            return {
                item.get_attributes()["username"]: item.get_secret().decode()
                for item in items
            }

    def lock(self) -> None:
        """Lock it, as a screen saver or a suspended session may."""
        import secretstorage

        with closing(secretstorage.dbus_init()) as bus:
            secretstorage.get_default_collection(bus).lock()

    def close(self) -> None:
        """End it, and all that came with it."""
        self.process.communicate()


@pytest.fixture
def secret_service() -> Iterator[SecretService]:
    """A real Secret Service, unlocked, which is the keyring of this session."""
    for program in ("dbus-run-session", "gnome-keyring-daemon"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program}: tests/run.sh installs it from Debian")
    # Its socket lies there, and the path of one is short.
    home = Path(tempfile.mkdtemp(prefix="keyring-"))
    service = SecretService(home)
    os.environ["DBUS_SESSION_BUS_ADDRESS"] = service.address
    choose("keyring.backends.SecretService.Keyring")
    yield service
    service.close()
    shutil.rmtree(home)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # as above, with the last one
        gc.collect()


def texts(directory: Path) -> dict[str, str]:
    """All files of a store."""
    return {
        path.name: path.read_text() for path in directory.rglob("*") if path.is_file()
    }


def api_key(path: Path) -> str:
    """What a file has in place of the key."""
    return str(json.loads(path.read_text())["api_key"])


def account(carto: Sandbox, name: str = "jane") -> Credentials:
    """An account of the sandbox."""
    key = carto.accounts[name].master.token
    return Credentials(name, key, carto.base_url(name))


# A real Secret Service.


def test_a_real_keyring_holds_the_key_and_no_file_does(
    secret_service: SecretService,
) -> None:
    """Saved, made the default, renamed, read again, replaced, deleted."""
    store = ProfileStore()
    path = store.save("work", JANE, default=True)
    entry = api_key(path)
    assert entry.startswith("keyring:")
    assert api_key(store.default_path) == entry
    assert KEY not in "".join(texts(store.directory).values())
    assert json.loads(secret_service.entries()[entry]) == {
        "origin": "https://jane.carto.com",
        "user": "jane",
        "api_key": KEY,
    }
    store.rename("work", "office")
    assert store.load("office") == JANE == store.default()
    assert Credentials.from_file() == JANE
    assert store.default_name == "office"
    store.save("office", Credentials("jane", OTHER_KEY))
    [content] = secret_service.entries().values()
    assert OTHER_KEY in content
    assert store.default().api_key == OTHER_KEY
    store.delete("office")
    assert secret_service.entries() == {}


def test_a_login_with_a_real_keyring(
    secret_service: SecretService, carto: Sandbox
) -> None:
    """Each session signs in with it; the key is in no file."""
    jane = account(carto)
    ProfileStore().save("work", jane, default=True)
    assert login().api_key == jane.api_key
    assert get_default_credentials().account.key_type == "master"
    assert jane.api_key not in "".join(texts(ProfileStore().directory).values())


def test_a_locked_keyring_at_the_start(
    secret_service: SecretService, carto: Sandbox
) -> None:
    """`login()` asks nobody: it says what is locked, and what else there is."""
    ProfileStore().save("work", account(carto), default=True)
    secret_service.lock()
    with pytest.raises(
        NotLoggedInError, match=r"keyring.*locked.*'work'.*CARTO_API_KEY"
    ):
        login()
    with pytest.raises(CredentialsFileError, match="keyring of this system is locked"):
        login("work")
    assert get_default_credentials() is None


@pytest.mark.parametrize("somebody", [True, False])
def test_a_kernel_that_starts_with_a_locked_keyring(
    secret_service: SecretService, carto: Sandbox, somebody: bool
) -> None:
    """It says so at once, and then asks; where nobody is there, it is an error."""
    ProfileStore().save("work", account(carto), default=True)
    secret_service.lock()
    manager, client = start_new_kernel(env=dict(os.environ))
    told: list[dict[str, Any]] = []
    code = (
        "%load_ext carto_login_widget\n"
        "%carto_login\n"
        "from carto_login_widget.form import LoginForm; from ipywidgets import Widget\n"
        "import gc\n"
        "[form] = [o for o in gc.get_objects() if isinstance(o, LoginForm)]\n"
        "print(form.message)"
    )
    try:
        # Far less than a keyring that waits for somebody would take.
        reply = client.execute_interactive(
            code, allow_stdin=somebody, timeout=60, output_hook=told.append
        )["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if somebody:
        assert "keyring of this system is locked" in str(told)
    else:
        assert reply["ename"] == "NotLoggedInError"
        assert "keyring of this system is locked" in reply["evalue"]


def test_a_keyring_that_hangs_at_the_start(hanging: None) -> None:
    """It is not waited for: else this would end by the limit of the test alone."""
    choose("harness.keyrings.InMemory")
    ProfileStore().save("work", JANE, default=True)
    choose("harness.keyrings.Hangs")
    with pytest.raises(NotLoggedInError, match=r"did not answer within.*'work'"):
        login()


# What belongs together.


def test_names_and_lists_unlock_nothing(hanging: None, in_memory: dict) -> None:
    """Accounts are compared by their entries."""
    store = ProfileStore()
    store.save("work", JANE, default=True)
    store.save("public", Credentials("jane"))
    choose("harness.keyrings.Hangs")
    assert store.names() == ["public", "work"]
    assert store.default_name == "work"
    store.rename("work", "office")
    store.set_default("public")
    store.set_default("office")
    assert store.default_name == "office"
    assert len(in_memory) == 1
    with closing(LoginForm()) as form:
        assert [row.name for row in form.state.accounts] == ["office", "public"]
        assert form.state.fields.username == "jane"


@pytest.mark.parametrize(
    "change",
    [
        {"base_url": "https://evil.example.com"},
        {"username": "john", "base_url": "https://john.carto.com"},
    ],
)
def test_a_file_that_was_changed_gets_no_key(
    in_memory: dict, change: dict[str, str]
) -> None:
    """The entry says whose key it is, and where it goes."""
    store = ProfileStore()
    path = store.save("work", JANE)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CredentialsFileError, match="another account"):
        store.load("work")
    with pytest.raises(CredentialsFileError, match="another account"):
        Credentials.from_file(path)


def test_a_file_elsewhere_names_the_keyring(in_memory: dict, tmp_path: Path) -> None:
    """A copy is read as long as the entry is there; then it is said where that was."""
    store = ProfileStore()
    store.save("work", JANE, default=True)
    copy = tmp_path / "copy.json"
    shutil.copy(store.default_path, copy)
    assert Credentials.from_file(copy) == JANE
    Credentials.delete(copy)
    assert store.load("work") == JANE
    shutil.copy(store.default_path, copy)
    store.delete("work")
    assert in_memory == {}
    with pytest.raises(CredentialsFileError, match=r"keyring.*no key for .*copy\.json"):
        Credentials.from_file(copy)


def test_a_file_elsewhere_has_an_entry_of_its_own(
    in_memory: dict, tmp_path: Path
) -> None:
    """It goes with the file, and with a key that replaces it."""
    path = JANE.save(tmp_path / "project.json")
    assert api_key(path) in {name for _, name in in_memory}
    Credentials("jane", OTHER_KEY).save(path)
    [content] = in_memory.values()
    assert OTHER_KEY in content
    Credentials.delete(path)
    assert in_memory == {}


def test_saving_again_changes_no_entry(in_memory: dict) -> None:
    """What was read from the keyring is known to be there."""
    store = ProfileStore()
    store.save("work", JANE, default=True)
    before = dict(in_memory)
    loaded = store.load("work")
    store.save("work", loaded)
    loaded.save()
    assert in_memory == before
    assert store.default_name == "work"
    assert store.names() == ["work"]


def test_a_save_that_fails_leaves_no_entry(in_memory: dict) -> None:
    """Neither where the name is taken, nor where the file cannot be written."""
    store = ProfileStore()
    store.save("work", JANE)
    before = dict(in_memory)
    with pytest.raises(FileExistsError):
        store.save("work", Credentials("john", OTHER_KEY), overwrite=False)
    Profiles().path_of("dir").mkdir()
    with pytest.raises(CredentialsFileError):
        store.save("dir", Credentials("john", OTHER_KEY))
    assert in_memory == before


def test_what_is_in_the_keyring_stays_there(
    in_memory: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the setting is off: no key comes into a file unasked."""
    store = ProfileStore()
    store.save("work", JANE)
    monkeypatch.setattr(CartoLogin.instance(), "keyring", False)
    store.save("work", Credentials("jane", OTHER_KEY))
    store.save("copy", store.load("work"))
    assert OTHER_KEY not in "".join(texts(store.directory).values())
    store.save("other", Credentials("john", KEY))
    assert api_key(Profiles().path_of("other")) == KEY


def test_no_key_moves_where_only_names_change(in_memory: dict) -> None:
    """A default is a copy of its account, whatever the settings and other keys."""
    store = Profiles()
    store.save("ann", Credentials("ann", OTHER_KEY)._record, default=True)
    store.save("work", JANE._record, in_keyring=False)
    store.set_default("work")
    assert api_key(store.default_path) == KEY
    assert store.default_name == "work"
    store.rename("work", "job")
    assert api_key(store.path_of("job")) == api_key(store.default_path) == KEY
    store.delete("job")
    assert store.names() == ["ann"]
    assert store.default_name is None
    (entry,) = in_memory.values()
    assert OTHER_KEY in entry


# No keyring, or none that can be used.


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ("keyring.backends.fail.Keyring", "nothing that keeps keys"),
        ("keyring.backends.null.Keyring", "nothing that keeps keys"),
        ("harness.keyrings.Plain", "nothing that keeps keys"),
        ("harness.keyrings.Hangs", "did not answer within"),
        ("harness.keyrings.Tells", "refused"),
    ],
)
def test_without_a_keyring_nothing_is_saved(
    hanging: None, backend: str, words: str, carto: Sandbox
) -> None:
    """The login stands, and it is said; the error holds no key."""
    choose(backend)
    jane = account(carto)
    store = ProfileStore()
    with pytest.raises(CredentialsFileError, match=words) as caught:
        store.save("work", jane)
    assert jane.api_key not in repr(caught.value.__dict__) + str(caught.value)
    _, notes = register(jane, Saving("work", default=True))
    assert words in "".join(notes)
    assert "instead" in "".join(notes)
    assert get_default_credentials() is jane
    assert texts(store.directory).keys() <= {".carto-login.lock"}
    assert InMemory.entries == {}


def test_a_key_that_comes_too_late_is_taken_back(hanging: None) -> None:
    """Somebody unlocks the keyring after it was said that nothing is saved."""
    with pytest.raises(KeyringError):
        Profiles().save("work", JANE._record)
    waiting = [t for t in threading.enumerate() if t.daemon and t.name.startswith("Th")]
    Hangs.unlocked.set()
    for thread in waiting:
        thread.join(10)
    assert InMemory.entries == {}


def test_an_entry_that_cannot_be_removed_is_named(
    in_memory: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account is forgotten all the same."""
    store = ProfileStore()
    entry = api_key(store.save("work", JANE))
    choose("keyring.backends.fail.Keyring")
    with pytest.warns(UserWarning, match=f"old key is still there.*{entry}"):
        store.delete("work")
    assert store.names() == []


def test_without_the_package_it_is_named(tmp_path: Path) -> None:
    """A bare install says what to install."""
    code = (
        "import sys; sys.modules['keyring'] = None\n"
        "from carto_login_widget import Credentials\n"
        "from carto_login_widget.settings import CartoLogin\n"
        "CartoLogin.instance().keyring = True\n"
        "Credentials('jane', 'some-key').save()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "pip install 'carto_login_widget[keyring]'" in done.stderr


# The ways to offer the file.


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_prompt_offers_the_file(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked once more; only a yes writes the key."""
    choose("keyring.backends.fail.Keyring")
    jane, asked = account(carto), list[str]()
    register(jane, Saving("work"), in_file=prompt.in_file)  # without a terminal
    assert ProfileStore().names() == []
    monkeypatch.setattr(sys, "stdin", _Terminal())
    for answer, saved in (("", []), ("y", ["work"])):

        def read(question: str, answer: str = answer) -> str:
            asked.append(question)
            return answer

        monkeypatch.setattr(builtins, "input", read)
        register(jane, Saving("work"), in_file=prompt.in_file)
        assert "nothing that keeps keys" in asked[-1]
        assert ProfileStore().names() == saved
        assert get_default_credentials() == jane
    assert api_key(Profiles().path_of("work")) == jane.api_key


# Moving.


def test_keys_move_in_and_out(
    in_memory: dict, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command line: all accounts, the default and what only `creds.json` has."""
    monkeypatch.setattr(CartoLogin.instance(), "keyring", False)
    store = ProfileStore()
    store.save("work", JANE)
    store.save("public", Credentials("jane"))
    Credentials("john", OTHER_KEY).save()
    before = {name: store.load(name) for name in store.names()}
    assert main(["keyring", "on"]) == 0
    said = "".join(capsys.readouterr())
    assert "john, work" in said
    assert "cartoframes cannot read" in said
    assert "CartoLogin.keyring = True" in said
    everything = "".join(texts(store.directory).values())
    assert KEY not in everything
    assert OTHER_KEY not in everything
    assert len(in_memory) == 2
    assert store.default_name == "john"
    assert {name: store.load(name) for name in store.names()} == before
    assert main(["keyring", "on"]) == 0
    assert "No key was moved" in capsys.readouterr().out
    assert main(["keyring", "off"]) == 0
    assert in_memory == {}
    assert {name: store.load(name) for name in store.names()} == before
    assert api_key(store.default_path) == OTHER_KEY
    assert api_key(Profiles().path_of("work")) == KEY


def test_a_keyring_that_hangs_is_asked_once(
    hanging: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not for each of the accounts, of which there may be many."""
    monkeypatch.setattr(CartoLogin.instance(), "keyring", False)
    for name in ("a", "b", "c"):
        ProfileStore().save(name, JANE)
    before = texts(ProfileStore().directory)
    assert main(["keyring", "on"]) == 1
    told = capsys.readouterr().err
    assert told.count("did not answer") == 1
    assert "'a' was left as it is. So were those that come after it." in told
    assert texts(ProfileStore().directory) == before


def test_moving_without_a_keyring_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files keep their keys."""
    choose("keyring.backends.fail.Keyring")
    monkeypatch.setattr(CartoLogin.instance(), "keyring", False)
    store = ProfileStore()
    store.save("work", JANE, default=True)
    before = texts(store.directory)
    assert main(["keyring", "on"]) == 1
    assert "nothing that keeps keys" in capsys.readouterr().err
    assert texts(store.directory) == before


# Who else reads the files.


def test_another_account_is_named_without_unlocking(
    hanging: None, in_memory: dict, carto: Sandbox
) -> None:
    """What is passed over is told of, and its key is not asked for."""
    ProfileStore().save("work", JANE, default=True)
    choose("harness.keyrings.Hangs")
    with pytest.warns(UserWarning, match=r"creds\.json names jane"):
        login(credentials=account(carto, "bob"))
    logout()
    with pytest.raises(NotLoggedInError, match="'work'"):
        login()


def test_cartoframes_has_the_account_by_the_login_alone(
    in_memory: dict, cartoframes_python: Path
) -> None:
    """Its own reading finds no key in the file, as a note says when it is saved."""
    with pytest.warns(UserWarning, match="cartoframes cannot read"):
        path = JANE.save()
    code = (
        "import sys; from cartoframes.auth import Credentials\n"
        "print(Credentials.from_file(sys.argv[1]).api_key)"
    )
    command = [cartoframes_python, "-W", "ignore", "-c", code, path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == api_key(path)
    set_default_credentials(Credentials.from_file())
    assert get_default_credentials().api_key == KEY


def test_two_programs_leave_each_key_with_its_file(in_memory: dict) -> None:
    """One renames or saves an account while the other one forgets it."""
    store = ProfileStore()

    def other(act: str) -> None:
        with suppress(ProfileNotFoundError):
            if act == "rename":
                store.rename("work", "play")
            else:
                store.save("work", JANE)

    for act in ("rename", "save") * 15:
        store.save("work", JANE)
        thread = threading.Thread(target=other, args=(act,))
        thread.start()
        with suppress(ProfileNotFoundError):
            store.delete("work")
        thread.join()
        for name in store.names():
            assert store.load(name) == JANE
        assert len(in_memory) == len(store.names())
        for name in store.names():
            store.delete(name)
        assert in_memory == {}


def test_moving_keys_goes_on_after_one_that_cannot_be(
    in_memory: dict, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says which were moved and which were not, and fails."""
    store = ProfileStore()
    for name in ("a", "b", "c"):
        store.save(name, JANE)
    lost = json.loads(texts(store.directory)["a.json"])["api_key"]
    del in_memory["carto_login_widget", lost]
    assert main(["keyring", "off"]) == 1
    told = capsys.readouterr().err
    assert "Now in their files: b, c. 'a' was left as it is." in told
    assert [store.load(name) for name in ("b", "c")] == [JANE, JANE]
