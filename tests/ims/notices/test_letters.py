"""A letter goes out once, through a real mail server that may refuse, hang or drop."""

import pytest

from ims.notices import letters
from ims.notices.letters import Draft, LetterError
from ims.notices.models import Letter, LetterState

pytestmark = pytest.mark.django_db
DRAFT = Draft("Rain", "It rains", "<p>It rains</p>", ["rain"])


def send(user) -> bool:
    return letters.send_once(user, "weather:monday", DRAFT)


def test_a_letter_arrives_as_text_and_html(smtp, operations):
    assert send(operations) is True
    (letter,) = smtp.letters
    assert letter.recipients == ["operations@example.com"]
    assert letter.message["Subject"] == "Rain"
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
        ("RCPT", "450 Mailbox busy"),
        ("DATA", "451 Later"),
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


def test_the_next_letter_knows_what_the_last_one_told(smtp, operations):
    assert letters.last_told(operations, "weather:") == set()
    send(operations)
    assert letters.last_told(operations, "weather:") == {"rain"}
