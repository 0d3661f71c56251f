#!/usr/bin/python3
"""The bureau's side of the contract: stores every alarm once, finds missing numbers, asks for them, checks signatures.

The program is a reference to read and to run, for one broker and any number of sites; README.md gives the reasons of the
design. One thread runs everything: paho's loop, the database, the search for gaps. paho 1.6 acknowledges a message after
on_message has returned, so a message that on_message committed is safe, and any other message comes again.
"""

import argparse
import json
import os
import pathlib
import signal
import sys
import time

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

sys.path[0] = str(pathlib.Path(__file__).resolve().parents[2])

# pylint: disable=wrong-import-position
from tests.bureau import checkpoints, gaps  # noqa: E402
from tests.bureau.store import AGAIN, NUMBER, Store  # noqa: E402
from tests.support.contract import complaint, kind_of  # noqa: E402

SESSION_S = 30 * 86400  # the broker keeps the messages that arrive while we are not connected
LARGEST = 256 * 1024    # a larger payload cannot be a message of a gateway
TICK_S = 0.05
STREAMS = {"alarm": "alarm", "gateway-alarm": "alarm", "checkpoint": "checkpoint"}  # the stream of each kind of message
CONNECT_AGAIN_S = 1.0


def log(words):
    print(words, file=sys.stderr, flush=True)


def no_number(word):
    raise ValueError(f"{word} is no JSON")


def parse(message):
    """Returns the text and the parsed payload; raises ValueError with the reason if the message is wrong."""
    if len(message.payload) > LARGEST:
        raise ValueError(f"{message.topic}: {len(message.payload)} bytes")
    text = message.payload.decode()
    payload = json.loads(text, parse_constant=no_number)
    why = complaint(message.topic, payload)
    if why:
        raise ValueError(why)
    return text, payload


class Bureau:
    def __init__(self, options):
        self.options = options
        self.v5 = options.version == "5"
        self.store = Store(options.database)
        self.gaps = gaps.Gaps(options.patience, options.pace, options.tries)
        for site, key in options.key:
            self.store.confirm_key(site, key)
        for stream in NUMBER:
            for site, number in self.store.numbers(stream):
                self.gaps.line(site, stream).add(number)
        self.requests = 0
        self.stopping = False
        self.client = self.make_client()

    def make_client(self):
        options = self.options
        client = mqtt.Client(options.client_id, protocol=mqtt.MQTTv5 if self.v5 else mqtt.MQTTv311,
                             **({} if self.v5 else {"clean_session": False}))
        client.on_connect = self.on_connect
        client.on_subscribe = self.on_subscribe
        client.on_message = self.on_message
        if options.username:
            client.username_pw_set(options.username, pathlib.Path(options.password_file).read_text().strip())
        if options.ca:
            client.tls_set(options.ca, options.client_cert, options.client_key)
        return client

    # ---- the connection

    def connect(self):
        more = {}
        if self.v5:
            session = Properties(PacketTypes.CONNECT)
            session.SessionExpiryInterval = SESSION_S
            more = {"clean_start": False, "properties": session}
        host, port = self.options.broker
        self.client.connect(host, port, keepalive=20, **more)

    def on_connect(self, client, _data, _flags, code, *_):
        if code != 0:
            log(f"the broker refuses us: {code}")
            return
        client.subscribe("emis/1/#", qos=1)

    def on_subscribe(self, *_):
        log("subscribed")
        if self.options.ready:
            temporary = f"{self.options.ready}.new"
            pathlib.Path(temporary).write_text(f"{os.getpid()}\n")
            os.rename(temporary, self.options.ready)

    def run(self):
        code, next_at = mqtt.MQTT_ERR_NO_CONN, 0.0
        while not self.stopping:
            if code == mqtt.MQTT_ERR_SUCCESS:
                code = self.client.loop(TICK_S)
            elif time.monotonic() < next_at:
                time.sleep(TICK_S)
            else:
                next_at = time.monotonic() + CONNECT_AGAIN_S
                try:
                    self.connect()
                    code = mqtt.MQTT_ERR_SUCCESS
                except OSError as error:
                    log(f"no connection: {error}")
            self.ask(time.monotonic())
        self.client.disconnect()  # the broker keeps the session
        self.store.close()

    # ---- arriving messages

    def on_message(self, _client, _data, message):
        """Returns when the message is on disk, or when it need not be stored. An exception here ends the program without
        an acknowledgement, and the broker sends the message again."""
        topic, kind = message.topic, kind_of(message.topic)
        if kind in (None, "resend"):
            return  # a topic that the contract does not know, or our own request
        try:
            text, payload = parse(message)
            now = time.monotonic()
            if kind in STREAMS:
                self.take(STREAMS[kind], topic, text, payload, now)
            elif kind in ("online", "health"):
                self.take_presence(kind, payload, now)
            elif kind == "resend-reply" and not payload["ok"]:
                log(f"{payload['site']}: resend refused: {payload['error']}")
        except (ValueError, OverflowError, RecursionError) as error:  # one bad message must not stop the others
            with self.store.transaction():
                self.store.reject(topic, message.payload[:LARGEST], str(error))
            log(f"rejected: {error}")

    def take(self, stream, topic, text, payload, now):
        site = payload["site"]
        newest = 0
        with self.store.transaction():
            if stream == "alarm":
                seen, told = self.store.alarm(topic, text, payload), []
            else:
                link, digest, proved, told = checkpoints.judge(self.store, payload)
                seen = self.store.checkpoint(topic, text, payload, link, digest, proved)
                newest = checkpoints.newest(payload) if proved else 0
            for kind, words in told if seen != AGAIN else []:
                if self.store.report(site, kind, words):
                    log(f"{site}: {kind}: {words}")
        self.gaps.arrived(site, stream, payload[NUMBER[stream]], now)
        self.gaps.announced(site, "alarm", newest, now)

    def take_presence(self, kind, payload, now):
        if "seq" in payload:
            self.gaps.announced(payload["site"], "alarm", payload["seq"], now)
        if kind == "online":
            self.gaps.presence(payload["site"], payload["online"])

    # ---- missing numbers

    def ask(self, now):
        if not self.client.is_connected():
            return
        ask, given_up = self.gaps.due(now)
        for request in given_up:
            words = f"{request.stream} {request.first} to {request.last} did not come in {self.options.tries} tries"
            if self.store.report(request.site, "given-up", words):
                log(f"{request.site}: given up: {words}")
        for request in ask:
            self.requests += 1
            token = f"{self.options.client_id}-{os.getpid()}-{self.requests}"
            topic = f"emis/1/{request.site}/resend"
            body = {"from": request.first, "to": request.last, "stream": request.stream, "id": token}
            properties = None
            if self.v5:
                properties = Properties(PacketTypes.PUBLISH)
                properties.ResponseTopic = f"{topic}/reply"
                properties.CorrelationData = token.encode()
            self.client.publish(topic, json.dumps(body), qos=1, properties=properties)
            log(f"{request.site}: asked for {request.stream} {request.first} to {request.last}")


def site_key(text):
    site, found, key = text.partition("=")
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r}: expected SITE=PUBLICKEY")
    return site, key


def host_port(text):
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r}: expected HOST:PORT")
    return host, int(port)


def arguments():
    parser = argparse.ArgumentParser(description="Takes the alarms of all gateways of a broker into a database.")
    add = parser.add_argument
    add("--broker", type=host_port, required=True, metavar="HOST:PORT")
    add("--database", required=True, metavar="FILE")
    add("--ready", metavar="FILE", help="written when subscribed")
    add("--ca", metavar="FILE", help="who signed the broker's certificate: makes the connection TLS")
    add("--client-cert", metavar="FILE")
    add("--client-key", metavar="FILE")
    add("--username", metavar="NAME")
    add("--password-file", metavar="FILE")
    add("--client-id", default="bureau", help="fixed: the broker keeps this one's messages (bureau)")
    add("--version", choices=("5", "3.1.1"), default="5")
    add("--key", type=site_key, action="append", default=[], metavar="SITE=PUBLICKEY", help="from `emisctl identity`")
    add("--patience", type=float, default=30.0, metavar="S", help="how long a hole may fill by itself (30)")
    add("--pace", type=float, default=10.0, metavar="S", help="between two requests to a site (10)")
    add("--tries", type=int, default=8, metavar="N", help="requests for a range before it is given up (8)")
    return parser.parse_args()


def main():
    bureau = Bureau(arguments())

    def stop(*_):
        bureau.stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    bureau.run()


if __name__ == "__main__":
    main()
