"""Result identities: the same question gives the same objects, another question others."""

from __future__ import annotations

import pickle
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from mammo_node.encode.identity import derived_uid, result_identity
from mammo_node.encode.objects import EncodedObject, Equipment
from mammo_node.encode.study import encode_study
from mammo_node.vocabulary import OutputKind, StudyResult
from tests.golden import samples

RESULT = samples.answers()["findings"]


def encode(
    result: StudyResult = RESULT, equipment: Equipment = samples.EQUIPMENT, **changes: object
) -> tuple[EncodedObject, ...]:
    return encode_study(
        result,
        samples.headers(result),
        list(OutputKind),
        equipment=equipment,
        content_datetime=samples.WHEN,
        **changes,  # type: ignore[arg-type]
    )


def uids(made: tuple[EncodedObject, ...]) -> list[str]:
    return [one.sop_instance_uid for one in made]


def with_views(**changes: object) -> StudyResult:
    first, *others = RESULT.views
    return replace(RESULT, views=(replace(first, **changes), *others))  # type: ignore[arg-type]


OTHER_QUESTIONS = {
    "another model": replace(RESULT, models=(replace(samples.MODEL, sha256="b6" * 32),)),
    "another configuration": replace(RESULT, configuration_hash="c1" * 32),
    "another outcome": replace(RESULT, outcome=samples.Outcome.PARTIAL),
    "a late view less": replace(RESULT, views=RESULT.views[:3]),
    "other bytes of an image": with_views(ref=replace(RESULT.views[0].ref, content_hash="ff")),
    "another refusal": with_views(
        refusal=samples.Refusal(samples.RefusalReason.IMPLANT, "an implant")
    ),
    "another study": replace(RESULT, study_instance_uid="1.2.3"),
}


def test_uids_are_valid_uuid_uids() -> None:
    """Derived UIDs are 2.25. and an RFC 9562 UUID, at most 64 characters (PS3.5 B.2)."""
    for number in range(200):
        uid = derived_uid("test", number)
        assert uid.startswith("2.25.")
        assert len(uid) <= 64
        made = uuid.UUID(int=int(uid.removeprefix("2.25.")))
        assert (made.version, made.variant) == (8, uuid.RFC_4122)


def test_parts_do_not_run_into_each_other() -> None:
    """Moving a letter from one part to the next gives another UID."""
    assert derived_uid("ab", "c") != derived_uid("a", "bc")
    assert derived_uid(["a"], "b") != derived_uid(["a", "b"])


def test_same_arguments_give_the_same_bytes() -> None:
    """Two runs on the same arguments make byte-identical objects."""
    first, second = encode(), encode()
    assert [one.to_bytes() for one in first] == [one.to_bytes() for one in second]


def test_all_objects_of_a_result_differ() -> None:
    """No two objects of a result share a UID, and kinds and sides are series of their own."""
    made = encode()
    assert len(set(uids(made))) == len(made)
    series = {(one.kind, one.dataset.get("Laterality")): one.series_instance_uid for one in made}
    assert {kind for kind, _ in series} >= {OutputKind.SR, OutputKind.GSPS, OutputKind.CAD_SR}
    assert len(set(series.values())) == len(series)


@pytest.mark.parametrize("name", OTHER_QUESTIONS)
def test_another_question_gives_other_objects(name: str) -> None:
    """Another model, configuration, input or kind of answer gives new UIDs."""
    assert not set(uids(encode(OTHER_QUESTIONS[name]))) & set(uids(encode()))


def test_another_installation_gives_other_objects() -> None:
    """Two nodes, or two versions, never make different objects under the same UID."""
    other = replace(samples.EQUIPMENT, device_serial_number="0002")
    newer = replace(samples.EQUIPMENT, software_version="0.2.0")
    made = [set(uids(encode(equipment=e))) for e in (samples.EQUIPMENT, other, newer)]
    assert len(set.union(*made)) == sum(map(len, made))


def test_scores_and_order_do_not_change_identity() -> None:
    """A score that differs in its last digit, or images in another order, keep the UIDs."""
    view = RESULT.views[0]
    nudged = replace(view.findings[0], score=view.findings[0].score + 1e-7)
    assert uids(encode(with_views(findings=(nudged, view.findings[1])))) == uids(encode())
    reordered = replace(RESULT, views=RESULT.views[::-1])
    assert set(uids(encode(reordered))) == set(uids(encode()))


def test_superseding_result_joins_the_series() -> None:
    """A later generation has new instances in the series of the earlier one, numbered apart."""
    late = replace(RESULT, generation=2, configuration_hash="c2" * 32)
    first, second = encode(), encode(late)
    assert [o.series_instance_uid for o in first] == [o.series_instance_uid for o in second]
    numbers = [(o.series_instance_uid, int(o.dataset.InstanceNumber)) for o in (*first, *second)]
    assert len(set(numbers)) == len(numbers)


def test_report_names_what_it_supersedes() -> None:
    """Predecessor Documents has the earlier report, not its presentation states, not itself."""
    earlier = tuple(one.as_prior() for one in encode())
    late = replace(RESULT, generation=2, configuration_hash="c2" * 32)
    report = encode(late, predecessors=earlier)[0].dataset
    (study,) = report.PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    (document,) = series.ReferencedSOPSequence
    assert document.ReferencedSOPInstanceUID == earlier[0].sop_instance_uid
    assert "PredecessorDocumentsSequence" not in encode(predecessors=earlier)[0].dataset


def test_content_time_does_not_change_identity() -> None:
    """UIDs do not depend on the clock."""
    later = encode_study(
        RESULT,
        samples.headers(RESULT),
        list(OutputKind),
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN + timedelta(days=1),
    )
    assert uids(later) == uids(encode())


def test_only_wanted_kinds_are_made() -> None:
    """A destination that wants the report alone costs no presentation states, and so on."""
    for kind, number in ((OutputKind.SR, 1), (OutputKind.GSPS, 4)):
        made = encode_study(
            RESULT,
            samples.headers(RESULT),
            [kind],
            equipment=samples.EQUIPMENT,
            content_datetime=samples.WHEN,
        )
        assert [one.kind for one in made] == [kind] * number


def test_objects_travel_between_processes() -> None:
    """Encoded objects survive pickling with the same bytes: analysis is another process."""
    made = encode()
    assert [o.to_bytes() for o in pickle.loads(pickle.dumps(made))] == [  # noqa: S301
        o.to_bytes() for o in made
    ]


def test_a_lesion_in_two_images_has_one_tracking_uid() -> None:
    """Findings that were matched share the Tracking UID of the first; the others have their own."""
    result = samples.matched()
    identity = result_identity(result, [], "1.2.3", "0.1.0")
    first, second = result.lesions[0]
    one, other = (identity.tracking_uid(ref.sop_instance_uid, ref.index) for ref in (first, second))
    assert one == other
    assert identity.tracking_uid(second.sop_instance_uid, 1) != one
    alone = result_identity(replace(result, lesions=()), [], "1.2.3", "0.1.0")
    assert alone.tracking_uid(first.sop_instance_uid, first.index) == one
    assert alone.tracking_uid(second.sop_instance_uid, second.index) != one
