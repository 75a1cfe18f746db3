-- From version 1 to 2: storage commitment. SQLite cannot change a CHECK, so that the table is
-- made anew; what is written here must end in exactly what schema.sql makes (a test compares).

CREATE TABLE deliveries_2 (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    result_id       INTEGER NOT NULL REFERENCES results (id),
    study_id        INTEGER NOT NULL REFERENCES studies (id),
    destination     TEXT    NOT NULL,
    state           TEXT    NOT NULL
        CHECK (state IN ('pending', 'sending', 'stored', 'delivered', 'parked', 'held-back')),
    created_at      TEXT    NOT NULL,
    -- When it is sent next, or, once stored, when the peer is asked next to commit to it.
    due_at          TEXT    NOT NULL,
    owner           TEXT,
    leased_until    TEXT,
    -- Claims so far, also those that never reached the peer; fences as in jobs.
    attempt         INTEGER NOT NULL DEFAULT 0,
    -- Failures since the last success or retry by a person.
    failures        INTEGER NOT NULL DEFAULT 0,
    first_failed_at TEXT,
    -- 1 while the last failure was of the peer, not of the object.
    unreachable     INTEGER NOT NULL DEFAULT 0,
    last_status     INTEGER,
    reason          TEXT,
    delivered_at    TEXT,
    -- Since when commitment is waited for: not renewed when it is sent again.
    stored_at       TEXT,
    -- How often the peer was asked to commit to it.
    asked           INTEGER NOT NULL DEFAULT 0,
    committed_at    TEXT,
    -- One object goes to one destination once.
    UNIQUE (result_id, destination)
);

INSERT INTO deliveries_2 (
    id, result_id, study_id, destination, state, created_at, due_at, owner, leased_until, attempt,
    failures, first_failed_at, unreachable, last_status, reason, delivered_at)
SELECT
    id, result_id, study_id, destination, state, created_at, due_at, owner, leased_until, attempt,
    failures, first_failed_at, unreachable, last_status, reason, delivered_at
FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE deliveries_2 RENAME TO deliveries;
CREATE INDEX deliveries_by_destination ON deliveries (destination, state, due_at);
CREATE INDEX deliveries_by_study ON deliveries (study_id, state);

-- Requests for storage commitment (PS3.4 Annex J); a report names one by its Transaction UID.
CREATE TABLE commitments (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    transaction_uid TEXT    NOT NULL UNIQUE,
    destination     TEXT    NOT NULL,
    requested_at    TEXT    NOT NULL,
    reported_at     TEXT,
    committed       INTEGER NOT NULL DEFAULT 0,
    refused         INTEGER NOT NULL DEFAULT 0
);

-- What each request was about. A late report counts for whatever still waits.
CREATE TABLE commitment_items (
    commitment_id INTEGER NOT NULL REFERENCES commitments (id),
    delivery_id   INTEGER NOT NULL REFERENCES deliveries (id),
    PRIMARY KEY (commitment_id, delivery_id)
);

-- Jobs that waited too long.
CREATE TABLE jobs_2 (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    study_id     INTEGER NOT NULL REFERENCES studies (id),
    generation   INTEGER NOT NULL,
    state        TEXT    NOT NULL
        CHECK (state IN ('queued', 'running', 'completed', 'quarantined', 'given-up', 'failed',
                         'overdue', 'not-attempted', 'superseded')),
    created_at   TEXT    NOT NULL,
    due_at       TEXT    NOT NULL,
    owner        TEXT,
    leased_until TEXT,
    -- Claims so far. With the owner it fences off a worker that lost its lease.
    attempt      INTEGER NOT NULL DEFAULT 0,
    failures     INTEGER NOT NULL DEFAULT 0,
    kills        INTEGER NOT NULL DEFAULT 0,
    -- Leases that ran out or were held when the node died: many of them are a kill as well.
    losses       INTEGER NOT NULL DEFAULT 0,
    reason       TEXT,
    finished_at  TEXT,
    -- One answer for one generation.
    UNIQUE (study_id, generation)
);

INSERT INTO jobs_2 SELECT * FROM jobs;
DROP TABLE jobs;
ALTER TABLE jobs_2 RENAME TO jobs;
CREATE INDEX jobs_by_state ON jobs (state, due_at);
