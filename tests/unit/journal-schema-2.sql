-- The journal. Times are UTC as text, 2026-01-31T12:00:00.000000Z: they sort and a person reads them.
-- States and their changes are those of states.py; nothing else writes a state column.
-- Paths are relative to the storage folder, so that it can be moved or restored elsewhere.

CREATE TABLE studies (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    study_instance_uid TEXT    NOT NULL UNIQUE,
    state              TEXT    NOT NULL
        CHECK (state IN ('receiving', 'ready', 'delivering', 'undelivered', 'answered')),
    -- Counts the answers: a late view after 'ready' begins the next one.
    generation         INTEGER NOT NULL DEFAULT 1,
    -- Who brought the current generation: decides completion settings and route.
    calling_ae_title   TEXT    NOT NULL,
    first_instance_at  TEXT    NOT NULL,
    last_instance_at   TEXT    NOT NULL,
    ready_at           TEXT,
    outcome            TEXT,
    outcome_reason     TEXT,
    outcome_at         TEXT,
    answered_at        TEXT,
    -- When retention deleted its files; NULL again when one comes back.
    swept_at           TEXT
);
CREATE INDEX studies_by_state ON studies (state, swept_at);

CREATE TABLE instances (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT,
    study_id            INTEGER NOT NULL REFERENCES studies (id),
    state               TEXT    NOT NULL
        CHECK (state IN ('accepted', 'quarantined', 'missing', 'swept')),
    -- The generation of the study that this instance belongs to first.
    generation          INTEGER NOT NULL,
    sop_class_uid       TEXT    NOT NULL,
    sop_instance_uid    TEXT    NOT NULL,
    study_instance_uid  TEXT    NOT NULL,
    series_instance_uid TEXT    NOT NULL,
    content_hash        TEXT    NOT NULL,
    transfer_syntax_uid TEXT    NOT NULL,
    laterality          TEXT,
    view                TEXT,
    standard            INTEGER NOT NULL,
    calling_ae_title    TEXT    NOT NULL,
    called_ae_title     TEXT    NOT NULL,
    peer_address        TEXT    NOT NULL,
    association_id      TEXT    NOT NULL,
    path                TEXT    NOT NULL UNIQUE,
    size_bytes          INTEGER NOT NULL,
    received_at         TEXT    NOT NULL,
    -- The same object again is the same row; other bytes under the same UID are another.
    UNIQUE (sop_instance_uid, content_hash)
);
CREATE INDEX instances_by_study ON instances (study_id);
CREATE INDEX instances_by_state ON instances (state);

-- Associations that brought instances, until their studies are ready.
CREATE TABLE senders (
    study_id       INTEGER NOT NULL REFERENCES studies (id),
    association_id TEXT    NOT NULL,
    gone_at        TEXT,
    aborted        INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (study_id, association_id)
);
CREATE INDEX senders_by_association ON senders (association_id);

CREATE TABLE jobs (
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
CREATE INDEX jobs_by_state ON jobs (state, due_at);

CREATE TABLE results (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT,
    study_id            INTEGER NOT NULL REFERENCES studies (id),
    job_id              INTEGER NOT NULL REFERENCES jobs (id),
    generation          INTEGER NOT NULL,
    kind                TEXT    NOT NULL,
    sop_class_uid       TEXT    NOT NULL,
    sop_instance_uid    TEXT    NOT NULL UNIQUE,
    series_instance_uid TEXT    NOT NULL,
    transfer_syntax_uid TEXT    NOT NULL,
    content_hash        TEXT    NOT NULL,
    path                TEXT    NOT NULL UNIQUE,
    size_bytes          INTEGER NOT NULL,
    created_at          TEXT    NOT NULL,
    swept_at            TEXT
);
CREATE INDEX results_by_study ON results (study_id);

CREATE TABLE deliveries (
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

-- One row for every change of state, for good.
CREATE TABLE events (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         TEXT    NOT NULL,
    entity     TEXT    NOT NULL CHECK (entity IN ('instance', 'study', 'job', 'delivery')),
    entity_id  INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    from_state TEXT,
    to_state   TEXT    NOT NULL,
    reason     TEXT
);
CREATE INDEX events_by_entity ON events (entity, entity_id);

-- How many there are in each state, kept by the events themselves: status is asked for often,
-- and counting years of rows each time would not do.
CREATE TABLE tallies (
    entity TEXT    NOT NULL,
    state  TEXT    NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 0),
    PRIMARY KEY (entity, state)
);

CREATE TRIGGER events_are_tallied AFTER INSERT ON events
BEGIN
    UPDATE tallies SET number = number - 1 WHERE entity = new.entity AND state = new.from_state;
    INSERT INTO tallies (entity, state, number) VALUES (new.entity, new.to_state, 1)
    ON CONFLICT (entity, state) DO UPDATE SET number = number + 1;
END;

CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;

CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;
