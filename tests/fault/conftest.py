"""Fixtures that several fault tests use."""

from pathlib import Path

import pytest


@pytest.fixture(name="memory")
def fixture_memory(monkeypatch):
    """A function that gives the memory of a site's emisd in KiB; the site must start after this. The address sanitizer keeps
    freed memory, which would count as memory in use: here its options make it release the memory.
    """
    monkeypatch.setenv("ASAN_OPTIONS", "quarantine_size_mb=1")

    def memory(site, what="VmRSS"):
        lines = Path(f"/proc/{site.emisd.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(what)).split()[1])
    return memory
