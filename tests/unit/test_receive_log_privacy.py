"""What libraries say about received values stays out of the log: it is patient data."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import logging
import pydicom
from mammo_node import log
log.configure("debug", "json")
ds = pydicom.Dataset()
ds.add_new("StudyInstanceUID", "UI", "Secret^Name")
ds.add_new("PatientBirthDate", "DA", "Secret^Name")
logging.getLogger("pydicom").warning("Secret^Name")
log.get("test").info("said")
"""


def test_odd_values_in_datasets_are_not_logged() -> None:
    """Warnings of pydicom, which quote the value, reach neither log nor standard error."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    assert '"said"' in done.stderr
    assert "Secret" not in done.stderr + done.stdout
