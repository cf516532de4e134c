"""What is free, and what fits into it."""

import pytest

from deblurnets.runtime import memory


@pytest.mark.parametrize(
    "available, expected",
    [
        (10**5, 384),
        (100 * 2 * 1000**2, 1000),
        (100 * 2 * 5_999_999, 2449),
        (100 * 2 * 6 * 10**6, 3000),
    ],
)
def test_parts_follow_the_memory(available, expected, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: available)
    assert memory.affordable_side((2000, 3000), 100) == expected
    assert memory.affordable_side((2000, 3000), 100, largest=900) == min(expected, 900)


def test_a_containers_limit_counts(tmp_path, monkeypatch):
    (tmp_path / "max").write_text("5000000\n")
    (tmp_path / "used").write_text("2000000\n")
    monkeypatch.setattr(memory, "_CGROUPS", ((tmp_path / "max", tmp_path / "used"),))
    assert memory.available_memory() == 3_000_000
    (tmp_path / "max").write_text("max\n")
    assert memory.available_memory() > 3_000_000
