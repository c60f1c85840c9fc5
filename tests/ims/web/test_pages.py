"""Home, health and documentation: who sees what."""

import pytest
from django.urls import reverse

from ims.accounts import roles
from ims.web import context, registry
from ims.web.registry import Badge, HomeCard, NavItem


@pytest.fixture
def empty_registry(monkeypatch):
    monkeypatch.setattr(registry, "_nav", [])
    monkeypatch.setattr(registry, "_cards", [])


@pytest.fixture
def shipments(empty_registry):
    def figures(user):
        return [("On the way", 1214), ("Delivery failed", 2, "fail")]

    registry.add_nav(
        NavItem("Shipments", "package", "home", roles.STAFF, lambda user: Badge(2, "failed", "late"))
    )
    registry.add_card(HomeCard("Shipments", "package", "home", roles.STAFF, figures))


def test_health_needs_no_login_and_no_database(client):
    response = client.get("/healthz")  # without the fixture `db` a query would fail
    assert (response.status_code, response.content) == (200, b"ok")


def test_a_visitor_is_led_to_the_sign_in_page(client, db):
    assert client.get("/").headers["Location"] == f"{reverse('login')}?next=/"


def test_the_home_page_shows_the_figures_of_a_system(client, operations, shipments):
    client.force_login(operations)
    html = client.get("/").content.decode()
    assert "1,214" in html
    assert '<dd data-state="fail">2</dd>' in html


def test_the_rail_shows_a_systems_number(client, operations, shipments):
    client.force_login(operations)
    assert '<span class="n" data-state="failed">2' in client.get("/").content.decode()


def test_a_stranger_sees_neither_card_nor_entry_of_a_system(client, stranger, shipments):
    client.force_login(stranger)
    assert "Shipments" not in client.get("/").content.decode()


def test_an_entry_for_everybody_is_not_for_visitors(empty_registry):
    from django.contrib.auth.models import AnonymousUser

    assert not registry.allowed(AnonymousUser(), ())


def test_home_leads_to_each_entry_of_the_rail_also_where_there_is_nothing_to_count(
    client, operations, shipments
):
    registry.add_nav(NavItem("My station", "gas-station", "notices:notices", (roles.OPERATIONS,)))
    client.force_login(operations)
    page = client.get("/").content.decode()
    assert "Open My station" in page
    assert "Open Shipments" not in page
    assert "Nothing is open to you" not in page


def test_an_entry_about_oneself_is_not_for_a_superuser(operations, admin, empty_registry):
    registry.add_nav(NavItem("My station", "home", "home", (roles.OPERATIONS,), personal=True))
    assert [len(registry.nav_for(user)) for user in (operations, admin)] == [1, 0]


def test_an_entry_is_marked_on_all_pages_below_its_prefix(operations):
    item = NavItem("Prices", "home", "cross_dock:task_list", prefix="/cross-dock/")
    assert context.entry(item, operations, "/cross-dock/look-up/").here
    assert not context.entry(item, operations, "/").here


def test_an_entry_is_registered_once(empty_registry):
    item = NavItem("Home", "home", "home")
    registry.add_nav(item)
    registry.add_nav(item)
    assert registry._nav == [item]


def test_a_badge_is_asked_for_once_a_page(client, operations, empty_registry):
    asked = []
    registry.add_nav(NavItem("Jobs", "activity", "home", badge=lambda user: asked.append(user)))
    client.force_login(operations)
    client.get("/")
    assert len(asked) == 1


def test_the_schema_needs_a_login(client, db):
    assert client.get("/api/schema/").status_code == 401


def test_the_schema_is_json(client, operations):
    client.force_login(operations)
    response = client.get("/api/schema/")
    assert response.status_code == 200
    assert "/api/auth/login/" in response.json()["paths"]


def test_the_documentation_needs_a_login(client, db):
    assert client.get("/api/docs/").status_code in (302, 401)


def test_the_sheet_of_components_is_not_reachable_in_production(client, operations):
    client.force_login(operations)
    assert client.get("/components/").status_code == 404


def test_an_unknown_address_of_the_api_is_answered_in_json(client, operations):
    client.force_login(operations)
    response = client.get("/api/nowhere/")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_a_form_that_came_from_elsewhere_is_explained(operations):
    from django.test import Client

    response = Client(enforce_csrf_checks=True).post("/sign-in/", {"username": "operations"})
    assert response.status_code == 403
    assert "This form cannot be accepted" in response.content.decode()


def test_operators_see_the_engine_and_that_no_cluster_is_alive(client, operator, empty_registry):
    client.force_login(operator)
    html = " ".join(client.get("/").content.decode().split())
    assert '<dt>Clusters alive</dt> <dd data-state="fail">none</dd>' in html


def test_others_do_not_see_the_engine(client, operations, empty_registry):
    client.force_login(operations)
    assert "Clusters alive" not in client.get("/").content.decode()
