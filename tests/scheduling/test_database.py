"""What a database that answers badly is taken for: an outage, or a statement that is wrong."""

import psycopg
import pytest
from django.db import DatabaseError, InternalError, OperationalError, connection

from scheduling import database

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("statement", ["SELECT * FROM no_such_table", "SELEC 1", "SELECT no_such_column"])
def test_a_wrong_statement_is_not_waited_out(statement):
    def act():
        with connection.cursor() as cursor:
            cursor.execute(statement)

    with pytest.raises(DatabaseError):
        database.until_it_answers(act)


def test_a_database_that_is_away_or_busy_is():
    assert database.is_outage(OperationalError("the connection is closed"))


def error_of_postgresql(code: str) -> Exception:
    """As Django raises it."""
    error = InternalError("told by PostgreSQL")
    error.__cause__ = psycopg.errors.lookup(code)("told by PostgreSQL")
    return error


@pytest.mark.parametrize("code", ["08006", "25006", "40P01", "53300", "55P03", "57P01", "58030"])
def test_postgresql_says_that_waiting_helps(code):
    assert database.is_outage(error_of_postgresql(code))


@pytest.mark.parametrize("code", ["42703", "42P01", "42601", "23505", "22021", "0A000", "25P02", "XX000"])
def test_postgresql_says_that_waiting_does_not_help(code):
    assert not database.is_outage(error_of_postgresql(code))


@pytest.mark.only("sqlite")
def test_a_file_that_is_no_database_is_no_outage(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear database, " * 100)
    with pytest.raises(DatabaseError, match="not a database") as caught, connection.cursor() as cursor:
        cursor.execute("ATTACH %s AS letter", [str(tmp_path / "letter.txt")])
    assert not database.is_outage(caught.value)
