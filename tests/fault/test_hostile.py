"""A client that may publish to the broker or open the control socket can do no harm: nonsense is refused, a flood is dropped,
and emisd continues its work."""

import contextlib
import json
import random
import resource
import socket
import threading

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.fault.checker import Truth
from tests.fault.site import Site
from tests.support.contract import complaint
from tests.support.rig import wait_for
from tests.support.schedule import runs, schedule

START = "2026-03-02T07:58:00+08:00"
SITE = "anyang-steel-01"
TOPIC = f"emis/1/{SITE}/resend"
SWELL = 16 * 1024  # KiB of memory that a flood may cost; a generous bound


class Peer:
    """A client with a password for the broker that receives all messages."""

    def __init__(self, port):
        self.heard = []
        self.ready = threading.Event()
        self.client = mqtt.Client("peer", protocol=mqtt.MQTTv5)
        self.client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_message = lambda _c, _d, m: self.heard.append((m.topic, bytes(m.payload), m.properties))
        self.client.max_inflight_messages_set(200)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self.ready.wait(10)

    def ask(self, payload, response=None, correlation=None):
        properties = Properties(PacketTypes.PUBLISH)
        if response is not None:
            properties.ResponseTopic = response
        if correlation is not None:
            properties.CorrelationData = correlation
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.client.publish(TOPIC, data, qos=1, properties=properties)

    def replies(self):
        return [(topic, json.loads(payload), properties) for topic, payload, properties in list(self.heard)
                if topic.startswith(TOPIC + "/")]

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()


@contextlib.contextmanager
def site_with_peer(folder, **options):
    with Site(folder, Truth(START, [(0, 120.0)]), 360.0, judging="warning_minutes = 1;", consumer=("--patience", "600"),
              **options) as site:
        peer = Peer(site.broker.port)
        try:
            wait_for(lambda: site.events() >= 3 and site.outbox()["pending"] == 0, 60, "some alarms")
            yield site, peer
        finally:
            peer.stop()


def test_a_request_is_answered_with_the_same_bytes(tmp_path):
    with site_with_peer(tmp_path) as (site, peer):
        wait_for(lambda: len(site.consumer.seqs()) >= 3, what="the first copies")
        copies = site.consumer.copies()
        peer.ask({"from": 1, "to": 3, "id": "a-1", "later": True}, TOPIC + "/reply/me", b"\0\1")
        topic, reply, properties = wait_for(peer.replies, what="the reply")[0]
        assert topic == TOPIC + "/reply/me" and properties.CorrelationData == b"\0\1"
        assert (reply["ok"], reply["id"], reply["count"], reply["stream"]) == (True, "a-1", 3, "alarm")
        wait_for(lambda: site.consumer.copies() == copies + 3, what="the copies")
        assert not site.consumer.rows("SELECT * FROM conflict")
        peer.ask({"from": 1, "to": 1}, "emis/1/elsewhere/online")
        topic, reply, _ = wait_for(lambda: len(peer.replies()) > 1 and peer.replies(), what="the second reply")[1]
        assert topic == TOPIC + "/reply" and reply["ok"], "a response topic that is not ours is ignored"
        assert not [t for t, _, _ in peer.heard if t.startswith("emis/1/elsewhere")]
        assert not [complaint(t, r) for t, r, _ in peer.replies() if complaint(t, r)]


NONSENSE = [b"", b"\0" * 100, b"{", b"[]", b"null", b'"x"', b"\xff\xfe\x00", b"{" * 900, b"[" * 1000, b"x" * 2000,
            b'{"from":1,"to":2,"id":"' + b"a" * 5000 + b'"}', b"x" * (1 << 20),
            b'{"from":1,"to":2,"id":"\\u0000"}', b'{"from":1,"to":2}\0{"from":1}', b'{"from":1,"from":2,"to":2}'] + [
    json.dumps({"from": first, "to": last}).encode() for first, last in [
        (2, 1), (0, 5), (-1, 1), (1, 1001), (1, 10 ** 30), (10 ** 30, 10 ** 30), (1.5, 2), ("1", "2"), (True, True),
        (None, None), ([1], {}), (2 ** 63 - 1, 2 ** 63 - 1), (-2 ** 63, 2 ** 63 - 1), (999999, 1000000)]] + [
    json.dumps({"from": 1, "to": 2, **more}).encode() for more in [
        {"stream": "state"}, {"stream": "alarm\0"}, {"stream": 5}, {"id": "a b"}, {"id": ""}, {"id": "é"}, {"id": "x" * 65},
        {"id": 7}, {"id": "../../etc"}]]


def test_nonsense_and_floods_on_the_resend_topic(tmp_path, memory):
    rng = schedule("hostile requests")
    with site_with_peer(tmp_path) as (site, peer):
        before = memory(site)
        for payload in NONSENSE:
            peer.ask(payload, rng.choice([None, "a/b", "$SYS/x", TOPIC, TOPIC + "/replyx", TOPIC + "/reply/" + "y" * 500]),
                     rng.choice([None, b"", bytes(60000)])).wait_for_publish(10)
        last = None
        for i in range(runs(3000, 50000)):
            seq = rng.randrange(1, 1000)
            last = peer.ask(rng.choice([{"from": seq, "to": seq + rng.randrange(1000)}, rng.choice(NONSENSE[:10])]))
            if i % 1000 == 999:
                last.wait_for_publish(60)  # MQTT has only 65535 numbers for messages that are not yet acknowledged
        wait_for(lambda: site.answers() and last.is_published(), 300, "the end of the flood")
        events = site.events()
        wait_for(lambda: site.events() > events, 60, "the next event: the work goes on")
        wait_for(lambda: site.events() == len(site.consumer.seqs()), 60, "all alarms at the bureau")
        replies, after = peer.replies(), memory(site)
        print(f"hostile requests: {len(replies)} replies, {sum(r['ok'] for _, r, _ in replies)} of them served, "
              f"{site.consumer.copies()} messages sent again; memory {before} KiB before, {after} after")
        assert after - before < SWELL
        assert not [complaint(t, r) for t, r, _ in replies if complaint(t, r)]
        strange = {t for t, _, _ in peer.heard if not t.startswith(f"emis/1/{SITE}/") and not t.startswith("$SYS/")}
        assert not strange, "nothing was sent elsewhere"
        assert site.consumer.rows("SELECT * FROM conflict") == [] and site.consumer.rows("SELECT * FROM rejected") == []
        site.stop_emisd()


LINES = [b"\n", b"\0\n", b"{\n", b'{"cmd":"status"\n', b'{"cmd":"' + b"x" * 3000 + b'"}\n', b'{"cmd":["status"]}\n',
         b'{"cmd":"status","cmd":"alarms"}\n', b'{"cmd":"alarms","all":"maybe"}\n', b'{"cmd":"ack"}\n',
         b'{"cmd":"ack","id":"' + b"\xff" * 100 + b'"}\n', b'{"cmd":"raw","outlet":"../..","factor":"so2"}\n',
         b'{"cmd":"status\\u0000"}\n', b"[" * 4000 + b"\n", b"\xfe\xff" * 500 + b"\n"]


def connect(site):
    s = socket.socket(socket.AF_UNIX)
    s.setblocking(False)
    try:
        s.connect(str(site.folder / "ctl.sock"))
    except OSError:
        s.close()
        return None
    return s


def push(s, data):
    with contextlib.suppress(OSError):
        s.send(data)


@pytest.fixture(name="many_files")
def fixture_many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_crowd_at_the_control_socket(tmp_path, many_files, memory):
    rng = schedule("hostile clients")
    with site_with_peer(tmp_path) as (site, _):
        before = memory(site)
        crowd = []
        with contextlib.ExitStack() as closing:
            for i in range(min(runs(2000, 20000), many_files - 200)):
                s = connect(site)
                if s:
                    crowd.append(closing.enter_context(s))
                    push(s, rng.choice(LINES))
                if len(crowd) % 500 == 499:  # and clients that send many requests and never read an answer
                    for _ in range(200):
                        push(crowd[-1], b'{"cmd":"status"}\n' * 20)
            for s in rng.sample(crowd, min(len(crowd), 300)):
                push(s, bytes(random.Random(i).randbytes(4000)))
            events = site.events()
            wait_for(lambda: site.events() > events, 60, "the next event while the crowd stands there")
            print(f"hostile clients: {len(crowd)} connections; memory {before} KiB before, {memory(site)} with them")
            assert memory(site) - before < SWELL
        wait_for(site.answers, 60, "an answer once they are gone")
        wait_for(lambda: site.events() == len(site.consumer.seqs()), 60, "all alarms at the bureau")
        site.stop_emisd()
