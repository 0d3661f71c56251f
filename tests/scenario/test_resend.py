"""The bureau asks for messages again, over MQTT 5 and 3.1.1; requests of a stranger do no harm."""

import json
import threading

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.support.rig import wait_for

SITE = "emis/1/anyang-steel-01"


class Asker:
    """A client of the bureau that sends requests and keeps the messages it receives."""

    def __init__(self, port, protocol):
        self.v5 = protocol == mqtt.MQTTv5
        self.lock = threading.Lock()
        self.got = []  # (topic, payload, properties)
        ready = threading.Event()
        self.client = mqtt.Client(client_id="asker", protocol=protocol)
        self.client.on_connect = lambda client, *_: client.subscribe([(f"{SITE}/resend/reply/#", 1), (f"{SITE}/+/alarm", 1)])
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.on_message = self.take
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert ready.wait(10)

    def take(self, _client, _data, message):
        with self.lock:
            self.got.append((message.topic, message.payload, getattr(message, "properties", None)))

    def ask(self, payload, response_topic=None, correlation=None):
        properties = None
        if self.v5 and (response_topic or correlation):
            properties = Properties(PacketTypes.PUBLISH)
            properties.ResponseTopic = response_topic
            properties.CorrelationData = correlation
        self.client.publish(f"{SITE}/resend", payload, qos=1, properties=properties).wait_for_publish()

    def replies(self, topic="/resend/reply"):
        with self.lock:
            return [(json.loads(payload), properties) for where, payload, properties in self.got if where.endswith(topic)]

    def alarms(self):
        with self.lock:
            return [payload for where, payload, _ in self.got if where.endswith("/alarm")]

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture(name="rig")
def fixture_rig(make_rig):
    rig = make_rig(scale=120, start="2026-03-02T08:50:00+08:00", poll="4s", plant=["hold so2 120"])
    wait_for(lambda: len(rig.bureau.alarms()) >= 3, 60, "some alarms")
    return rig


@pytest.mark.parametrize("protocol", [mqtt.MQTTv5, mqtt.MQTTv311], ids=["mqtt5", "mqtt3.1.1"])
def test_messages_come_again_byte_by_byte(rig, protocol):
    asker = Asker(rig.broker.port, protocol)
    first = {a["seq"]: a for a in rig.bureau.alarms()}
    v5 = protocol == mqtt.MQTTv5
    topic = f"{SITE}/resend/reply/desk-7" if v5 else None
    asker.ask('{"from": 1, "to": 2, "id": "a.1", "later": true}', topic, b"\x00\x01")
    reply, properties = wait_for(lambda: asker.replies("/desk-7" if v5 else "/reply"), what="the reply")[0]
    assert (reply["ok"], reply["count"], reply["id"], reply["stream"]) == (True, 2, "a.1", "alarm")
    assert reply["newest"] >= 3
    if v5:
        assert properties.CorrelationData == b"\x00\x01"
    again = wait_for(lambda: [json.loads(p) for p in asker.alarms() if json.loads(p)["seq"] <= 2][1:] and
                     [json.loads(p) for p in asker.alarms() if json.loads(p)["seq"] <= 2], what="both messages")
    assert sorted(a["seq"] for a in again) == [1, 2]
    assert all(a == first[a["seq"]] for a in again)
    asker.stop()


def test_nonsense_is_answered_with_a_sentence(rig):
    asker = Asker(rig.broker.port, mqtt.MQTTv311)
    for payload in (b"not json", b"x" * 5000, b'{"from": 3, "to": 1}\x00'):
        asker.ask(payload)
    replies = wait_for(lambda: len(asker.replies()) == 3 and asker.replies(), what="the replies")
    assert all(r["ok"] is False and r["error"] for r, _ in replies)
    assert rig.ask("status")["outbox"][0]["state"] == "connected"
    asker.stop()


def test_no_request_makes_the_gateway_publish_elsewhere(rig):
    asker = Asker(rig.broker.port, mqtt.MQTTv5)
    for topic in ("bureau/secrets", f"{SITE}/DA001/alarm", f"{SITE}/resend/replyx", f"{SITE}/resend/reply"):
        asker.ask('{"from": 1, "to": 1}', topic, b"x")
    wait_for(lambda: len(asker.replies()) == 4, what="all replies where they belong")
    wait_for(lambda: rig.ask("status")["outbox"][0]["pending"] == 0, what="the messages")
    assert all("from" not in json.loads(p) for p in asker.alarms())
    asker.stop()


def test_a_flood_of_requests_is_dropped_and_the_rest_goes_on(rig):
    asker = Asker(rig.broker.port, mqtt.MQTTv311)
    for _ in range(2000):
        asker.client.publish(f"{SITE}/resend", '{"from": 1, "to": 1000}', qos=0)
    asker.ask('{"from": 1, "to": 1}')
    wait_for(lambda: [r for r, _ in asker.replies() if r["error"] and "too many" in r["error"]], what="the refusal")
    assert len([r for r, _ in asker.replies() if r["ok"]]) <= 6
    assert rig.ask("status")["outbox"][0]["state"] == "connected"
    asker.stop()
