"""The connection to the broker is encrypted and checked; otherwise no message leaves, and emisd reports the reason."""

import os
import socket
import sqlite3
import subprocess
import threading

import pytest

from tests.fault.checker import Truth, recorded
from tests.fault.site import KEEP_ALL, Site
from tests.support.consumer import Consumer
from tests.support.rig import Broker, replace_section, wait_for
from tests.support.schedule import LONG, runs

START = "2026-03-02T07:58:00+08:00"
PASSWORD = "correct horse"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(folder, *args):
    subprocess.run(["openssl", *map(str, args)], cwd=folder, check=True, capture_output=True)


def make_ca(folder, name):
    openssl(folder, "req", "-x509", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN=test {name}",
            "-days", 2)


def make_cert(folder, name, ca="ca", san="IP:127.0.0.1,DNS:localhost", days=2):
    (folder / f"{name}.ext").write_text(f"subjectAltName={san}\n")
    openssl(folder, "req", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial",
            "-out", f"{name}.pem", "-days", days, "-extfile", f"{name}.ext")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class TlsSite(Site):
    """The broker has a listener with TLS, client certificates and passwords for gateways, and a plain listener for the bureau,
    which would receive any message that reaches the broker in any way.
    """

    def __init__(self, folder, truth, cert="broker", acl="topic readwrite emis/#\n", **options):
        super().__init__(folder, truth, judging="warning_minutes = 1;", **options)
        self.tls_port = free_port()
        for ca in ("ca", "other-ca"):
            make_ca(folder, ca)
        for name, more in (("broker", {}), ("elsewhere", {"san": "DNS:bureau.example"}), ("expired", {"days": -1}),
                           ("stranger", {"ca": "other-ca"}), ("plant", {"san": "DNS:plant"}),
                           ("foreign", {"ca": "other-ca", "san": "DNS:plant"})):
            make_cert(folder, name, **more)
        (folder / "password").write_text(PASSWORD + "\n")
        (folder / "wrong-password").write_text("battery staple\n")
        subprocess.run(["mosquitto_passwd", "-b", "-c", folder / "passwords", "plant", PASSWORD], check=True,
                       capture_output=True)
        (folder / "acl").write_text(f"topic readwrite emis/#\nuser plant\n{acl}")
        os.chmod(folder / "acl", 0o600)
        self.set_cert(cert)

    def set_cert(self, name):
        f = self.folder
        self.broker_conf = (f"{KEEP_ALL}password_file {f}/passwords\nacl_file {f}/acl\n"
                            f"listener {self.tls_port} 127.0.0.1\ncafile {f}/ca.pem\nrequire_certificate true\n"
                            f"certfile {f}/{name}.pem\nkeyfile {f}/{name}.key\n")

    def mqtt_section(self, **changes):
        f = self.folder
        values = {"broker": f"mqtts://127.0.0.1:{self.tls_port}", "ca": f"{f}/ca.pem", "client_cert": f"{f}/plant.pem",
                  "client_key": f"{f}/plant.key", "username": "plant", "password_file": f"{f}/password", **changes}
        settings = " ".join(f'{key} = "{value}";' for key, value in values.items() if value is not None)
        return f"{{ {settings} {self.mqtt_conf} }}"

    def set_mqtt(self, **changes):
        self.conf.write_text(replace_section(self.conf.read_text(), "mqtt", self.mqtt_section(**changes)))

    def arrived(self):
        return len(self.consumer.seqs())


@pytest.fixture(name="bad_hour")
def fixture_bad_hour():
    return Truth(START, [(0, 120.0)])


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_certificate_and_a_password_open_the_door(tmp_path, bad_hour, version):
    with TlsSite(tmp_path, bad_hour, mqtt=f'version = "{version}";') as site:
        wait_for(lambda: site.arrived() > 0, what="an alarm")
        site.settle()
        wait_for(lambda: site.arrived() == site.events(), what="all of them")


WRONG = [  # the fault, the broker's certificate, the settings, and the words that emisd must report
    ("a certificate for another host", "elsewhere", {},
     "wrong host name: the broker's certificate is for bureau.example, not for 127.0.0.1"),
    ("an expired certificate", "expired", {}, "the broker's certificate is out of date"),
    ("a broker that an unknown authority vouches for", "stranger", {},
     'wrong authority: the broker\'s certificate was signed by "test other-ca"'),
    ("a broker without TLS", "broker", {"broker": "plain"}, "no TLS there: the port answers, but not with TLS"),
    ("no certificate of ours", "broker", {"client_cert": None, "client_key": None},
     "the broker asks for our certificate; name one with client_cert and client_key"),
    ("a certificate of ours that the broker does not know", "broker", {"client_cert": "foreign", "client_key": "foreign"},
     "the broker refused our certificate, that of client_cert"),
    ("a wrong password", "broker", {"password_file": "wrong-password"}, "Not authorized"),
    ("no password", "broker", {"username": "nobody", "password_file": None}, "Not authorized"),
]


def test_nothing_leaves_by_a_way_that_is_not_right_and_the_reason_is_told(tmp_path, bad_hour):
    with TlsSite(tmp_path, bad_hour, consumer=("--patience", "600")) as site:
        site.settle()
        wait_for(lambda: site.arrived() == site.events(), what="what came by the right way")
        for rule, cert, changes, said in WRONG:
            before = site.arrived()
            changes = {key: value and {"plain": f"mqtts://127.0.0.1:{site.broker.port}", "nobody": value}.get(
                value, str(tmp_path / (value + {"client_cert": ".pem", "client_key": ".key"}.get(key, ""))))
                for key, value in changes.items()}
            site.broker.stop()
            site.set_cert(cert)
            site.restart_broker(wait=True)
            site.set_mqtt(**changes)
            told = len(site.emisd.text())
            site.start_emisd()
            error = wait_for(lambda: site.outbox()["error"], what=f"the word about {rule}")
            print(f"{rule}: {error}")
            assert said in error, (rule, error)
            log = site.emisd.text()[told:]
            assert error.split(" (")[0] in log, log
            wait_for(lambda: site.point("DA001", "so2")["flag"] == "N", what="a reading: the rest goes on")
            assert site.outbox()["state"] != "connected"
            site.stop_emisd()
            assert site.arrived() == before, rule
        site.broker.stop()
        site.set_cert("broker")
        site.restart_broker(wait=True)
        site.set_mqtt()
        site.start_emisd()
        site.settle()
        wait_for(lambda: site.arrived() == site.events(), what="everything, by the right way again")


def test_a_refusal_parks_the_message_with_its_reason_and_the_others_flow(tmp_path, bad_hour):
    """The broker's access list refuses the alarms of one outlet, which MQTT 5 reports to emisd."""
    with TlsSite(tmp_path, bad_hour, acl="topic readwrite emis/#\ntopic deny emis/1/+/DA001-1/alarm\n", outlets=2,
                 consumer=("--patience", "600")) as site:
        parked = wait_for(lambda: (o := site.outbox())["parked"] >= 1 and o, what="the parked message")
        print(parked)
        wait_for(lambda: site.consumer.alarms(outlet="DA001"), what="the other outlet's")
        assert "is parked" in site.emisd.text() and "Not authorized" in site.emisd.text()
        told = wait_for(lambda: site.consumer.alarms(rule="message-parked"), what="the word to the bureau")
        print(told[0]["words"])
        site.settle()
        box = recorded(site.folder / "data")
        refused = {seq for (stream, seq), (topic, _, state) in box.items() if topic.endswith("DA001-1/alarm")}
        wait_for(lambda: set(site.consumer.seqs()) >= {seq for stream, seq in box if stream == "alarm"} - refused,
                 what="all the others")
        assert not set(site.consumer.seqs()) & refused
        with sqlite3.connect(site.folder / "data/state.db") as db:
            reasons = {reason for reason, in db.execute("SELECT reason FROM outbox WHERE state=2")}
        assert len(reasons) == 1 and "Not authorized" in reasons.pop()


def test_with_mqtt_3_1_1_a_refusal_looks_like_an_acknowledgement_and_the_numbers_show_it(tmp_path, bad_hour):
    with TlsSite(tmp_path, bad_hour, acl="topic readwrite emis/#\ntopic deny emis/1/+/DA001-1/alarm\n", outlets=2,
                 mqtt='version = "3.1.1";', consumer=("--patience", "0.5", "--pace", "0.5", "--tries", "2")) as site:
        told = wait_for(lambda: site.consumer.reports("given-up"), 60, what="the report of the bureau")
        print(told)
        assert site.outbox()["parked"] == 0, "emisd cannot know"
        assert site.consumer.alarms(outlet="DA001") and not site.consumer.alarms(outlet="DA001-1")


class Mute:
    """A server that accepts connections and sends nothing, or only the first part of an answer."""

    def __init__(self, begin=b""):
        self.begin = begin
        self.peers = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while True:
            try:
                peer, _ = self.listener.accept()
                self.peers.append(peer)
                if self.begin:
                    peer.recv(4096)
                    peer.sendall(self.begin)
            except OSError:
                return

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()
        for peer in self.peers:
            peer.close()


# The beginning of a TLS 1.2 record with a ServerHello of 90 bytes, of which only 20 are sent.
HALF_HELLO = bytes.fromhex("160303005a020000560303") + bytes(20)


def test_a_broker_that_stops_in_the_middle_of_a_greeting_holds_nothing_up(tmp_path, bad_hour):
    mutes = [Mute(), Mute(HALF_HELLO)]
    try:
        with TlsSite(tmp_path, bad_hour) as site:
            site.settle()
            for mute in mutes:
                site.set_mqtt(broker=f"mqtts://127.0.0.1:{mute.port}")
                told, events = len(site.emisd.text()), site.events()
                site.start_emisd()
                wait_for(lambda m=mute: m.peers, what="the connection")
                wait_for(lambda n=events: site.events() > n and site.answers(), what="an event, and an answer to status")
                if LONG:  # each takes 20 s
                    error = wait_for(lambda: site.outbox()["error"], 60, "the end of its patience")
                    print(f"{error}; {len(mute.peers)} connections")
                    assert error.split(" (")[0] in site.emisd.text()[told:]
                site.stop_emisd()
            site.set_mqtt()
            site.start_emisd()
            site.settle()
            wait_for(lambda: site.arrived() == site.events(), what="all of it by the broker that speaks")
    finally:
        for mute in mutes:
            mute.stop()


def test_stopping_while_a_connection_is_being_made_ends_well(tmp_path, bad_hour):
    """The process ends while the library's thread may be in the middle of a handshake."""
    with TlsSite(tmp_path, bad_hour, consumer=("--patience", "600")) as site:
        for _ in range(runs(10, 150)):
            wait_for(lambda: site.answers() and site.outbox()["pending"] == 0, what="nothing to send")
            site.stop_emisd()
            site.start_emisd()


def test_a_standby_takes_over_when_the_first_broker_is_gone_or_cannot_be_trusted(tmp_path, bad_hour):
    """The first broker has a certificate for another host, and later is gone; the second broker is right."""
    with TlsSite(tmp_path, bad_hour, cert="elsewhere") as site:
        standby = free_port()
        second = tmp_path / "second"
        second.mkdir()
        f = tmp_path
        broker = Broker(second, extra=f"{KEEP_ALL}allow_anonymous true\npassword_file {f}/passwords\nacl_file {f}/acl\n"
                                      f"listener {standby} 127.0.0.1\ncafile {f}/ca.pem\nrequire_certificate true\n"
                                      f"certfile {f}/broker.pem\nkeyfile {f}/broker.key\n")
        bureau = None
        try:
            bureau = Consumer(second, broker.port, "--patience", "1", "--pace", "1")
            section = site.mqtt_section()[:-1] + f'standby = [ "mqtts://127.0.0.1:{standby}" ]; }}'
            site.stop_emisd()
            site.conf.write_text(replace_section(site.conf.read_text(), "mqtt", section))
            site.start_emisd()
            wait_for(lambda: site.outbox()["state"] == "connected", 60, "the connection to the standby")
            assert str(standby) in site.outbox()["broker"]
            wait_for(lambda: bureau.seqs(), 60, "alarms at the bureau of the standby")
            assert site.arrived() == 0, "nothing left by the first, whose certificate is for another host"
            site.kill("broker")
            site.settle()
            wait_for(lambda: len(bureau.seqs()) == site.events(), 60, "all of them")
        finally:
            if bureau and bureau.running():
                bureau.stop()
            broker.stop()
