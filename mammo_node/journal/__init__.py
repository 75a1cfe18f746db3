"""What the node knows: instances, studies, jobs, results and deliveries, durable and checked."""

from mammo_node.journal.journal import JOURNAL_NAME, Journal
from mammo_node.journal.records import (
    CommitOutcome,
    Delivery,
    DeliveryOverview,
    DueStudy,
    EventRecord,
    ExpiredStudy,
    Job,
    JobInstance,
    PriorResult,
    RecoveryReport,
    ResultRecord,
    StudyOverview,
)
from mammo_node.journal.spool import IncomingFile, Spool

__all__ = [
    "JOURNAL_NAME",
    "CommitOutcome",
    "Delivery",
    "DeliveryOverview",
    "DueStudy",
    "EventRecord",
    "ExpiredStudy",
    "IncomingFile",
    "Job",
    "JobInstance",
    "Journal",
    "PriorResult",
    "RecoveryReport",
    "ResultRecord",
    "Spool",
    "StudyOverview",
]
