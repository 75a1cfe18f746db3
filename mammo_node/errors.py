"""Every error this software raises on purpose, in one tree.

::

    MammoNodeError
    ├── ConfigurationError          a file or an option is wrong: file, key, value and what is right
    ├── AssociationFailure          an association with a peer ends before its time
    │   ├── PeerGone                the transport connection closed, or the peer aborted
    │   ├── DeadlineExceeded        the peer kept us waiting too long
    │   └── ProtocolViolation       the peer broke PS3.8 or PS3.7: carries the abort reason
    ├── ReceiverFailed              a receiver process does not start
    ├── ReceptionError              an instance cannot be accepted: carries the C-STORE status
    │   ├── OutOfResources          A700, retryable
    │   ├── DatasetMismatch         A900
    │   ├── CannotUnderstand        C000
    │   ├── SopClassNotSupported    0122
    │   └── DuplicateSopInstance    0111
    ├── JournalError
    │   ├── IllegalTransition       the transition table does not know this step
    │   └── LeaseLost               somebody else owns the job by now
    ├── ImageError
    │   └── PixelDataError          a broken or unsupported pixel stream
    ├── ModelError
    │   ├── ModelPackageError       hash, opset, shapes or labels do not fit
    │   ├── ProviderUnavailable     CUDA was asked for and is not what runs
    │   └── InferenceError          the session failed on an input, retryable
    ├── GroundTruthError            truth or results to evaluate are not what they are said to be
    ├── CropsError                  a folder of crops cannot be written, or a study has no images
    ├── EncodingError               a result object cannot be built
    ├── ReportUnreadable            a report of findings cannot be read
    │   └── NotAReport              a file is something else
    └── DeliveryError
        ├── DestinationUnreachable  network, DNS, timeout, aborted association: retryable
        │   └── NotConnected        not even a connection to a DICOMweb server
        ├── AssociationRejected     retryable when the rejection is transient
        ├── DeliveryRefused         the peer answered with a failure status
        ├── RequestRefused          a DICOMweb server answered what only a person can change
        ├── DestinationBusy         a DICOMweb server answered that it cannot now: retryable
        ├── ServerFailed            a DICOMweb server failed, or answered nonsense: retryable
        └── CredentialsUnavailable  token or password cannot be read: retryable

Each error knows whether trying again can help (``retryable``) and, where it can
answer a peer, its DIMSE status (``dimse_status``, PS3.4 B.2-1 and PS3.7 Annex C).
Library exceptions are translated into this tree once, at the edge where they occur.
"""

from __future__ import annotations

from typing import ClassVar


class MammoNodeError(Exception):
    """Root of the tree; the message says what to do."""

    retryable: ClassVar[bool] = False


class ConfigurationError(MammoNodeError):
    """A configuration file, key or command line option is wrong."""


class AssociationFailure(MammoNodeError):
    """An association that a peer opened with us ends before it was released."""


class PeerGone(AssociationFailure):
    """The transport connection closed or broke, or the peer sent an A-ABORT."""


class DeadlineExceeded(AssociationFailure):
    """The peer did not send or take data in time."""


class ProtocolViolation(AssociationFailure):
    """The peer broke the protocol; ``reason`` goes into the A-ABORT (PS3.8 9.3.8)."""

    def __init__(self, message: str, *, reason: int) -> None:
        super().__init__(message)
        self.reason = reason


class ReceiverFailed(MammoNodeError):
    """A receiver process does not start; its own log line says why."""


class ReceptionError(MammoNodeError):
    """An instance cannot be accepted; ``dimse_status`` is the C-STORE answer."""

    dimse_status: ClassVar[int] = 0xC000


class OutOfResources(ReceptionError):
    """Disk, file descriptors or the journal are exhausted for now (PS3.4 B.2-1, A7xx)."""

    retryable = True
    dimse_status = 0xA700


class DatasetMismatch(ReceptionError):
    """The dataset contradicts the command or its SOP class (A9xx)."""

    dimse_status = 0xA900


class CannotUnderstand(ReceptionError):
    """The dataset cannot be parsed or lacks what identifies it (Cxxx)."""

    dimse_status = 0xC000


class SopClassNotSupported(ReceptionError):
    """The node can say nothing about this SOP class (PS3.7 C.4.2, 0122)."""

    dimse_status = 0x0122


class DuplicateSopInstance(ReceptionError):
    """The same SOP Instance UID came before with other bytes (PS3.7 C.5.7, 0111)."""

    dimse_status = 0x0111


class JournalError(MammoNodeError):
    """The journal cannot do what was asked."""


class IllegalTransition(JournalError):
    """The transition table does not allow this step."""


class LeaseLost(JournalError):
    """The lease ran out and another worker may own the work."""


class ImageError(MammoNodeError):
    """An image cannot be read."""


class PixelDataError(ImageError):
    """The pixel stream is broken, truncated or in an encoding without a decoder."""


class ModelError(MammoNodeError):
    """Anything about model packages and inference."""


class ModelPackageError(ModelError):
    """A model package is refused; the message names file and key."""


class ProviderUnavailable(ModelError):
    """The configured execution provider is not the one that runs."""


class InferenceError(ModelError):
    """The session failed on an input."""

    retryable = True


class GroundTruthError(MammoNodeError):
    """Ground truth or results cannot be read; the message names file, line and what to do."""


class CropsError(MammoNodeError):
    """A folder of crops cannot be written, holds something else, or a study has no images."""


class EncodingError(MammoNodeError):
    """A result object cannot be built from this result."""


class ReportUnreadable(MammoNodeError):
    """A file cannot be read as a report of findings."""


class NotAReport(ReportUnreadable):
    """A file is no report of findings, but another DICOM object, or none."""


class DeliveryError(MammoNodeError):
    """A destination did not take an object."""


class DestinationUnreachable(DeliveryError):
    """No association: network, name, timeout or abort."""

    retryable = True


class NotConnected(DestinationUnreachable):
    """No connection to a DICOMweb server: nothing was sent."""


class AssociationRejected(DeliveryError):
    """The destination rejected the association; transient rejections are worth a retry."""

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient

    @property
    def worth_retry(self) -> bool:
        """Whether the rejection was marked transient (PS3.8 9.3.4, Result 2)."""
        return self.transient


class DeliveryRefused(DeliveryError):
    """The destination answered a C-STORE with a failure status."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class RequestRefused(DeliveryError):
    """A DICOMweb server refused a request, and will again: wrong URL, rights or content."""


class DestinationBusy(DeliveryError):
    """A DICOMweb server cannot answer for now; ``retry_after_s`` is what it asks for."""

    retryable = True

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ServerFailed(DeliveryError):
    """A DICOMweb server failed at a request, or its answer cannot be understood."""

    retryable = True


class CredentialsUnavailable(DeliveryError):
    """A token or a password cannot be read; whatever writes it may be late."""

    retryable = True
