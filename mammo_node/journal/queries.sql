-- Every statement of the journal: a line with its name, what it is for, and the statement.

-- ---------------------------------------------------------------- states and events

-- name: instance_state
-- For Transaction.move.
SELECT state FROM instances WHERE id = :id;

-- name: set_instance_state
-- For Transaction.move.
UPDATE instances SET state = :state WHERE id = :id;

-- name: study_state
-- For Transaction.move.
SELECT state FROM studies WHERE id = :id;

-- name: set_study_state
-- For Transaction.move.
UPDATE studies SET state = :state WHERE id = :id;

-- name: job_state
-- For Transaction.move.
SELECT state FROM jobs WHERE id = :id;

-- name: set_job_state
-- For Transaction.move.
UPDATE jobs SET state = :state WHERE id = :id;

-- name: delivery_state
-- For Transaction.move.
SELECT state FROM deliveries WHERE id = :id;

-- name: set_delivery_state
-- For Transaction.move.
UPDATE deliveries SET state = :state WHERE id = :id;

-- name: insert_event
-- The row that every change of state leaves.
INSERT INTO events (at, entity, entity_id, event, from_state, to_state, reason)
VALUES (:at, :entity, :entity_id, :event, :from_state, :to_state, :reason);

-- name: events_of
-- The history of one thing, oldest first.
SELECT * FROM events WHERE entity = :entity AND entity_id = :entity_id ORDER BY id;

-- ---------------------------------------------------------------- intake

-- name: instances_with_uid
-- Whether an instance came before: identical, or with other bytes. The first stays first.
SELECT id, study_id, state, content_hash FROM instances
WHERE sop_instance_uid = :sop_instance_uid ORDER BY id;

-- name: study_by_uid
-- The study that an instance belongs to.
SELECT * FROM studies WHERE study_instance_uid = :study_instance_uid;

-- name: insert_study
-- A study begins with its first instance.
INSERT INTO studies (study_instance_uid, state, calling_ae_title, first_instance_at, last_instance_at)
VALUES (:study_instance_uid, :state, :calling_ae_title, :at, :at);

-- name: insert_instance
-- An instance whose file lies in the spool.
INSERT INTO instances (
    study_id, state, generation, sop_class_uid, sop_instance_uid, study_instance_uid,
    series_instance_uid, content_hash, transfer_syntax_uid, laterality, view, standard,
    calling_ae_title, called_ae_title, peer_address, association_id, path, size_bytes, received_at)
VALUES (
    :study_id, :state, :generation, :sop_class_uid, :sop_instance_uid, :study_instance_uid,
    :series_instance_uid, :content_hash, :transfer_syntax_uid, :laterality, :view, :standard,
    :calling_ae_title, :called_ae_title, :peer_address, :association_id, :path, :size_bytes,
    :received_at);

-- name: relocate_instance
-- A swept or missing file came again.
UPDATE instances SET path = :path, size_bytes = :size_bytes, received_at = :received_at,
    generation = :generation WHERE id = :id;

-- name: note_arrival
-- The study clock runs from the latest instance.
UPDATE studies SET last_instance_at = :at WHERE id = :study_id;

-- name: next_generation
-- A late view: a new answer is begun, its clock starts with this instance.
UPDATE studies SET generation = generation + 1, calling_ae_title = :calling_ae_title,
    first_instance_at = :at, last_instance_at = :at, ready_at = NULL, answered_at = NULL,
    swept_at = NULL
WHERE id = :study_id;

-- name: queued_jobs_of_study
-- Jobs that a late view makes superfluous.
SELECT id FROM jobs WHERE study_id = :study_id AND state = 'queued';

-- name: note_sender
-- An association brings instances of a study; again after a release if it is used again.
INSERT INTO senders (study_id, association_id) VALUES (:study_id, :association_id)
ON CONFLICT (study_id, association_id) DO NOTHING;

-- name: release_sender
-- An association ended.
UPDATE senders SET gone_at = :at, aborted = :aborted
WHERE association_id = :association_id AND gone_at IS NULL;

-- name: release_all_senders
-- At start no association of an earlier process is open any more; none said that it was done.
UPDATE senders SET gone_at = :at, aborted = 1 WHERE gone_at IS NULL;

-- name: release_senders_like
-- A receiver process died, and with it all its associations.
UPDATE senders SET gone_at = :at, aborted = 1
WHERE gone_at IS NULL AND substr(association_id, 1, length(:prefix)) = :prefix;

-- name: forget_senders
-- A study that is ready waits for nobody.
DELETE FROM senders WHERE study_id = :study_id;

-- ---------------------------------------------------------------- study clock

-- name: studies_receiving
-- Studies whose clock runs, with what their senders are doing.
SELECT s.*,
    (SELECT count(*) FROM senders n WHERE n.study_id = s.id AND n.gone_at IS NULL) AS senders_open,
    (SELECT count(*) FROM senders n WHERE n.study_id = s.id AND n.aborted) AS senders_aborted,
    (SELECT max(gone_at) FROM senders n WHERE n.study_id = s.id) AS last_gone_at
FROM studies s WHERE s.state = 'receiving' ORDER BY s.id;

-- name: standard_views_of_study
-- Which standard views lie in the spool.
SELECT DISTINCT laterality, view, standard FROM instances
WHERE study_id = :study_id AND state = 'accepted' AND standard;

-- name: study_by_id
-- One study.
SELECT * FROM studies WHERE id = :study_id;

-- name: note_ready
-- The study waits for its analysis.
UPDATE studies SET ready_at = :at WHERE id = :study_id;

-- name: insert_job
-- The analysis of one generation.
INSERT INTO jobs (study_id, generation, state, created_at, due_at)
VALUES (:study_id, :generation, :state, :at, :at);

-- ---------------------------------------------------------------- jobs

-- name: next_due_job
-- The oldest job whose time has come, unless an earlier generation is still unanswered:
-- a superseding result names its predecessors.
SELECT j.id FROM jobs j WHERE j.state = 'queued' AND j.due_at <= :now
    AND NOT EXISTS (
        SELECT 1 FROM jobs e WHERE e.study_id = j.study_id AND e.generation < j.generation
            AND e.state IN ('queued', 'running', 'quarantined', 'given-up', 'overdue'))
ORDER BY j.due_at, j.id LIMIT 1;

-- name: lease_job
-- A worker takes a job until then.
UPDATE jobs SET owner = :owner, leased_until = :until, attempt = attempt + 1 WHERE id = :id;

-- name: job
-- A job with its study.
SELECT j.*, s.study_instance_uid, s.calling_ae_title, s.generation AS study_generation,
    s.state AS study_state
FROM jobs j JOIN studies s ON s.id = j.study_id WHERE j.id = :id;

-- name: instances_of_generation
-- What a job looks at: everything taken for its study up to its generation, order of arrival.
SELECT * FROM instances WHERE study_id = :study_id AND generation <= :generation
    AND state <> 'quarantined' ORDER BY id;

-- name: extend_job
-- A heartbeat.
UPDATE jobs SET leased_until = :until
WHERE id = :id AND state = 'running' AND owner = :owner AND attempt = :attempt;

-- name: put_job_back
-- A job waits again; counters say why.
UPDATE jobs SET owner = NULL, leased_until = NULL, due_at = :due_at, reason = :reason,
    failures = failures + :failed, kills = kills + :killed, losses = losses + :lost
WHERE id = :id;

-- name: finish_job
-- A job came to its end.
UPDATE jobs SET owner = NULL, leased_until = NULL, finished_at = :at, reason = :reason
WHERE id = :id;

-- name: running_jobs
-- At start: every claim is of a process that is gone.
SELECT id, losses FROM jobs WHERE state = 'running';

-- name: expired_jobs
-- Claims whose worker sent no heartbeat.
SELECT id, losses FROM jobs WHERE state = 'running' AND leased_until < :now;

-- name: abandoned_jobs
-- Jobs that ended without an answer and still need one.
SELECT id FROM jobs WHERE state IN ('quarantined', 'given-up', 'overdue') ORDER BY id;

-- name: queued_jobs
-- What waits for analysis, with the last image that its generation brought. A generation
-- without images of its own repeats an analysis: its study has an answer already.
SELECT j.id, j.reason, s.study_instance_uid, s.calling_ae_title, (
    SELECT max(i.received_at) FROM instances i WHERE i.study_id = j.study_id
        AND i.generation = j.generation AND i.state <> 'quarantined') AS last_image_at
FROM jobs j JOIN studies s ON s.id = j.study_id WHERE j.state = 'queued' ORDER BY j.id;

-- name: next_study_to_analyse_again
-- The oldest study that was answered 'not attempted' for want of time, with files to analyse.
SELECT s.id FROM studies s JOIN jobs j ON j.study_id = s.id AND j.generation = s.generation
WHERE j.state = 'not-attempted' AND s.state IN ('delivering', 'undelivered', 'answered')
    AND s.swept_at IS NULL
    AND EXISTS (SELECT 1 FROM instances i WHERE i.study_id = s.id AND i.state = 'accepted')
ORDER BY s.id LIMIT 1;

-- name: begin_analysis_again
-- A new answer without a new image.
UPDATE studies SET generation = generation + 1, ready_at = :at, answered_at = NULL
WHERE id = :study_id;

-- name: has_images
-- Whether there is anything left to analyse.
SELECT 1 FROM instances WHERE study_id = :study_id AND state = 'accepted' LIMIT 1;

-- name: note_outcome
-- What the study's answer is, in one word and a reason.
UPDATE studies SET outcome = :outcome, outcome_reason = :reason, outcome_at = :at
WHERE id = :study_id;

-- ---------------------------------------------------------------- opinions

-- name: next_for_shadow
-- The oldest answer, of studies whose files are here, that a model in shadow has not looked at.
SELECT j.id FROM studies s CROSS JOIN jobs j ON j.study_id = s.id AND j.generation = s.generation
WHERE s.state IN ('delivering', 'undelivered', 'answered') AND s.swept_at IS NULL
    AND j.state = 'completed'
    AND NOT EXISTS (
        SELECT 1 FROM opinions o WHERE o.study_id = j.study_id AND o.generation = j.generation
            AND o.model = :model AND o.sha256 = :sha256
            AND (o.document IS NOT NULL OR o.attempts >= :most))
    AND EXISTS (SELECT 1 FROM instances i WHERE i.study_id = s.id AND i.state = 'accepted')
ORDER BY j.id LIMIT 1;

-- name: begin_opinion
-- An attempt is counted before it is made.
INSERT INTO opinions (study_id, generation, model, version, sha256, shadow, attempts, at)
VALUES (:study_id, :generation, :model, :version, :sha256, 1, 1, :at)
ON CONFLICT (study_id, generation, model, sha256) DO UPDATE SET attempts = attempts + 1, at = :at;

-- name: end_opinion
-- What came of it; no row is left where retention came first.
UPDATE opinions SET document = :document, reason = :reason, at = :at,
    attempts = CASE WHEN :final THEN 1000000 ELSE attempts - :taken_back END
WHERE study_id = :study_id AND generation = :generation AND model = :model AND sha256 = :sha256
    AND document IS NULL;

-- name: insert_opinion
-- What a model of the answer says, written with the answer.
INSERT INTO opinions (study_id, generation, model, version, sha256, shadow, attempts, document, at)
VALUES (:study_id, :generation, :model, :version, :sha256, 0, 1, :document, :at)
ON CONFLICT (study_id, generation, model, sha256)
DO UPDATE SET shadow = 0, document = :document, reason = NULL, at = :at;

-- name: opinions_of_model
-- For each study the latest word, of the latest generation.
SELECT o.*, s.study_instance_uid FROM opinions o JOIN studies s ON s.id = o.study_id
WHERE o.model = :model
    AND (:study_instance_uid IS NULL OR s.study_instance_uid = :study_instance_uid)
    AND (:since IS NULL OR o.at >= :since)
    AND NOT EXISTS (
        SELECT 1 FROM opinions l WHERE l.study_id = o.study_id AND l.model = o.model
            AND (l.generation, l.id) > (o.generation, o.id))
ORDER BY o.study_id;

-- name: models_with_opinions
-- Whose opinions there are.
SELECT DISTINCT model FROM opinions ORDER BY model;

-- name: delete_opinions
-- They go with the study's files.
DELETE FROM opinions WHERE study_id = :study_id;

-- ---------------------------------------------------------------- results

-- name: result_with_uid
-- Deterministic UIDs: the same input gives the same object, made once.
SELECT id, content_hash FROM results WHERE sop_instance_uid = :sop_instance_uid;

-- name: insert_result
-- A result object that lies in the spool.
INSERT INTO results (
    study_id, job_id, generation, kind, sop_class_uid, sop_instance_uid, series_instance_uid,
    transfer_syntax_uid, content_hash, path, size_bytes, created_at)
VALUES (
    :study_id, :job_id, :generation, :kind, :sop_class_uid, :sop_instance_uid,
    :series_instance_uid, :transfer_syntax_uid, :content_hash, :path, :size_bytes, :at);

-- name: prior_results
-- What a superseding result refers to: what left, and whether an analysis stands behind it.
SELECT r.*, s.study_instance_uid, j.state = 'completed' AS analysed
FROM results r JOIN studies s ON s.id = r.study_id JOIN jobs j ON j.id = r.job_id
WHERE r.study_id = :study_id AND r.generation < :generation
    AND NOT EXISTS (
        SELECT 1 FROM deliveries d WHERE d.result_id = r.id AND d.state = 'held-back')
ORDER BY r.id;

-- name: latest_result
-- The newest object of a kind that an analysis stands behind.
SELECT r.path, r.sop_instance_uid FROM results r JOIN jobs j ON j.id = r.job_id
WHERE r.study_id = :study_id AND r.kind = :kind AND j.state = 'completed'
ORDER BY r.generation DESC, r.id DESC LIMIT 1;

-- ---------------------------------------------------------------- deliveries

-- name: insert_delivery
-- One object to one destination.
INSERT INTO deliveries (result_id, study_id, destination, state, created_at, due_at)
VALUES (:result_id, :study_id, :destination, :state, :at, :at);

-- name: has_delivery
-- An object made again is not sent again.
SELECT 1 FROM deliveries WHERE result_id = :result_id AND destination = :destination;

-- name: due_deliveries
-- What one destination gets next, in the order in which results were made.
SELECT id FROM deliveries
WHERE destination = :destination AND state = 'pending' AND due_at <= :now
ORDER BY id LIMIT :limit;

-- name: lease_delivery
-- A sender takes a delivery until then.
UPDATE deliveries SET owner = :owner, leased_until = :until, attempt = attempt + 1 WHERE id = :id;

-- name: delivery
-- A delivery with its object.
SELECT d.*, r.kind, r.sop_class_uid, r.sop_instance_uid, r.transfer_syntax_uid, r.path,
    s.study_instance_uid
FROM deliveries d JOIN results r ON r.id = d.result_id JOIN studies s ON s.id = d.study_id
WHERE d.id = :id;

-- name: extend_delivery
-- A heartbeat.
UPDATE deliveries SET leased_until = :until
WHERE id = :id AND state = 'sending' AND owner = :owner AND attempt = :attempt;

-- name: note_delivered
-- The peer has it; a warning stays as the reason.
UPDATE deliveries SET owner = NULL, leased_until = NULL, failures = 0, first_failed_at = NULL,
    unreachable = 0, last_status = :status, reason = :reason, delivered_at = :at
WHERE id = :id;

-- name: note_stored
-- The peer has it, and shall commit to it: asked for the first time then.
UPDATE deliveries SET owner = NULL, leased_until = NULL, failures = 0, first_failed_at = NULL,
    unreachable = 0, last_status = :status, reason = :reason, due_at = :ask_at,
    stored_at = coalesce(stored_at, :at)
WHERE id = :id;

-- name: note_delivery_failed
-- The peer does not have it; what comes next is decided elsewhere.
UPDATE deliveries SET owner = NULL, leased_until = NULL, failures = failures + 1,
    first_failed_at = coalesce(first_failed_at, :at), unreachable = :unreachable,
    last_status = :status, reason = :reason, due_at = :due_at
WHERE id = :id;

-- name: put_delivery_back
-- Not tried, or its sender is gone.
UPDATE deliveries SET owner = NULL, leased_until = NULL, due_at = :due_at WHERE id = :id;

-- name: park_delivery_reason
-- Why a delivery that was never sent is parked or held back.
UPDATE deliveries SET reason = :reason WHERE id = :id;

-- name: hold_destination
-- The peer is down: what waits for it waits together, one attempt at a time.
UPDATE deliveries SET due_at = max(due_at, :until), unreachable = 1
WHERE destination = :destination AND state = 'pending';

-- name: resume_destination
-- The peer is back: what only waited for it, to be sent or asked for, goes now.
UPDATE deliveries SET due_at = min(due_at, :now), unreachable = 0
WHERE destination = :destination AND state IN ('pending', 'stored') AND unreachable;

-- name: running_deliveries
-- At start: every claim is of a process that is gone.
SELECT id FROM deliveries WHERE state = 'sending';

-- name: expired_deliveries
-- Claims whose sender sent no heartbeat.
SELECT id FROM deliveries WHERE state = 'sending' AND leased_until < :now;

-- name: destinations_waiting
-- Names that deliveries wait for, to compare with the configuration.
SELECT DISTINCT destination FROM deliveries WHERE state IN ('pending', 'stored');

-- name: waiting_for_destination
-- What waits for one destination, to be sent or to be committed to.
SELECT id, study_id FROM deliveries
WHERE destination = :destination AND state IN ('pending', 'stored');

-- name: parked_deliveries
-- What a person may retry, by destination or study; NULL takes all.
SELECT d.id, d.study_id FROM deliveries d JOIN studies s ON s.id = d.study_id
WHERE d.state = 'parked'
    AND (:destination IS NULL OR d.destination = :destination)
    AND (:study_instance_uid IS NULL OR s.study_instance_uid = :study_instance_uid)
ORDER BY d.id;

-- name: expedite_deliveries
-- A person does not want to wait for the backoff.
UPDATE deliveries SET due_at = :now, unreachable = 0
WHERE state IN ('pending', 'stored') AND due_at > :now
    AND (:destination IS NULL OR destination = :destination)
    AND (:study_instance_uid IS NULL OR study_id IN
        (SELECT id FROM studies WHERE study_instance_uid = :study_instance_uid));

-- name: unpark_delivery
-- A retry by a person begins anew.
UPDATE deliveries SET due_at = :now, failures = 0, first_failed_at = NULL, unreachable = 0,
    stored_at = NULL, asked = 0
WHERE id = :id;

-- ---------------------------------------------------------------- storage commitment

-- name: due_commitments
-- What one destination is asked next to commit to.
SELECT d.id, d.study_id, d.asked, d.stored_at, r.sop_class_uid, r.sop_instance_uid
FROM deliveries d JOIN results r ON r.id = d.result_id
WHERE d.destination = :destination AND d.state = 'stored' AND d.due_at <= :now
ORDER BY d.id LIMIT :limit;

-- name: insert_commitment
-- A request, known before it is sent: its report may be faster than the answer to it.
INSERT INTO commitments (transaction_uid, destination, requested_at)
VALUES (:transaction_uid, :destination, :at);

-- name: insert_commitment_item
-- What a request is about.
INSERT INTO commitment_items (commitment_id, delivery_id) VALUES (:commitment_id, :delivery_id);

-- name: note_asked
-- If nothing comes of this request, the peer is asked again then.
UPDATE deliveries SET asked = asked + 1, due_at = :ask_at WHERE id = :id;

-- name: ask_again
-- When what still waits is asked for next, and why.
UPDATE deliveries SET due_at = :ask_at, reason = coalesce(:reason, reason),
    unreachable = :unreachable
WHERE id = :id AND state = 'stored';

-- name: commitment
-- A request by its Transaction UID.
SELECT * FROM commitments WHERE transaction_uid = :transaction_uid;

-- name: items_of_commitment
-- What of a request still waits.
SELECT d.id, d.study_id, d.asked, d.stored_at, r.sop_instance_uid
FROM commitment_items i JOIN deliveries d ON d.id = i.delivery_id
    JOIN results r ON r.id = d.result_id
WHERE i.commitment_id = :commitment_id AND d.state = 'stored' ORDER BY d.id;

-- name: note_report
-- A report came; a transaction may be reported in several.
UPDATE commitments SET reported_at = coalesce(reported_at, :at),
    committed = committed + :committed, refused = refused + :refused
WHERE id = :id;

-- name: note_committed
-- The peer answers for it from now on.
UPDATE deliveries SET delivered_at = :at, committed_at = :at WHERE id = :id;

-- name: note_waived
-- It stays stored there without a commitment.
UPDATE deliveries SET delivered_at = :at, reason = :reason WHERE id = :id;

-- name: send_again
-- The peer does not have it any more.
UPDATE deliveries SET due_at = :due_at, reason = :reason WHERE id = :id;

-- name: stored_deliveries
-- Everything that waits for a commitment.
SELECT id, study_id, destination FROM deliveries WHERE state = 'stored' ORDER BY id;

-- name: deliveries_left
-- Whether a study is answered: what is on its way, and what is parked.
SELECT coalesce(sum(state IN ('pending', 'sending', 'stored')), 0) AS outstanding,
    coalesce(sum(state = 'parked'), 0) AS parked
FROM deliveries WHERE study_id = :study_id;

-- name: note_answered
-- Every result is where it belongs.
UPDATE studies SET answered_at = :at WHERE id = :study_id;

-- ---------------------------------------------------------------- overview

-- name: overview_studies
-- The latest studies first.
SELECT s.*,
    (SELECT count(*) FROM instances i WHERE i.study_id = s.id AND i.state IN ('accepted', 'swept'))
        AS instances,
    (SELECT count(*) FROM instances i WHERE i.study_id = s.id AND i.state = 'quarantined')
        AS quarantined,
    (SELECT count(*) FROM instances i WHERE i.study_id = s.id AND i.state = 'missing') AS missing,
    (SELECT state FROM jobs j WHERE j.study_id = s.id ORDER BY generation DESC LIMIT 1) AS job_state,
    (SELECT reason FROM jobs j WHERE j.study_id = s.id ORDER BY generation DESC LIMIT 1)
        AS job_reason
FROM studies s
WHERE :study_instance_uid IS NULL OR s.study_instance_uid = :study_instance_uid
ORDER BY s.id DESC LIMIT :limit;

-- name: views_of_study
-- Views in order of arrival.
SELECT laterality, view FROM instances
WHERE study_id = :study_id AND state IN ('accepted', 'swept') ORDER BY id;

-- name: overview_deliveries
-- Where a study's results are.
SELECT d.*, r.kind, r.generation, r.sop_instance_uid
FROM deliveries d JOIN results r ON r.id = d.result_id
WHERE d.study_id = :study_id ORDER BY d.id;

-- name: count_states
-- How many there are of everything, for status lines.
SELECT entity, state, number FROM tallies;

-- ---------------------------------------------------------------- retention and recovery

-- name: expired_studies
-- Answered long enough ago, nothing restored since, with files that are still there.
SELECT s.id, s.study_instance_uid, s.answered_at FROM studies s
WHERE s.state = 'answered' AND s.swept_at IS NULL AND s.answered_at <= :before
    AND NOT EXISTS (SELECT 1 FROM instances i WHERE i.study_id = s.id AND i.received_at > :before)
ORDER BY s.answered_at;

-- name: note_swept
-- Its files are gone.
UPDATE studies SET swept_at = :at WHERE id = :study_id;

-- name: note_restored
-- A file came back.
UPDATE studies SET swept_at = NULL WHERE id = :study_id;

-- name: instance_files_of_study
-- Files that retention may delete.
SELECT id, path FROM instances WHERE study_id = :study_id AND state IN ('accepted', 'quarantined');

-- name: delivered_result_files_of_study
-- Result files that are elsewhere too. A result without any delivery exists only here: kept.
SELECT id, path FROM results r WHERE study_id = :study_id AND swept_at IS NULL
    AND EXISTS (SELECT 1 FROM deliveries d WHERE d.result_id = r.id)
    AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.result_id = r.id AND d.state <> 'delivered');

-- name: sweep_result
-- The file goes, the row stays.
UPDATE results SET swept_at = :at WHERE id = :id;

-- name: kept_instance_files
-- Rows whose file must be in the spool.
SELECT id, study_id, state, path FROM instances WHERE state IN ('accepted', 'quarantined');

-- name: kept_result_files
-- Rows whose file must be in the spool.
SELECT id, path FROM results WHERE swept_at IS NULL;

-- name: instance_at
-- Whether a file in the spool is known.
SELECT state FROM instances WHERE path = :path;

-- name: result_at
-- Whether a file in the spool is known.
SELECT swept_at FROM results WHERE path = :path;

-- name: unfinished_deliveries_of_result
-- Deliveries that a lost result file stops.
SELECT id, study_id FROM deliveries WHERE result_id = :result_id AND state = 'pending';
