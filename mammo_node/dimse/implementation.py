"""Who we are to DICOM peers (PS3.7 D.3.3.2)."""

from __future__ import annotations

#: Implementation Class UID: a UUID-derived UID (PS3.5 B.2) of this project's own.
IMPLEMENTATION_CLASS_UID = "2.25.302149836804439123268941796329483092511"
#: At most 16 characters.
IMPLEMENTATION_VERSION_NAME = "MAMMO_NODE"
