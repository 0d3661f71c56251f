"""A broker that refuses messages: temporarily refused messages arrive later, in order and without help; permanently refused
messages are parked; and a broker that cannot be used is named."""

import shutil
import socket
import threading

import pytest

from tests.support.raw_broker import RawBroker, packet
from tests.support.rig import Broker, Bureau, Process, wait_for

BEGIN = {"scale": 240, "start": "2026-03-02T08:05:00+08:00", "plant": ["hold so2 120"],
         "judging": "warning_minutes = 1;", "broker": False}


@pytest.fixture(name="make_site")
def fixture_make_site(make_rig):
    """A rig with a RawBroker instead of Mosquitto."""
    brokers = []

    def make(extra="", **options):
        broker = RawBroker(**options)
        brokers.append(broker)
        rig = make_rig(**BEGIN, edit=lambda text: text + 'mqtt = { broker = "mqtt://127.0.0.1:%d"; %s };\n'
                       % (broker.port, extra))
        return rig, broker

    yield make
    for broker in brokers:
        broker.stop()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def outbox(rig):
    return rig.ask("status")["outbox"][0]


class Gate:
    """Refuses messages with a reason code until the gate is opened."""

    def __init__(self, code, topics=lambda topic: topic.endswith("/alarm")):
        self.code, self.topics, self.open = code, topics, threading.Event()

    def __call__(self, topic, _payload):
        return 0 if self.open.is_set() or not self.topics(topic) else self.code


@pytest.mark.parametrize("code", [0x97, 0x80, 0x83, 0x87, 0x91, 0xF3])
def test_a_passing_refusal_parks_nothing(make_site, code):
    gate = Gate(code)
    rig, broker = make_site(puback=gate)
    wait_for(lambda: len(broker.alarms(taken=False)) >= 3, 60, "three tries")
    wait_for(lambda: rig.ask("status")["outbox"][0]["pending"] >= 3, 60, "more that wait behind")
    waiting = wait_for(lambda: rig.ask("outbox")["parked"], 30, "the reason")[0]
    assert f"0x{code:02X}" in waiting["reason"] and waiting["parked"] is None
    tried = broker.alarms(taken=False)
    assert len({a["seq"] for a in tried[-2:]}) == 1, "what is behind the refused one waits"
    gate.open.set()
    wait_for(lambda: outbox(rig)["pending"] == 0, 90, "all of them")
    seqs = [a["seq"] for a in broker.alarms()]
    assert seqs == sorted(set(seqs)) and seqs[0] == 1, "in their order, none missing, none twice"
    assert outbox(rig)["parked"] == 0 and "message-parked" not in rig.emisd.text()


def test_no_right_to_one_topic_holds_back_that_topic_only(make_site):
    gate = Gate(0x87, lambda topic: topic.endswith("/DA001/alarm"))
    rig, broker = make_site(puback=gate)
    wait_for(lambda: len(broker.alarms(taken=False)) >= 2, 60, "two tries")
    assert outbox(rig)["parked"] == 0
    wait_for(lambda: [t for t, _ in broker.taken if "/mean/" in t or t.endswith("/checkpoint")], 120, "the rest")
    # After 20 s emisd assumes that nobody is changing the rights: the messages are parked and reported, but still tried.
    wait_for(lambda: outbox(rig)["parked"] >= 1 and outbox(rig)["pending"] == 0, 90, "the parked messages")
    wait_for(lambda: [a for a in broker.alarms() if a["rule"] == "message-parked"], 60, "the report")
    assert not [a for a in broker.alarms() if a["outlet"] == "DA001"]
    gate.open.set()
    wait_for(lambda: outbox(rig)["parked"] == 0 and outbox(rig)["pending"] == 0, 120, "all of them, by themselves")
    seqs = [a["seq"] for a in broker.alarms() if a["outlet"] == "DA001"]
    assert seqs[0] == 1 and len(set(seqs)) == len(seqs)


@pytest.mark.parametrize("code", [0x90, 0x99])
def test_what_is_refused_for_good_is_set_aside_at_once(make_site, code):
    gate = Gate(code, lambda topic: topic.endswith("/DA001/alarm"))
    rig, broker = make_site(puback=gate)
    row = wait_for(lambda: [r for r in rig.ask("outbox")["parked"] if r["parked"]], 60, "the parked message")[0]
    assert f"0x{code:02X}" in row["reason"]
    told = wait_for(lambda: [a for a in broker.alarms() if a["rule"] == "message-parked"], 60, "the report")[0]
    assert told["words"]
    gate.open.set()
    rig.ask("release")
    wait_for(lambda: outbox(rig)["parked"] == 0 and outbox(rig)["pending"] == 0, 60, "all of them")


def test_a_parked_message_is_tried_again_when_the_broker_announces_something_else(make_site):
    gate = Gate(0x99)
    properties = [b""]
    rig, broker = make_site(puback=gate, connack=lambda _connect: packet(
        0x20, b"\0\0" + bytes([len(properties[0])]) + properties[0]))
    wait_for(lambda: outbox(rig)["parked"] >= 1, 60, "the parked message")
    gate.open.set()
    properties[0] = b"\x22\0\5"  # Topic Alias Maximum
    broker.hang_up()
    wait_for(lambda: outbox(rig)["parked"] == 0 and outbox(rig)["pending"] == 0, 60, "all of them")
    assert {a["seq"] for a in broker.alarms()} >= {1}


@pytest.mark.parametrize("limit", [100, 600])
def test_a_size_limit_of_one_connection_loses_nothing(make_site, limit):
    size = [limit]
    rig, broker = make_site(connack=lambda _connect: packet(0x20, b"\0\0" + (
        b"\5\x27" + size[0].to_bytes(4, "big") if size[0] else b"\0")))
    row = wait_for(lambda: rig.ask("outbox")["parked"], 60, "a message that waits")[0]
    assert f"the broker takes at most {limit}" in row["reason"] and row["parked"] is None
    size[0] = 0
    broker.hang_up()
    wait_for(lambda: outbox(rig)["pending"] == 0 and broker.alarms(), 60, "all of them")
    seqs = [a["seq"] for a in broker.alarms() if a["outlet"] == "DA001"]
    assert seqs == sorted(set(seqs)) and outbox(rig)["parked"] == 0


@pytest.mark.parametrize("properties,words", [
    (b"\x24\0", "does not take QoS 1 (it announced Maximum QoS 0)"), (b"\x21\0\0", "Receive Maximum 0")])
def test_a_broker_that_cannot_be_used_is_named_and_the_pause_grows(make_site, properties, words):
    rig, broker = make_site(properties=properties)
    wait_for(lambda: words in outbox(rig)["error"], 60, "the reason")
    wait_for(lambda: "attempt 4, trying" in rig.emisd.text(), 90, "the growing pause")
    assert not broker.messages


@pytest.mark.parametrize("answer", [packet(0x20, b"\0\1"), packet(0x20, b"\0\x84"), packet(0x20, b"\0\x84\0"), None])
def test_a_broker_without_mqtt_5_gets_3_1_1(make_site, answer):
    rig, broker = make_site(connack=lambda connect: answer if connect["version"] == 5 else packet(0x20, b"\0\0"))
    wait_for(broker.alarms, 60, "an alarm")
    assert [c["version"] for c in broker.connects] == [5, 4], "the second connection is of the other version"
    assert "not seem to speak MQTT 5" in rig.emisd.text() and outbox(rig)["state"] == "connected"


NATS = shutil.which("nats-server", path="/usr/sbin:/usr/bin")


@pytest.mark.skipif(not NATS, reason="nats-server is not installed")
def test_the_broker_of_nats(make_rig, tmp_path):
    """NATS speaks 3.1.1 only, and ends the connection because of a dot in a level of a topic."""
    port, clients = free_port(), free_port()
    conf = tmp_path / "nats.conf"
    conf.write_text(f'server_name: n1\nlisten: "127.0.0.1:{clients}"\njetstream {{ store_dir: "{tmp_path}/nats" }}\n'
                    f'mqtt {{ listen: "127.0.0.1:{port}" }}\n')
    nats = Process([NATS, "-c", conf], tmp_path / "nats.log")
    try:
        wait_for(lambda: "Server is ready" in nats.text(), 30, "the broker")
        rig = make_rig(**BEGIN, edit=lambda text: text + f'mqtt = {{ broker = "mqtt://127.0.0.1:{port}"; }};\n')
        wait_for(lambda: outbox(rig)["sent"] >= 3 and outbox(rig)["pending"] == 0, 90, "alarms that it took")
        assert "not seem to speak MQTT 5" in rig.emisd.text() and rig.emisd.text().count(": connected") == 1
    finally:
        nats.stop()


@pytest.mark.parametrize("seconds", [10, 3, 1])
def test_the_keepalive_of_the_broker_is_heeded(make_site, seconds):
    rig, broker = make_site('keepalive = "2min";', properties=b"\x13" + seconds.to_bytes(2, "big"))
    wait_for(broker.alarms, 60, "an alarm")
    assert len(broker.connects) == 2 or seconds < 10, "it connects anew once; a busy machine may miss a ping of a second"
    assert broker.connects[0]["keepalive"] == 40 and 1 <= broker.connects[1]["keepalive"] <= max(1, seconds // 2)
    assert f"keepalive of {seconds} s" in rig.emisd.text()


def test_mosquitto_with_a_shorter_keepalive_than_ours(make_rig):
    for version, connections in (("5", 2), ("3.1.1", 4)):
        rig = make_rig(**{**BEGIN, "broker": True}, mqtt_extra="max_keepalive 10\nlog_type notice\n",
                       edit=lambda text, version=version: text.replace(
                           "mqtt = { ", f'mqtt = {{ keepalive = "2min"; version = "{version}"; '))
        wait_for(rig.bureau.alarms, 60, "an alarm")
        assert rig.emisd.text().count("connected") <= 2, version


def test_a_session_that_is_taken_over_is_named(make_site):
    ended = []

    def take_over(peer):
        if len(ended) < 2:
            ended.append(peer)
            peer.sendall(b"\xe0\2\x8e\0")

    rig, broker = make_site(after=take_over)
    wait_for(lambda: "session taken over: another gateway uses the id emisd-anyang-steel-01" in rig.emisd.text(), 60,
             "its name")
    told = wait_for(lambda: [a for a in broker.alarms() if a["rule"] == "session-taken"], 90, "the report")[0]
    assert "another gateway uses the id" in told["words"]
    wait_for(lambda: len(broker.connects) >= 3, 60, "a connection after the second take-over")


def test_two_gateways_of_one_site_at_mosquitto(make_rig):
    rig = make_rig(**{**BEGIN, "broker": True})
    twin = rig.folder / "twin"
    twin.mkdir()
    text = rig.conf.read_text().replace(str(rig.folder / "data"), str(twin / "data"))
    (twin / "emisd.conf").write_text(text.replace(str(rig.folder / "ctl.sock"), str(twin / "ctl.sock")))
    other = rig.another_emisd(twin)
    try:
        for process in (rig.emisd, other):
            wait_for(lambda process=process: "session taken over: another gateway uses the id" in process.text(), 90,
                     "its name")
        wait_for(lambda: [a for a in rig.ask("alarms")["alarms"] if a["rule"] == "session-taken"], 60, "the condition")
    finally:
        other.stop()


def test_refused_unknown_and_without_an_answer_are_three_sentences(make_rig):
    sentences = []
    for address in ("127.0.0.1:1", "no-such-host.invalid:1883"):
        rig = make_rig(**BEGIN, edit=lambda text, address=address: text + f'mqtt = {{ broker = "mqtt://{address}"; }};\n')
        sentences.append(wait_for(lambda: outbox(rig)["error"], 60, "the reason"))
    assert "connection refused" in sentences[0] and "is not known" in sentences[1]


def test_the_bureau_sees_a_broker_that_came_back(make_rig):
    """Refused messages arrive later, here with a real broker whose access rights change while emisd sends."""
    rig = make_rig(**{**BEGIN, "broker": True}, mqtt_extra="")
    wait_for(rig.bureau.alarms, 60, "an alarm")
    acl = rig.folder / "acl"
    acl.write_text("topic read #\ntopic write emis/1/anyang-steel-01/online\n")
    rig.bureau.stop()
    rig.broker.stop()
    rig.broker = Broker(rig.folder, rig.broker.port, extra=f"acl_file {acl}\n")
    rig.bureau = Bureau(rig.broker.port)
    wait_for(lambda: "Not authorized" in str(rig.ask("outbox")["parked"]), 90, "a refusal")
    acl.write_text("topic readwrite #\n")
    rig.broker.child.send_signal(1)
    wait_for(lambda: outbox(rig)["pending"] == 0, 120, "all of them")
    assert outbox(rig)["parked"] == 0
