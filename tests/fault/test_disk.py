"""The disk is full for an hour, or becomes read-only while the daemon runs: alarms come first, readings are stored when there
is space again, and emisd reports all of it."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from tests.fault.checker import HOUR, random_truth, read_only
from tests.fault.site import Site
from tests.support.rig import replace_section, wait_for
from tests.support.schedule import runs, schedule

START = "2026-03-02T07:50:00+08:00"
FIRST = 600
SCALE = 360.0
BAD = 120.0

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts small file systems")


def run(*args):
    return subprocess.run([str(a) for a in args], check=True, capture_output=True, text=True).stdout


class DiskSite(Site):
    """The store lies on a separate file system; `mount` holds the arguments of a mount command without the mount point."""

    def __init__(self, folder, truth, mount, reserve, **options):
        self.disk = folder / "data"
        self.mounted = False
        self.mount_words = mount

        def edit(text):
            return replace_section(text, "store",
                                   f'{{ path = "{self.disk}"; batch = "1s"; quota = "16MiB"; reserve = "{reserve}"; }}')
        super().__init__(folder, truth, SCALE, edit=edit, **options)

    def mount(self):
        self.disk.mkdir(exist_ok=True)
        run("mount", *self.mount_words, self.disk)
        self.mounted = True

    def unmount(self):
        if self.mounted:
            run("umount", self.disk)
            self.mounted = False

    def start_surroundings(self):
        self.mount()
        super().start_surroundings()

    def stop(self):
        try:
            super().stop()
        finally:
            self.unmount()

    def free(self):
        fs = os.statvfs(self.disk)
        return fs.f_bavail * fs.f_frsize

    def fill(self):
        """Fills the file system until no further block fits."""
        with open(self.disk / "filler", "ab", buffering=0) as file:
            size = 1 << 20
            while size >= 512:
                try:
                    if file.write(bytes(size)) < size:
                        size //= 2
                except OSError as error:
                    assert error.errno == errno.ENOSPC
                    size //= 2

    def readings(self):
        """The number of chunks of readings on the disk."""
        n = 0
        for path in Path(self.disk).glob("raw-2*.db"):
            with read_only(path) as db:
                n += db.execute("SELECT count(*) FROM chunk").fetchone()[0]
        return n


def bad_at_first(rng, hours):
    """Random hours, of which the first two are beyond the limit, so that there are alarms while the disk is full."""
    truth = random_truth(rng, START, hours)
    truth.changes = [c for c in truth.changes if c[0] == 0 or c[0] >= FIRST + 2 * HOUR] + [(FIRST, BAD)]
    truth.changes.sort()
    if not any(at == FIRST + 2 * HOUR for at, _ in truth.changes):
        truth.changes.append((FIRST + 2 * HOUR, 20.0))
        truth.changes.sort()
    return truth


def test_alarms_are_recorded_and_delivered_on_a_full_disk(tmp_path):
    rng = schedule("full disk")
    times = runs(1, 6)
    truth = bad_at_first(rng, 3 * times)
    with DiskSite(tmp_path, truth, ["-t", "tmpfs", "-o", "size=48m", "tmpfs"], "16MiB", outlets=2) as site:
        for i in range(times):
            full = FIRST + 3 * i * HOUR + rng.uniform(0.2, 0.8) * HOUR
            wait_for(lambda t=full: site.now() >= t, 60, "the moment")
            events = site.events()
            site.fill()
            stored = site.readings()
            wait_for(lambda t=full: site.now() >= t + HOUR, HOUR / SCALE + 10, "an hour of it")
            assert site.emisd.running(), site.emisd.text()[-2000:]
            wait_for(lambda: site.consumer.alarms(rule="disk-low", event="raised"), what="the word about the disk")
            if i == 0:
                wait_for(lambda n=events: len(site.consumer.seqs()) > n + 2, what="the alarms of the hour, delivered")
                told = {(a["period"]["start"][11:16], a["outlet"]) for a in site.consumer.alarms(class_="exceedance")}
                assert told >= {("08:00", "DA001"), ("08:00", "DA001-1")}, told
            assert site.point("DA001", "so2")["flag"] == "N"
            print(f"full disk {i + 1}: {site.events() - events} events recorded meanwhile; {site.free()} bytes free; "
                  f"{site.readings() - stored} chunks of readings written")
            os.unlink(site.disk / "filler")
            wait_for(lambda n=stored: site.readings() > n, 60, "readings on the disk again")
            wait_for(lambda n=i: len(site.consumer.alarms(rule="disk-low", event="cleared")) > n, 60, "the end of it")
        books = site.check(site.at(FIRST + 3 * times * HOUR))
        print(f"full disk: {times}: {books}")
        print("\n".join(line for line in site.emisd.text().splitlines() if "full" in line or "disk" in line)[:2000])


def test_a_disk_that_goes_read_only_is_told_and_a_restart_finds_everything(tmp_path):
    """Like ext4 on a failing flash: after an error no further write succeeds."""
    rng = schedule("read-only disk")
    times = runs(1, 4)
    image = tmp_path / "image"
    with open(image, "wb") as file:
        file.truncate(48 << 20)
    run("mkfs.ext4", "-q", image)
    with DiskSite(tmp_path, bad_at_first(rng, 3 * times), ["-o", "loop,errors=remount-ro", image], "4MiB") as site:
        for i in range(times):
            moment = FIRST + 3 * i * HOUR + rng.uniform(0.2, 0.9) * HOUR
            wait_for(lambda t=moment: site.now() >= t, 60, "the moment")
            device = Path(run("findmnt", "-n", "-o", "SOURCE", site.disk).strip()).name
            Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("1")
            said = len(site.emisd.text())
            wait_for(lambda n=said: "cannot write" in site.emisd.text()[n:], 30, "the word about it")
            print("read-only: " + site.emisd.text()[said:].splitlines()[0])
            assert site.answers() and site.point("DA001", "so2")["flag"] == "N", "reading and answering go on"
            site.kill("emisd")  # as the watchdog of the box or an operator would
            site.unmount()
            subprocess.run(["e2fsck", "-fy", image], check=False, capture_output=True)
            site.mount()
            site.start_emisd()
        books = site.check(site.at(FIRST + 3 * times * HOUR))
        print(f"read-only disk: {times}: {books}")
