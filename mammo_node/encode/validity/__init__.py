"""The gate: what leaves is checked against the standard, in production, whoever wrote it.

Rules:

* It looks at the bytes that would leave, not at the dataset that they were made from.
* It knows PS3.3 from a table of its own (:mod:`.table`), not from the encoders.
* A kind of object that the table does not know does not pass.
* A complaint names an attribute and what is wrong, never a value: values may be a patient's.
* What is taken over from the source as it is, a name that is too long perhaps, is not judged.
"""

from mammo_node.encode.validity.complaint import Complaint, summary
from mammo_node.encode.validity.gate import Context, complaints

__all__ = ["Complaint", "Context", "complaints", "summary"]
