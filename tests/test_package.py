"""The package as a whole: what it exports, what it loads, how it is built."""

from __future__ import annotations

import ast
import importlib.util
import pkgutil
import subprocess
import sys
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import carto_login_widget

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "carto_login_widget"
ROOT = Path(carto_login_widget.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

# Each part imports only those in lines above its own; a folder stands for its modules.
LINES = (
    *(
        ("errors", "locks", "values"),
        ("secret",),
        ("address",),
        ("account",),
        ("identity",),
    ),
    ("settings",),
    ("server", "store"),
    ("convert",),
    ("credentials",),
    ("session",),
    ("bridges", "prompt", "form"),
    ("magic", "cli"),
)
# The sandbox is a CARTO of its own, so that a mistake is not made on both sides; the
# root loads all others by name, and hands the session what stands above it.
APART = {"__init__", "sandbox"}
# Who may import what is heavy, or bound to one place.
ONLY = {
    "IPython": {"magic", "form"},
    "anywidget": {"form"},
    "cartoframes": {"convert"},
    "carto": {"convert"},
    "click": {"cli"},
    "distributed": {"bridges"},
    "google": {"server.google"},
    "ipywidgets": {"form"},
    "jupyterlab": set[str](),
    "pyogrio": {"bridges"},
    "requests": {"server.client"},
    "tornado": set[str](),
    "trustme": set[str](),
    "truststore": {"server.client"},
    "urllib3": {"server.client"},
    "wrapt": {"bridges"},
}


@dataclass(frozen=True)
class Import:
    """An import in a module, wherever in it and however it is written.

    Attributes:
        module: dotted name of the module, without the package's.
        target: dotted name of what it imports.
        deferred: whether that happens when a function is called.
    """

    module: str
    target: str
    deferred: bool

    @property
    def part(self) -> str:
        """The module, or the folder that it is in."""
        return self.module.partition(".")[0]

    @property
    def own(self) -> str | None:
        """The module of this package that is imported, None for another package."""
        package, _, rest = self.target.partition(".")
        if package != NAME:
            return None
        while rest not in MODULES and "." in rest:
            rest = rest.rpartition(".")[0]
        return rest if rest in MODULES else "__init__"


def module_of(path: Path) -> str:
    """Return the dotted name of a module; a folder's own is the folder."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


MODULES = {module_of(path) for path in FILES}


def imports_of(path: Path) -> Iterator[Import]:
    """Yield what a file imports when it runs."""
    package = ".".join([NAME, *path.relative_to(ROOT).parent.parts])

    def visit(node: ast.AST, *, deferred: bool) -> Iterator[Import]:
        if is_for_type_checkers(node):
            return
        deferred = deferred or isinstance(node, FUNCTIONS)
        for target in targets(node, package):
            yield Import(module_of(path), target, deferred)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, deferred=deferred)

    return visit(ast.parse(path.read_text("utf-8")), deferred=False)


def is_for_type_checkers(node: ast.AST) -> bool:
    """Whether a statement does nothing in a program that runs."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def targets(node: ast.AST, package: str) -> list[str]:
    """Return the dotted names that an import names, by a statement or by a string."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.Expr):
        node = node.value
    if isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
        first = node.args[0] if node.args else None
        text = first.value if isinstance(first, ast.Constant) else None
        if isinstance(text, str):
            return [importlib.util.resolve_name(text, package)]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
    names = [f"{base}.{alias.name}" for alias in node.names]
    # Public names of the root are loaded from the module that is their home.
    homes = carto_login_widget._HOME_OF
    return [
        f"{NAME}.{homes[name.rpartition('.')[2]]}"
        if base == NAME and name.rpartition(".")[2] in homes
        else name
        for name in names
    ]


ALL_IMPORTS = [found for path in FILES for found in imports_of(path)]


def run(code: str) -> set[str]:
    """Run a program in a fresh process and return the words that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


HEAVY = {"requests", "urllib3", "google", "ipywidgets", "IPython", "traitlets"}
PRINT_HEAVY = f"import sys; print(*({HEAVY!r} & set(sys.modules)))"


# What is exported.


def test_everything_public_can_be_imported() -> None:
    """Each name of `__all__`, which is sorted and has no others beside it."""
    names = carto_login_widget.__all__
    assert names == sorted(names, key=lambda n: (n[0].islower(), n))
    assert len(set(names)) == len(names)
    assert set(names) == set(carto_login_widget._HOME_OF)
    for name in names:
        value = getattr(carto_login_widget, name)
        assert value.__name__ == name
        assert value.__module__.startswith(NAME)
        assert value.__doc__


def test_type_checkers_see_the_same_names() -> None:
    """What is imported for them alone is what `__all__` lists."""
    tree = ast.parse((ROOT / "__init__.py").read_text("utf-8"))
    seen = [
        alias.name
        for block in filter(is_for_type_checkers, tree.body)
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    ]
    assert sorted(seen) == sorted(carto_login_widget.__all__)


def test_a_star_import_has_all_names() -> None:
    """`from carto_login_widget import *` loads everything."""
    code = f"from {NAME} import *; print(*[n for n in dir() if not n.startswith('_')])"
    assert run(code) == set(carto_login_widget.__all__)


def test_no_public_name_is_a_module() -> None:
    """Else importing the module would replace the name."""
    modules = {module.name for module in pkgutil.iter_modules([str(ROOT)])}
    assert modules.isdisjoint(carto_login_widget.__all__)


def test_every_error_is_public() -> None:
    """Whoever catches one finds it at the root."""
    from carto_login_widget import errors

    classes = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert classes | {"Reason"} <= set(carto_login_widget.__all__)


def test_what_is_not_there_is_an_attribute_error() -> None:
    """As in any module; `dir` shows what is there."""
    with pytest.raises(AttributeError, match="nonsense"):
        _ = carto_login_widget.nonsense
    assert set(carto_login_widget.__all__) <= set(dir(carto_login_widget))


# What is loaded.


def test_importing_the_package_loads_nothing_heavy() -> None:
    """Neither requests nor google, ipywidgets, IPython or traitlets."""
    assert run(f"import {NAME}; {PRINT_HEAVY}") == set()
    own = f"[m for m in sys.modules if m.startswith('{NAME}.')]"
    assert run(f"import {NAME}, sys; print(*{own})") == set()


def test_reading_a_file_loads_nothing_heavy(tmp_path: Path) -> None:
    """Nor does looking at what it holds."""
    path = tmp_path / "creds.json"
    path.write_text('{"username": "jane", "api_key": "some-key"}')
    code = (
        f"from {NAME} import Credentials; c = Credentials.from_file({str(path)!r}); "
        f"repr(c); c.api_key; hash(c); {PRINT_HEAVY}"
    )
    assert run(code) == set()


def test_the_store_loads_nothing_heavy() -> None:
    """Neither saving nor listing accounts."""
    code = (
        f"from {NAME} import Credentials, ProfileStore; store = ProfileStore(); "
        "store.save('work', Credentials('jane', 'some-key'), default=True); "
        f"store.names(); store.default(); {PRINT_HEAVY}"
    )
    assert run(code) == set()


def test_logging_in_without_a_check_loads_no_http_client() -> None:
    """Nor widgets; the settings need traitlets."""
    code = (
        f"from {NAME} import login; "
        "login(username='jane', api_key='some-key', validate=False); "
        f"{PRINT_HEAVY}"
    )
    assert run(code) <= {"traitlets"}


@pytest.mark.parametrize("words", [["--help"], ["list"], ["list", "--json"]])
def test_the_command_line_loads_what_a_command_needs(words: list[str]) -> None:
    """Neither the HTTP client nor the settings, for what asks nobody."""
    code = (
        f"from {NAME}.cli import main; import os, sys; out = sys.stdout; "
        f"sys.stdout = open(os.devnull, 'w'); main({words!r}); sys.stdout = out; "
        f"{PRINT_HEAVY}"
    )
    assert run(code) == set()


def test_completing_a_name_loads_nothing_heavy() -> None:
    """Somebody waits for it with a finger on Tab."""
    code = (
        f"from {NAME}.cli import _names; from {NAME} import Credentials, ProfileStore; "
        "ProfileStore().save('work', Credentials('jane', 'some-key')); "
        f"print(*_names(None, None, 'wo')); {PRINT_HEAVY}"
    )
    assert run(code) == {"work"}


# How it is built.


def test_every_module_has_its_place() -> None:
    """A new one is entered into `LINES`, and none is called utils."""
    placed = {part for line in LINES for part in line}
    assert {module.partition(".")[0] for module in MODULES} == placed | APART
    assert not any("util" in path.stem or "helper" in path.stem for path in FILES)


def test_imports_go_one_way() -> None:
    """To the lines above, also where they wait in a function or are a string."""
    line_of = {part: n for n, line in enumerate(LINES) for part in line}
    wrong = [
        found
        for found in ALL_IMPORTS
        if found.part not in APART
        and found.own not in {None, "__init__"}
        and found.own.partition(".")[0] != found.part
        and line_of.get(found.own.partition(".")[0], -1) >= line_of[found.part]
        and not (found.part == "cli" and found.own.startswith("sandbox"))
    ]
    assert wrong == []


def test_there_is_no_circle() -> None:
    """Not even of imports that wait; the folders' own files count as modules."""
    graph: dict[str, set[str]] = {module: set() for module in MODULES - {"__init__"}}
    for found in ALL_IMPORTS:
        if found.own not in {None, "__init__", found.module} and found.module in graph:
            graph[found.module].add(found.own)
    assert list(TopologicalSorter(graph).static_order())


def test_the_root_imports_nothing_of_its_own_at_once() -> None:
    """Its names are loaded when they are used."""
    assert not [f for f in ALL_IMPORTS if f.part == "__init__" and f.own is not None]


def test_heavy_packages_have_one_door() -> None:
    """Outside the sandbox."""
    wrong = [
        found
        for found in ALL_IMPORTS
        if found.part != "sandbox"
        and not {found.part, found.module}
        & ONLY.get(found.target.partition(".")[0], {found.part})
    ]
    assert wrong == []


def test_the_sandbox_stands_alone() -> None:
    """Only the command line starts it."""
    wrong = [
        found
        for found in ALL_IMPORTS
        if found.part == "sandbox"
        and found.own is not None
        and not found.own.startswith("sandbox")
    ]
    assert wrong == []
    inside = {f.part for f in ALL_IMPORTS if (f.own or "").startswith("sandbox")}
    assert inside - {"sandbox"} == {"cli"}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import a.b, c", ["a.b", "c"]),
        ("from . import files", [f"{NAME}.files"]),
        ("from .files import x", [f"{NAME}.files.x"]),
        ("from carto_login_widget import login", [f"{NAME}.session.login"]),
        ('import_module(".form", "carto_login_widget")', [f"{NAME}.form"]),
        ("from carto_login_widget.errors import Reason", [f"{NAME}.errors.Reason"]),
        ("x = 1", []),
    ],
)
def test_the_imports_are_understood(code: str, expected: list[str]) -> None:
    """The rules above would hold for a reader that sees none."""
    assert targets(ast.parse(code).body[0], NAME) == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_why_it_exists(path: Path) -> None:
    """In its docstring."""
    text = path.read_text("utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert "from __future__ import annotations" in text
