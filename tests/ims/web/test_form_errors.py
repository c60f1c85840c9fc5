"""What a button says of a form that was wrong."""

from django import forms

from ims.web.form_errors import complaint


class Ride(forms.Form):
    passenger_name = forms.CharField(required=False)
    seats = forms.IntegerField(label="Places", max_value=8)


def test_the_first_wrong_field_is_named_as_people_know_it():
    assert complaint(Ride({"seats": "x"})) == ("seats", "Places: Enter a whole number.")


def test_what_is_wrong_with_the_whole_names_no_field():
    form = Ride({"seats": 3})
    form.add_error(None, "The bus is full.")
    assert complaint(form) == ("", "The bus is full.")


def test_a_field_without_a_label_is_named_by_its_name():
    form = Ride({"seats": 3})
    form.add_error("passenger_name", "Give it.")
    assert complaint(form) == ("passenger_name", "Passenger name: Give it.")
