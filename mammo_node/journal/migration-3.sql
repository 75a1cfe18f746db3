-- From version 2 to 3: what single models say, for comparison.

CREATE TABLE opinions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    study_id   INTEGER NOT NULL REFERENCES studies (id),
    generation INTEGER NOT NULL,
    model      TEXT    NOT NULL,
    version    TEXT    NOT NULL,
    sha256     TEXT    NOT NULL,
    -- 1 where the model was in shadow: it had no part in the answer.
    shadow     INTEGER NOT NULL,
    -- Begun so far: a model that takes its process down each time is left at that.
    attempts   INTEGER NOT NULL,
    -- JSON; NULL while there is none, and then why.
    document   TEXT,
    reason     TEXT,
    at         TEXT    NOT NULL,
    UNIQUE (study_id, generation, model, sha256)
);
CREATE INDEX opinions_by_model ON opinions (model, at);
