"""A letter goes out once, through a real mail server that may refuse, hang or drop."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from ims.notices import letters, services
from ims.notices.letters import LONGEST_SENDING, Attachment, Draft, LetterError
from ims.notices.models import Letter, LetterState
from ims.notices.tasks import settle_letters

pytestmark = pytest.mark.django_db
DRAFT = Draft("Rain", "It rains", "<p>It rains</p>", ["rain"])


def send(user) -> bool:
    return letters.send_once(user, "weather:monday", DRAFT)


def test_a_letter_arrives_as_text_and_html(smtp, operations):
    assert send(operations) is True
    (letter,) = smtp.letters
    assert letter.recipients == ["operations@example.com"]
    assert letter.message["Subject"] == "Rain"
    assert letter.message["Message-ID"] == f"<weather-monday.{Letter.objects.get().pk}@ims>"
    kinds = [part.get_content_type() for part in letter.message.iter_parts()]
    assert kinds == ["text/plain", "text/html"]
    assert Letter.objects.get().state == LetterState.SENT


def test_a_letter_is_sent_once(smtp, operations):
    send(operations)
    assert send(operations) is False
    assert len(smtp.letters) == 1


def test_a_letter_that_another_job_has_claimed_is_left_to_it(smtp, operations):
    Letter.objects.create(user=operations, key="weather:monday", state=LetterState.SENDING)
    assert send(operations) is False
    assert not smtp.letters


@pytest.mark.parametrize(
    ("stage", "reply"),
    [
        ("CONNECT", "421 Too busy"),
        ("CONNECT", "drop"),
        ("CONNECT", "hang"),
        ("MAIL", "451 Later"),
        ("MAIL", "hang"),
        ("RCPT", "450 Mailbox busy"),
        ("RCPT", "drop"),
        ("DATA", "451 Later"),
        ("DATA", "hang"),
        ("BODY", "452 Disk full"),
    ],
)
def test_after_a_passing_refusal_the_next_try_sends_it(smtp, operations, stage, reply):
    smtp.fail(stage, reply)
    with pytest.raises(LetterError) as caught:
        send(operations)
    assert caught.value.permanent is False
    assert send(operations) is True
    assert len(smtp.letters) == 1


@pytest.mark.parametrize("stage", ["RCPT", "BODY"])
def test_a_refusal_for_good_is_final_and_kept(smtp, operations, stage):
    smtp.fail(stage, "550 No such mailbox")
    with pytest.raises(LetterError) as caught:
        send(operations)
    assert caught.value.permanent is True
    letter = Letter.objects.get()
    assert letter.state == LetterState.REFUSED
    assert "550 No such mailbox" in letter.error


@pytest.mark.parametrize("fault", ["hang", "drop"])
def test_a_letter_that_was_perhaps_taken_is_not_sent_twice(smtp, operations, fault):
    smtp.fail("BODY", fault)
    with pytest.raises(LetterError) as caught:
        send(operations)
    assert caught.value.permanent is True
    assert send(operations) is False
    assert len(smtp.letters) == 1
    assert Letter.objects.get().state == LetterState.UNSURE


def test_a_mail_server_that_is_down_is_a_passing_error(operations, settings, smtp):
    settings.EMAIL_PORT = 9  # nothing listens there
    with pytest.raises(LetterError, match="cannot be reached") as caught:
        send(operations)
    assert caught.value.permanent is False
    assert Letter.objects.get().state == LetterState.WAITING


def test_a_server_that_hangs_after_its_yes_changes_nothing(smtp, operations):
    smtp.fail("QUIT", "hang")
    assert send(operations) is True
    assert Letter.objects.get().state == LetterState.SENT


def test_who_dies_while_the_server_is_out_of_reach_has_not_begun(operations, settings, smtp):
    """The letter is claimed with the connection open, so another job may try."""
    settings.EMAIL_PORT = 9
    with pytest.raises(LetterError):
        send(operations)
    letter = Letter.objects.get()
    assert (letter.state, letter.attempts) == (LetterState.WAITING, 1)
    assert "cannot be reached" in letter.error


def test_what_cannot_be_sent_at_all_fails_before_anything_has_begun(smtp, operations):
    with pytest.raises(ValueError, match="newlines"):
        letters.send_once(operations, "weather:monday", Draft("Rain\nand wind", "It rains", ""))
    assert Letter.objects.get().state == LetterState.WAITING
    assert smtp.connections == 0


def test_a_letter_carries_files_and_says_where_answers_go(smtp, operations):
    file = Attachment("rain.pdf", b"%PDF-1.7", "application/pdf")
    draft = Draft("Rain", "It rains", "<p>It rains</p>", attachments=(file,), reply_to="office@example.com")
    letters.send_once(operations, "weather:monday", draft)
    (received,) = smtp.letters
    assert received.message["Reply-To"] == "office@example.com"
    (attached,) = received.message.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("rain.pdf", b"%PDF-1.7")


def test_a_letter_that_is_dropped_is_not_sent(smtp):
    letter = letters.write("payer@example.com", "invoice-1-1")
    assert letters.drop(letter, "It was paid.")
    assert letters.send(letter, DRAFT) is False
    assert not smtp.letters


def test_a_letter_that_is_kept_outlives_the_others(operations):
    letters.write("payer@example.com", "invoice-1-1")
    Letter.objects.create(user=operations, key="weather:monday")
    Letter.objects.update(created_at=now() - timedelta(days=100))
    services.prune(now())
    assert list(Letter.objects.values_list("key", flat=True)) == ["invoice-1-1"]


def test_the_next_letter_knows_what_the_last_one_told(smtp, operations):
    assert letters.last_told(operations, "weather:") == set()
    send(operations)
    assert letters.last_told(operations, "weather:") == {"rain"}


def test_of_a_letter_whose_sender_died_nobody_knows_and_it_is_not_sent_again(smtp, operations):
    send(operations)
    Letter.objects.update(state=LetterState.SENDING)
    assert settle_letters() == 0, "it may be on its way still"
    Letter.objects.update(updated_at=now() - LONGEST_SENDING)
    assert settle_letters() == 1
    letter = Letter.objects.get()
    assert (letter.state, letter.error) == (LetterState.UNSURE, letters.died())
    assert send(operations) is False
    assert len(smtp.letters) == 1


def test_letters_that_somebody_looks_after_are_left_to_him(smtp):
    letter = letters.write("payer@example.com", "invoice-1-1")
    Letter.objects.update(state=LetterState.SENDING, updated_at=now() - LONGEST_SENDING)
    settle_letters()
    letter.refresh_from_db()
    assert letter.state == LetterState.SENDING
