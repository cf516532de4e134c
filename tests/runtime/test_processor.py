"""What the processor is found to be able to do."""

import pytest

from deblurnets.runtime.processor import has_bfloat16


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor : 0\nflags\t\t: fpu avx2 avx512_bf16\n", True),
        ("flags : fpu amx_bf16 amx_tile\n", True),
        ("Features\t: fp asimd bf16\n", True),
        ("flags : fpu avx2\nmodel name : bf16 wonder\n", False),
        ("", False),
    ],
)
def test_bfloat16_is_read_off_the_flags(tmp_path, text, expected):
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    assert has_bfloat16(str(path)) is expected


def test_a_system_without_such_a_file_has_none(tmp_path):
    assert has_bfloat16(str(tmp_path / "none")) is False
