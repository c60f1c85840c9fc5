"""The view of offers under their brands' own names, and triggers that note when it is out of date.

On PostgreSQL it is a materialized view; on SQLite, which has none, a table that is filled anew.
"""

from django.db import migrations

OFFERS = """
    SELECT offer.id, COALESCE(alias.brand_key, offer.brand_key) AS brand_key, offer.article_key,
           offer.supplier_id, offer.price, offer.quantity, offer.updated_at
    FROM crossdock_offer offer LEFT JOIN crossdock_brandalias alias ON alias.alias_key = offer.brand_key
"""
INDEXES = [
    "CREATE UNIQUE INDEX crossdock_best_offer_id ON crossdock_best_offer (id)",
    "CREATE INDEX crossdock_best_offer_part ON crossdock_best_offer (article_key, brand_key)",
]
WATCHED = ("crossdock_offer", "crossdock_brandalias")

POSTGRESQL = [
    f"CREATE MATERIALIZED VIEW crossdock_best_offer AS {OFFERS}",
    *INDEXES,
    """
    CREATE FUNCTION crossdock_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO crossdock_offerchange (at) VALUES (clock_timestamp());
        RETURN NULL;
    END $$
    """,
    *(
        f"CREATE TRIGGER {table}_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION crossdock_note_change()"
        for table in WATCHED
    ),
]
POSTGRESQL_BACK = [
    *(f"DROP TRIGGER {table}_changed ON {table}" for table in WATCHED),
    "DROP FUNCTION crossdock_note_change()",
    "DROP MATERIALIZED VIEW crossdock_best_offer",
]

# Triggers of SQLite fire for each row; one note is enough, because nobody else writes meanwhile.
SQLITE = [
    """
    CREATE TABLE crossdock_best_offer (
        id integer NOT NULL, brand_key text NOT NULL, article_key text NOT NULL,
        supplier_id bigint NOT NULL, price decimal NOT NULL, quantity integer NOT NULL,
        updated_at datetime NOT NULL
    )
    """,
    *INDEXES,
    *(
        f"CREATE TRIGGER {table}_{event} AFTER {event} ON {table} "
        "WHEN NOT EXISTS (SELECT 1 FROM crossdock_offerchange) "
        "BEGIN INSERT INTO crossdock_offerchange (at) VALUES (strftime('%Y-%m-%d %H:%M:%f', 'now')); END"
        for table in WATCHED
        for event in ("insert", "update", "delete")
    ),
]
SQLITE_BACK = [
    *(f"DROP TRIGGER {table}_{event}" for table in WATCHED for event in ("insert", "update", "delete")),
    "DROP TABLE crossdock_best_offer",
]


def make(apps, editor):
    for statement in POSTGRESQL if editor.connection.vendor == "postgresql" else SQLITE:
        editor.execute(statement)


def drop(apps, editor):
    for statement in POSTGRESQL_BACK if editor.connection.vendor == "postgresql" else SQLITE_BACK:
        editor.execute(statement)


def name_one_brand(apps, editor):
    """The one pair that every price list has; more are added in the administration."""
    apps.get_model("crossdock", "BrandAlias").objects.create(alias="hyundai/kia/mobis", brand="hyundai/kia")


class Migration(migrations.Migration):
    dependencies = [("crossdock", "0001_initial")]

    operations = [
        migrations.RunPython(name_one_brand, migrations.RunPython.noop),
        migrations.RunPython(make, drop),
    ]
