"""The query files: how they are read, and that none holds a statement that is broken or unused."""

import ast
from functools import cache
from pathlib import Path

import asyncpg
import pytest

import outbound_sms
from outbound_sms.store.sql import QUERIES, MalformedQueryFile, Statements, load, parse

SOURCE = Path(outbound_sms.__file__).parent
NOUNS = sorted(path.stem for path in QUERIES.glob("*.sql"))

TWO = """
-- Everything about birds.

-- name: list_birds
-- All of them,
-- oldest first.

SELECT name -- what it is called
-- not the extinct ones
FROM bird;

-- name: count_birds
-- For the head of the page.
SELECT count(*) FROM bird;
"""


def test_statements_are_split_by_name_and_keep_their_inner_comments() -> None:
    assert parse("bird", TWO) == {
        "list_birds": (
            "-- bird.list_birds\n"
            "SELECT name -- what it is called\n-- not the extinct ones\nFROM bird;"
        ),
        "count_birds": "-- bird.count_birds\nSELECT count(*) FROM bird;",
    }


def test_an_unknown_name_is_answered_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "bird.sql").write_text(TWO)
    with pytest.raises(KeyError, match=r"list_bird'.*which has: count_birds, list_birds"):
        load("bird", tmp_path)["list_bird"]


def test_a_file_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "bird.sql").write_text(TWO)
    assert load("bird", tmp_path) is load("bird", tmp_path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("SELECT 1;\n-- name: one\n-- why\nSELECT 1;", "before its first"),
        ("-- name: one\nSELECT 1;", "bird.sql:1: one lacks"),
        ("-- name: one\n--\nSELECT 1;", "bird.sql:1: one lacks"),
        ("-- name: one\n\n-- too late\nSELECT 1;", "bird.sql:1: one lacks"),
        ("-- name: one\n-- why", "one has no SQL"),
        ("-- name: one\n-- why\n\n-- name: two\n-- why\nSELECT 2;", "one has no SQL"),
        ("-- name:\n-- why\nSELECT 1;", "'' is not a name"),
        ("-- name: One\n-- why\nSELECT 1;", "'One' is not a name"),
        (
            "-- name: one\n-- why\nSELECT 1;\n-- name: one\n-- why\nSELECT 2;",
            "bird.sql:4: one is there",
        ),
        ("-- only a comment\n", "no statement"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(text: str, complaint: str) -> None:
    with pytest.raises(MalformedQueryFile, match=complaint):
        parse("bird", text)


@cache
def uses() -> dict[str, set[str]]:
    """For each noun, the statement names that Python code takes from it.

    Found as `X["name"]` in a module that says `X = load("noun")`, at its top.
    """
    found: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        nouns = {
            target.id: noun
            for node in tree.body
            if isinstance(node, ast.Assign) and (noun := loaded_noun(node.value))
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for noun in nouns.values():
            found.setdefault(noun, set())
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Subscript)
                and isinstance(node.value, ast.Name)
                and node.value.id in nouns
                and isinstance(node.slice, ast.Constant)
            ):
                found[nouns[node.value.id]].add(str(node.slice.value))
    return found


def loaded_noun(value: ast.expr) -> str | None:
    """The noun in `load("noun")` or `sql.load("noun")`, else None."""
    if not isinstance(value, ast.Call) or not value.args:
        return None
    name = value.func.attr if isinstance(value.func, ast.Attribute) else None
    name = value.func.id if isinstance(value.func, ast.Name) else name
    noun = value.args[0]
    return str(noun.value) if name == "load" and isinstance(noun, ast.Constant) else None


@pytest.mark.parametrize("noun", NOUNS)
def test_every_statement_is_used(noun: str) -> None:
    assert noun in uses(), f"{noun}.sql is never loaded"
    assert set(load(noun)) - uses()[noun] == set()


def test_every_statement_that_is_used_exists() -> None:
    assert {noun: used - set(load(noun)) for noun, used in uses().items()} == {
        noun: set() for noun in uses()
    }


@pytest.mark.parametrize("noun", NOUNS)
async def test_every_statement_fits_the_schema(noun: str, database_url: str) -> None:
    await prepare_all(load(noun), database_url)


@pytest.mark.parametrize("noun", NOUNS)
async def test_every_statement_fits_the_schema_on_postgresql_15(
    noun: str, database_url_15: str
) -> None:
    await prepare_all(load(noun), database_url_15)


async def prepare_all(statements: Statements, url: str) -> None:
    refused = {}
    connection = await asyncpg.connect(url)
    try:
        for name, statement in statements.items():
            try:
                await connection.prepare(statement)
            except asyncpg.PostgresError as error:
                refused[name] = str(error)
    finally:
        await connection.close()
    assert refused == {}
