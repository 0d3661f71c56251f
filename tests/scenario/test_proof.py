"""Stored data can be verified: the chain of the running daemon, its checkpoints, and the detection of a changed file."""

import base64
import os
import shutil
import sqlite3
import subprocess

from nacl.signing import VerifyKey

from tests.support.rig import build_dir, wait_for

# emisctl runs the emisd that lies beside it or is on the PATH.
ENVIRONMENT = {**os.environ, "PATH": f"{build_dir() / 'daemon'}:{os.environ['PATH']}"}


def verify(folder, *options):
    return subprocess.run([build_dir() / "cli/emisctl", "verify", "--directory", folder, *options], capture_output=True,
                          text=True, check=False, env=ENVIRONMENT)


def test_an_hour_is_sealed_told_and_can_be_proved(make_rig, tmp_path_factory):
    rig = make_rig(scale=120, start="2026-03-02T08:48:00+08:00", poll="4s")
    identity = rig.ask("identity")["identity"][0]
    rig.plant.do("hold so2 120")
    checkpoint = wait_for(lambda: rig.bureau.all("/checkpoint"), 60, "the checkpoint of the hour")[-1]
    assert checkpoint["public_key"] == identity["public_key"]
    key = VerifyKey(base64.b64decode(identity["public_key"]))
    key.verify(checkpoint["body"].encode(), base64.b64decode(checkpoint["signature"]))
    words = dict(line.split(" ", 1) for line in checkpoint["body"].splitlines()[1:])
    assert words["site"] == rig.ask("identity")["identity"][0]["site"]
    assert rig.emisd.stop() == 0
    # Verifies a copy with the daemon stopped, against a checkpoint that the bureau has.
    copy = tmp_path_factory.mktemp("copy") / "data"
    shutil.copytree(rig.folder / "data", copy)
    good = verify(copy, "--key", identity["public_key"], "--against", f"{words['link']}:{words['hash']}")
    assert good.returncode == 0, good.stdout + good.stderr
    assert "All is as it was written." in good.stdout
    with sqlite3.connect(copy / "state.db") as db:
        seq, link = db.execute("SELECT row, id FROM link WHERE kind='event' ORDER BY id LIMIT 1").fetchone()
        db.execute("UPDATE outbox SET payload=replace(payload, '120', '20') WHERE stream='alarm' AND seq=?", (seq,))
        db.execute("UPDATE outbox SET payload=payload || ' ' WHERE stream='alarm' AND seq=?", (seq,))
    bad = verify(copy)
    assert bad.returncode == 1
    assert f"links {link} to {link}: the event was changed" in bad.stdout


def test_emisctl_verify_speaks_plainly(tmp_path):
    missing = verify(tmp_path)
    assert missing.returncode == 1
    assert str(tmp_path) in missing.stderr
    wrong = verify(tmp_path, "--from", "yesterday")
    assert wrong.returncode == 2 and "yesterday" in wrong.stderr
    shown = subprocess.run([build_dir() / "cli/emisctl", "verify", "--help"], capture_output=True, text=True, check=False,
                           env=ENVIRONMENT)
    assert shown.returncode == 0 and "--against" in shown.stdout
