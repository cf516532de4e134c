"""The documentation is true: links lead somewhere, options are named, site and tools work."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from deblurnets.cli.options import build_parser

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")])
LINK = re.compile(r"\[[^\]\[]*\]\(([^()\s]+)\)")
COMMAND = re.compile(r"^(?:deblurnets|python deblur_main\.py) (.+)$", re.M)
OPTION = re.compile(r"(?<![\w-])(--?[a-z][\w-]*)")


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


def test_the_table_of_the_readme_names_every_option():
    rows = re.findall(r"^\| (`-.*?) \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)
    named = {option for row in rows for option in OPTION.findall(row)}
    assert named == options_of(build_parser())


def test_commands_in_the_documentation_use_options_that_exist():
    known = options_of(build_parser())
    for page in PAGES:
        for line in COMMAND.findall(page.read_text(encoding="utf-8")):
            used = OPTION.findall(line.split("#")[0])
            assert set(used) <= known, (page.name, line)


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
