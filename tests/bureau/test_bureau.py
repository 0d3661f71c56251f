"""The reference consumer with a real broker: messages of a gateway in every wrong order, and a consumer that is killed."""

import base64
import json
import re
import signal
import threading

import paho.mqtt.client as mqtt
import pytest
from nacl.signing import SigningKey

from tests.bureau.gaps import Gaps
from tests.support.consumer import Consumer
from tests.support.rig import ROOT, Broker, wait_for
from tests.support.schedule import runs, schedule

ALARM = json.loads(re.search(r"```json\n(.*?)```", (ROOT / "docs/mqtt.md").read_text(), re.S).group(1))
SITE = ALARM["site"]
TOPIC = f"emis/1/{SITE}/DA001/alarm"
FAST = ("--patience", "0.2", "--pace", "0.1")


class Gateway:
    """Plays a gateway: sends the messages that a test wants, and answers resend requests if the test allows it."""

    def __init__(self, port):
        self.asked = []
        self.history = {}
        self.answers = False
        self.ready = threading.Event()
        self.client = mqtt.Client("emisd-" + SITE)
        self.client.on_connect = lambda client, *_: client.subscribe(f"emis/1/{SITE}/resend", qos=1)
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_message = self._asked
        self.client.max_queued_messages_set(0)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self.ready.wait(10)

    def _asked(self, _client, _data, message):
        request = json.loads(message.payload)
        self.asked.append(request)
        if self.answers:
            for seq in range(request["from"], request["to"] + 1):
                self.client.publish(TOPIC, self.history[seq], qos=1)

    def make(self, seq, **changes):
        self.history[seq] = json.dumps({**ALARM, "seq": seq, **changes}, ensure_ascii=False).encode()
        return self.history[seq]

    def send(self, *seqs, **changes):
        """Sends alarm events with these numbers; returns when the broker has acknowledged all of them."""
        for info in [self.client.publish(TOPIC, self.make(seq, **changes), qos=1) for seq in seqs]:
            info.wait_for_publish(10)

    def raw(self, topic, payload):
        self.client.publish(topic, payload, qos=1).wait_for_publish(10)

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture(name="broker")
def fixture_broker(tmp_path):
    broker = Broker(tmp_path, extra="max_queued_messages 1000000\nmax_inflight_messages 100\n")
    yield broker
    broker.stop()


@pytest.fixture(name="gateway")
def fixture_gateway(broker):
    gateway = Gateway(broker.port)
    yield gateway
    gateway.stop()


@pytest.fixture(name="consumer")
def fixture_consumer(tmp_path, broker):
    running = []

    def start(*options):
        running.append(Consumer(tmp_path, broker.port, *(options or FAST)))
        return running[-1]

    yield start
    for consumer in running:
        if consumer.running():
            consumer.stop()
        print(consumer.text())
        assert "Traceback" not in consumer.text()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_the_same_message_again_changes_nothing(gateway, consumer, version):
    bureau = consumer(*FAST, "--version", version)
    gateway.send(1, 2, 3)
    gateway.send(2, 3, 4)
    wait_for(lambda: bureau.seqs() == [1, 2, 3, 4], what="four alarms")
    wait_for(lambda: bureau.copies() == 2, what="the count of the copies")
    assert bureau.reports() == [] and gateway.asked == []
    assert bureau.rows("SELECT count(*) AS n FROM exceedance") == [{"n": 4}]


def test_what_comes_in_another_order_is_no_gap(gateway, consumer):
    bureau = consumer()
    gateway.send(3)
    gateway.send(2, 1)
    wait_for(lambda: bureau.seqs() == [1, 2, 3], what="three alarms")
    gateway.send(4)
    wait_for(lambda: len(bureau.seqs()) == 4, what="the fourth")
    assert gateway.asked == [], "nothing was missing for long"


def test_a_gap_is_asked_for_and_filled(gateway, consumer):
    bureau = consumer()
    gateway.answers = True
    for seq in (2, 3, 5):
        gateway.make(seq)
    gateway.send(1, 4, 6)
    wait_for(lambda: bureau.seqs() == [1, 2, 3, 4, 5, 6], what="the missing ones")
    assert {(a["from"], a["to"], a["stream"]) for a in gateway.asked} == {(2, 3, "alarm"), (5, 5, "alarm")}
    assert len({a["id"] for a in gateway.asked}) == len(gateway.asked)
    assert bureau.reports() == []


def test_a_gap_that_nobody_fills_is_given_up_and_told(gateway, consumer):
    bureau = consumer(*FAST, "--tries", "2")
    gateway.send(1, 3)
    told = wait_for(bureau.reports, what="the report")
    assert told == ["alarm 2 to 2 did not come in 2 tries"]
    assert [(a["from"], a["to"]) for a in gateway.asked] == [(2, 2)] * 2
    gateway.send(2)  # the missing message arrives after the range was given up
    wait_for(lambda: bureau.seqs() == [1, 2, 3], what="the late one")


def test_another_content_under_the_same_number_is_kept_aside_and_told(gateway, consumer):
    bureau = consumer()
    gateway.send(1)
    gateway.send(1, value=99.0)
    assert wait_for(lambda: bureau.reports("conflict"), what="the report")
    assert bureau.alarms()[0]["value"] == ALARM["value"], "the first stands"
    aside, = bureau.rows("SELECT seq, payload FROM conflict")
    assert aside["seq"] == 1 and json.loads(aside["payload"])["value"] == 99.0


@pytest.mark.parametrize("what,payload", [
    ("no JSON", b"{"), ("no UTF-8", b"\xff\xfe"), ("no object", b"[1]"), ("NaN", b'{"seq": NaN}'), ("nothing", b""),
    ("a number that no database holds", json.dumps({**ALARM, "seq": 10 ** 30}).encode()),
    ("half a character", json.dumps({**ALARM, "alarm_id": "\ud800/a/b/c/d/20260302T000000Z"}).encode()),
    ("nested beyond reason", b'{"a":' * 100000),
    ("another site's", json.dumps({**ALARM, "site": "elsewhere"}).encode()),
    ("too large", b"x" * 300000)], ids=lambda v: v if isinstance(v, str) else "")
def test_what_breaks_the_contract_is_set_aside_and_stops_nothing(gateway, consumer, what, payload):
    bureau = consumer()
    gateway.raw(TOPIC, payload)
    gateway.raw("emis/1/later/something/new", b"\0")
    gateway.send(1)
    wait_for(lambda: bureau.seqs() == [1], what=f"the good one after {what}")
    assert bureau.rows("SELECT count(*) AS n FROM rejected") == [{"n": 1}]


def checkpoint(key, number, link, digest="ab" * 32, site=SITE, signer=None, seq=0):
    at = "2026-03-02T09:00:00+08:00"
    body = (f"emisd checkpoint 1\nsite {site}\nnumber {number}\nlink {link}\nhash {digest}\nseq {seq}\nat {at}\nboot b\n"
            "simulated 1\n")
    signature = (signer or key).sign(body.encode()).signature
    return json.dumps({"schema": 1, "site": SITE, "number": number, "at": at, "body": body,
                       "signature": base64.b64encode(signature).decode(),
                       "public_key": base64.b64encode(bytes(key.verify_key)).decode(), "simulated": True}).encode()


def test_checkpoints_are_believed_for_their_signature_key_and_order(gateway, consumer):
    key, other = SigningKey.generate(), SigningKey.generate()
    public = base64.b64encode(bytes(key.verify_key)).decode()
    bureau = consumer(*FAST, "--key", f"{SITE}={public}", "--tries", "1")
    for payload in (checkpoint(key, 1, 10), checkpoint(key, 2, 20, "cd" * 32), checkpoint(key, 2, 20, "cd" * 32),
                    checkpoint(key, 3, 30, signer=other),   # signed with another key than the one it contains
                    checkpoint(other, 4, 40),               # another key than the trusted one
                    checkpoint(key, 5, 20, "ee" * 32),      # the same link with another hash
                    checkpoint(key, 6, 15),                 # fewer links than before
                    checkpoint(key, 7, 70, site="elsewhere"),
                    checkpoint(key, 9, 90)):                # checkpoint 8 is missing
        gateway.raw(f"emis/1/{SITE}/checkpoint", payload)
    wait_for(lambda: bureau.reports("given-up"), what="the missing number")
    told = {kind: bureau.reports(kind) for kind in ("bad-signature", "key-changed", "chain-rewritten", "wrong-words")}
    assert [len(words) for words in told.values()] == [1, 1, 2, 1], told
    assert ("checkpoint", 8, 8) in {(a["stream"], a["from"], a["to"]) for a in gateway.asked}
    assert [r["number"] for r in bureau.rows("SELECT number FROM checkpoint WHERE proved")] == [1, 2, 9]
    assert not bureau.reports("key-unconfirmed")


def test_a_checkpoint_tells_how_far_the_alarms_go(gateway, consumer):
    bureau = consumer()
    gateway.answers = True
    gateway.make(2)
    gateway.send(1)
    gateway.raw(f"emis/1/{SITE}/checkpoint", checkpoint(SigningKey.generate(), 1, 10, seq=2))
    wait_for(lambda: bureau.seqs() == [1, 2], what="the tail that was lost")


def test_a_key_that_nobody_confirmed_is_told(gateway, consumer):
    bureau = consumer()
    gateway.raw(f"emis/1/{SITE}/checkpoint", checkpoint(SigningKey.generate(), 1, 10))
    assert wait_for(lambda: bureau.reports("key-unconfirmed"), what="the report")


def test_a_killed_consumer_loses_nothing_that_it_acknowledged(gateway, consumer):
    """The consumer is killed several times during a flood of messages: the broker keeps the messages that were not
    acknowledged, and all others are on disk."""
    rng = schedule("a killed consumer")
    bureau, total = consumer("--patience", "60"), 0
    for _ in range(runs(3, 20)):
        total += 400
        last = [gateway.client.publish(TOPIC, gateway.make(seq), qos=1) for seq in range(total - 399, total + 1)][-1]
        enough = total - 400 + rng.randrange(1, 350)
        wait_for(lambda n=enough: len(bureau.seqs()) >= n, what="some of them")
        bureau.stop(signal.SIGKILL)
        last.wait_for_publish(20)
        bureau = consumer("--patience", "60")
        wait_for(lambda n=total: len(bureau.seqs()) == n, what="all of them")
    print(f"{bureau.copies()} of {total} came twice")
    assert bureau.seqs() == list(range(1, total + 1))
    assert gateway.asked == [] and bureau.reports() == []
    stored = bureau.rows("SELECT seq, payload FROM alarm")
    assert all(row["payload"].encode() == gateway.history[row["seq"]] for row in stored)


# ---- when to ask: tests without a broker, with time as an argument

def test_the_pace_of_asking():
    gaps = Gaps(patience=30.0, pace=10.0, tries=3, rng=type("Half", (), {"uniform": staticmethod(lambda a, b: 1.0)}))
    gaps.arrived("s", "alarm", 1, 0.0)
    gaps.arrived("s", "alarm", 4, 0.0)
    assert gaps.due(29.0) == ([], []), "a hole may fill by itself"
    times = [t for t in range(30, 1000) if gaps.due(float(t))[0]]
    assert times == [30, 60, 120], "ever less often"
    assert gaps.missing() == {}, "given up"


def test_a_filling_hole_is_left_alone_and_an_absent_site_is_not_asked():
    gaps = Gaps(patience=30.0)
    gaps.arrived("s", "alarm", 100, 0.0)
    for n in range(1, 50):
        gaps.arrived("s", "alarm", n, n * 20.0)
        assert gaps.due(n * 20.0 + 19.0) == ([], [])
    gaps.presence("s", False)
    assert gaps.due(5000.0) == ([], [])
    gaps.presence("s", True)
    ask, _ = gaps.due(5000.0)
    assert [(r.first, r.last) for r in ask] == [(50, 99)]


def test_new_alarms_do_not_put_off_the_question_about_an_old_hole():
    gaps = Gaps(patience=30.0)
    gaps.arrived("s", "alarm", 2, 0.0)
    for n in range(3, 100):
        gaps.arrived("s", "alarm", n, float(n))
    ask, _ = gaps.due(100.0)
    assert [(r.first, r.last) for r in ask] == [(1, 1)]


def test_a_lost_tail_is_noticed_and_a_boast_costs_nothing():
    gaps = Gaps(patience=1.0, pace=1.0)
    gaps.arrived("s", "alarm", 1, 0.0)
    gaps.announced("s", "alarm", 10 ** 15, 0.0)
    ask, _ = gaps.due(2.0)
    assert [(r.first, r.last) for r in ask] == [(2, 1001)]
