"""The seeded faults still fit the code: a stale patch would prove nothing."""

import ast
from pathlib import Path

import pytest

from tests.mutants.__main__ import verdict
from tests.mutants.faults import FAULTS, Fault

REPOSITORY = Path(__file__).resolve().parents[2]
EACH = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)


@EACH
def test_each_patch_applies_exactly_once(fault: Fault) -> None:
    text = (REPOSITORY / fault.file).read_text()
    assert text.count(fault.old) == 1
    assert fault.new != fault.old


@EACH
def test_each_patched_file_is_still_python(fault: Fault) -> None:
    text = (REPOSITORY / fault.file).read_text().replace(fault.old, fault.new)
    if fault.file.endswith(".py"):
        ast.parse(text)


@EACH
def test_each_killer_is_there(fault: Fault) -> None:
    file, _, name = fault.test.partition("::")
    assert f"def {name}(" in (REPOSITORY / file).read_text()


def test_no_two_faults_share_a_name() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 10


def test_only_a_failure_for_the_stated_reason_counts_as_killed() -> None:
    fault = FAULTS[0]
    failed = f"E   assert 1 == 2\nFAILED {fault.test} - assert 1 == 2"
    assert verdict(fault, 0, "1 passed") == "SURVIVED"
    assert verdict(fault, 2, "ERROR collecting").startswith("BROKEN")
    assert verdict(fault, 1, f"ERROR {fault.test}").startswith("BROKEN")
    assert verdict(fault, 1, f"E   NameError: x\n{failed}").startswith("BROKEN")
    assert verdict(fault, 1, failed).startswith("OTHER REASON")
    assert verdict(fault, 1, f"E   {fault.because}\n{failed}") == "killed"
