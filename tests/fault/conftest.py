"""What several fault tests ask about emisd."""

from pathlib import Path

import pytest


@pytest.fixture(name="memory")
def fixture_memory(monkeypatch):
    """The memory of a site's emisd in KiB; the site has to start after this. The address sanitizer keeps what was freed,
    which would count as memory in use: here it has to let go.
    """
    monkeypatch.setenv("ASAN_OPTIONS", "quarantine_size_mb=1")

    def memory(site, what="VmRSS"):
        lines = Path(f"/proc/{site.emisd.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(what)).split()[1])
    return memory
