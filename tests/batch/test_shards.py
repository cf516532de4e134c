"""Shares of a run: every picture in exactly one of them."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deblurnets.batch.plan import Job, Plan
from deblurnets.batch.shards import Shard, parse_shard, take_shard
from deblurnets.cli import main as cli

NAMES = st.lists(st.text("ab/.é ", min_size=1, max_size=6), unique=True, max_size=40)


@given(names=NAMES, count=st.integers(1, 50), data=st.data())
def test_every_picture_is_in_exactly_one_share(names, count, data):
    jobs = tuple(Job(f"in/{i}/{name}", f"out/{i}/{name}") for i, name in enumerate(names))
    # Shares start at different times: what exists by then differs, and must not matter.
    shares = []
    for number in range(1, count + 1):
        done = data.draw(st.sets(st.sampled_from(jobs))) if jobs and number < 4 else set()
        left = tuple(job for job in jobs if job not in done)
        plan = Plan(left, skipped=tuple(job for job in jobs if job in done))
        share = take_shard(plan, Shard(number, count))
        assert not set(share.jobs) & done
        shares.append(sorted((*share.jobs, *share.skipped), key=lambda job: job.source))
    together = [job for share in shares for job in share]
    assert sorted(together, key=repr) == sorted(jobs, key=repr)
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1


def test_order_and_what_cannot_be_listed_are_kept():
    jobs = tuple(Job(f"in/{n}", f"out/{n}") for n in "abcde")
    plan = Plan(jobs, unread=(("in/secret", "Permission denied"),))
    share = take_shard(plan, Shard(2, 2))
    assert [job.source for job in share.jobs] == ["in/b", "in/d"]
    assert share.unread == plan.unread


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "1/0", "-1/2", "a/b", "1/2/3", "1.0/2"])
def test_other_texts_are_refused_with_what_they_are(text):
    with pytest.raises(ValueError, match=f"expected I/N .* received '{text}'"):
        parse_shard(text)


def test_the_command_lists_its_share(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    os.mkdir("in")
    for name in ("a.png", "b.jpg", "c.png"):
        (tmp_path / "in" / name).touch()
    # A share without a JPEG is as right as the whole run, so --quality is too.
    listed = []
    for number in (1, 2):
        arguments = ["-i", "in", "--dry_run", "--quality", "90", "--shard", f"{number}/2"]
        assert cli.main(arguments) == 0
        lines = capsys.readouterr().out.splitlines()
        listed.append([line.split(" -> ")[0] for line in lines[:-1]])
    assert listed == [
        [os.path.join("in", "a.png"), os.path.join("in", "c.png")],
        [os.path.join("in", "b.jpg")],
    ]


def test_a_share_without_pictures_is_done_without_the_networks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").touch()

    def never(_):
        raise AssertionError("the networks were loaded for nothing")

    assert cli.main(["-i", "a.png", "--shard", "2/2"], never) == 0
    assert capsys.readouterr().out.startswith("0 deblurred, 0 failed")


def test_a_wrong_share_is_wrong_usage(capsys):
    assert cli.main(["-i", "in", "--shard", "3/2"]) == 2
    assert "received '3/2'" in capsys.readouterr().err
