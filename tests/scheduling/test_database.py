"""What a database that answers badly is taken for: an outage, or a statement that is wrong."""

import pytest
from django.db import DatabaseError, OperationalError, connection

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
