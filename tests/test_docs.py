"""The documentation is true and short: links, options, commands, values, the site, shell tools."""

import argparse
import ast
import dataclasses
import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from deblurnets.cli.options import build_parser

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")])
LINK = re.compile(r"\[[^\]\[]*\]\(([^()\s]+)\)")
COMMAND = re.compile(r"^(?:deblurnets|python deblur_main\.py) (.+)$", re.M)
OPTION = re.compile(r"(?<![\w-])(--?[a-z][\w-]*)")
MODULE = re.compile(r"python -m (deblurnets[\w.]*)([^`\n#|]*)")
FILE = re.compile(r"(?<![\w/.])(?:deblurnets|tests|tools)/[\w/]*\.(?:py|sh)")
ROOM_FILE = re.compile(r"`((?:\w+/)*\w+\.py|\w+/)`")


def prose(page):
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)


def anchors(page):
    """Names of a page's headings, as links call them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), flags=re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def broken_links(page):
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            yield f"{target}: there is no such file"
        elif anchor and file.suffix == ".md" and anchor not in anchors(file):
            yield f"{target}: there is no such heading"


def options_of(parser):
    return {name for action in parser._actions for name in action.option_strings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page):
    assert list(broken_links(page)) == []


def test_broken_links_are_found(tmp_path):
    page = tmp_path / "a.md"
    page.write_text("# One two\n[x](b.md) [y](#one-two) [z](#three) [w](https://e.org/b.md)\n")
    assert [found.split(":")[0] for found in broken_links(page)] == ["b.md", "#three"]


def test_every_option_is_documented():
    named = {o for page in PAGES for o in OPTION.findall(page.read_text(encoding="utf-8"))}
    for action in build_parser()._actions:
        assert named & set(action.option_strings), action.option_strings


def test_commands_in_the_documentation_use_options_that_exist():
    known = options_of(build_parser())
    for page in PAGES:
        for line in COMMAND.findall(page.read_text(encoding="utf-8")):
            used = OPTION.findall(line.split("#")[0])
            assert set(used) <= known, (page.name, line)


def parser_of_module(module):
    """The parser of ``python -m module``."""
    if module == "deblurnets.training":
        from deblurnets.training.options import build_parser as build

        return build("")
    return importlib.import_module(module + ".__main__").build_parser()


def parser_of(parser, words):
    """The parser of the subcommand that the words begin with; the parser itself if it has none."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction) and words:
            assert words[0] in action.choices, f"{parser.prog} has no command {words[0]}"
            return parser_of(action.choices[words[0]], words[1:])
    return parser


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_files_named_in_the_documentation_exist(page):
    text = page.read_text(encoding="utf-8")
    for module, rest in MODULE.findall(text.replace("\\\n", " ")):
        known = options_of(parser_of(parser_of_module(module), rest.split()))
        assert set(OPTION.findall(rest)) <= known, f"python -m {module}{rest}"
    missing = [name for name in FILE.findall(text) if not (ROOT / name).is_file()]
    assert missing == []


def test_an_unknown_command_is_found():
    with pytest.raises(AssertionError, match="no command guess"):
        parser_of(parser_of_module("deblurnets.evaluation"), ["guess"])


@pytest.mark.parametrize("tool", sorted(ROOT.glob("tools/*.py")), ids=lambda tool: tool.name)
def test_a_tool_imports_what_exists(tool):
    for node in ast.walk(ast.parse(tool.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "deblurnets":
            for alias in node.names:
                try:
                    importlib.import_module(f"{node.module}.{alias.name}")
                except ModuleNotFoundError as error:
                    if not error.name.startswith("deblurnets"):
                        pytest.skip(f"{error.name} is not installed")
                    assert hasattr(importlib.import_module(node.module), alias.name), alias.name


def test_the_pages_stay_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
    numbers = [path.name[:4] for path in sorted(ROOT.glob("docs/decisions/*.md"))]
    assert numbers == [f"{number:03d}-" for number in range(1, len(numbers) + 1)]
    assert len(numbers) <= 12


ALGORITHM = (ROOT / "docs" / "algorithm.md").read_text(encoding="utf-8")


def test_files_named_in_the_algorithm_exist():
    rooms = ROOT / "deblurnets"
    for name in ROOM_FILE.findall(ALGORITHM):
        found = list(rooms.glob(name)) + list(rooms.glob(f"*/{name}")) + list(ROOT.glob(name))
        assert found, name


def values_stated(text):
    """Yield (configuration, field, value) of the tables whose first column is "field".

    The other columns that count are headed by a configuration. A field with a dot names its own.
    """
    columns = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if not cells:
            columns = {}
        elif cells[0] == "field":
            columns = {n: cell.strip("`") for n, cell in enumerate(cells) if cell.startswith("`")}
        elif columns and cells[0].startswith("`"):
            name = cells[0].split("`")[1]
            for column, configuration in columns.items():
                value = ast.literal_eval(cells[column].replace("inf", "1e999"))
                owner, _, field = (name if "." in name else f"{configuration}.{name}").rpartition(
                    "."
                )
                yield owner, field, value


def configurations():
    """What the algorithm's tables state values of, by the names that they have there."""
    from deblurnets.deconvolution.half_quadratic import HyperLaplacian
    from deblurnets.deconvolution.restorer import RestoreConfig
    from deblurnets.estimation import quality, search
    from deblurnets.estimation.estimator import EstimateConfig
    from deblurnets.estimation.observation import OverlayConfig, SurroundingsConfig
    from deblurnets.estimation.refinement import RefinementConfig
    from deblurnets.networks.analysis import AnalysisConfig
    from deblurnets.networks.synthesis import SynthesisConfig

    classes = (
        HyperLaplacian,
        EstimateConfig,
        OverlayConfig,
        SurroundingsConfig,
        RefinementConfig,
    )
    known = {kind.__name__: kind() for kind in (*classes, AnalysisConfig, SynthesisConfig)}
    known.update({"SearchConfig": search.SearchConfig(), "search": search, "quality": quality})
    for way in ("refine", "refine_quick", "refine_reduced"):
        known[f"SearchConfig.{way}"] = getattr(known["SearchConfig"], way)
    known["RestoreConfig.estimated"] = RestoreConfig().estimated
    known["compact_synthesis"] = SimpleNamespace(**stored_configuration("compact_synthesis.h5"))
    return known


def stored_configuration(name):
    """The configuration that a weight file in ``models/`` carries."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(ROOT / "models" / name, "r") as file:
        return json.loads(file.attrs["deblurnets_config"])["config"]


def test_values_stated_in_the_algorithm_are_those_of_the_code():
    known = configurations()
    stated = {(owner, field): value for owner, field, value in values_stated(ALGORITHM)}
    for (owner, field), value in stated.items():
        assert getattr(known[owner], field) == value, (owner, field)
    complete = (
        "SearchConfig",
        "OverlayConfig",
        "SurroundingsConfig",
        "EstimateConfig",
        "RefinementConfig",
        "HyperLaplacian",
    )
    for owner in complete:
        for field in dataclasses.fields(known[owner]):
            nested = dataclasses.is_dataclass(getattr(known[owner], field.name))
            assert nested or (owner, field.name) in stated, (owner, field.name)


def test_the_site_is_built_without_warnings(tmp_path):
    for module in ("sphinx", "myst_parser", "furo"):
        pytest.importorskip(module)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going"]
    built = subprocess.run(
        [*command, str(ROOT / "docs"), str(tmp_path / "site")],
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
    )
    assert built.stderr == ""
    assert built.returncode == 0
    reference = (tmp_path / "site" / "python.html").read_text(encoding="utf-8")
    assert "estimated probability (0..1) that the image is better" in reference


@pytest.mark.parametrize(
    "line, expected",
    [
        ("deblurnets --tile", {"--tile_size"}),
        ("deblurnets --device ", {"auto", "cpu", "gpu"}),
        ("deblurnets -i x --format t", {"tiff"}),
    ],
)
def test_a_shell_completes(tmp_path, line, expected):
    pytest.importorskip("argcomplete")
    answer = tmp_path / "answer"
    asked = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    subprocess.run(
        [sys.executable, str(ROOT / "deblur_main.py")],
        env={**os.environ, **asked},
        timeout=60,
        check=True,
    )
    assert {word.strip() for word in answer.read_text().splitlines()} == expected


def test_the_manual_page_has_every_option():
    pytest.importorskip("argparse_manpage")
    # The command of docs/shell.md.
    guide = (ROOT / "docs" / "shell.md").read_text(encoding="utf-8")
    block = re.search(r"^argparse-manpage (.+?) > ", guide, re.S | re.M)
    code = "from argparse_manpage.cli import main; main()"
    arguments = shlex.split(block.group(1).replace("\\\n", " "))
    page = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    written = page.replace("\\-", "-").replace("\\fR", " ").replace("\\fB", " ")
    for option in options_of(build_parser()) - {"-h", "--help"}:
        assert option in written
