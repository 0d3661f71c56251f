"""A separate network behind a virtual cable that can be cut without either end being informed. Needs root.

The network namespace belongs to a child process and ends with it, and the cable ends with the namespace: so nothing is left
behind, whatever happens.
"""

import os
import random
import subprocess

from tests.support.rig import wait_for

RULES = """table inet cut {{
  chain in {{ type filter hook input priority 0; policy {0}; iifname lo accept; }}
  chain out {{ type filter hook output priority 0; policy {1}; oifname lo accept; }}
}}
"""


def run(*args, **options):
    subprocess.run([str(a) for a in args], check=True, capture_output=True, **options)


class FarSide:
    """`near` and `far` are the addresses of the cable's ends; `enter` is the prefix of a command that runs on the far side."""

    def __init__(self):
        self.cable = ""
        self.holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
        try:
            self.set_up()
        except BaseException:
            self.close()
            raise

    def set_up(self):
        pid = self.holder.pid
        ours = os.readlink("/proc/self/ns/net")
        wait_for(lambda: os.readlink(f"/proc/{pid}/ns/net") != ours, what="the namespace")
        self.enter = ("nsenter", "--target", str(pid), "--net")
        self.cable = f"emis{pid}"
        net = f"198.{random.SystemRandom().choice((18, 19))}.{random.SystemRandom().randrange(256)}"  # RFC 2544
        self.near, self.far = f"{net}.1", f"{net}.2"
        run("ip", "link", "add", self.cable, "type", "veth", "peer", "name", "far", "netns", pid)
        run("ip", "address", "add", f"{self.near}/30", "dev", self.cable)
        run("ip", "link", "set", self.cable, "up")
        for command in (("address", "add", f"{self.far}/30", "dev", "far"), ("link", "set", "far", "up"),
                        ("link", "set", "lo", "up")):
            run(*self.enter, "ip", *command)

    def cut(self, inwards="drop", outwards="drop"):
        """Sets what happens to packets to and from the far side: "drop" or "accept". The loopback there still works."""
        run(*self.enter, "nft", "-f", "-", input=RULES.format(inwards, outwards).encode())

    def join(self):
        run(*self.enter, "nft", "flush", "ruleset")

    def close(self):
        """Deletes the cable at once; the namespace disappears a moment after its last process."""
        subprocess.run(["ip", "link", "delete", self.cable], capture_output=True, check=False)
        self.holder.stdin.close()
        self.holder.wait(10)
