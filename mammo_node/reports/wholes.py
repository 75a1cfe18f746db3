"""What a report says of images, breasts and the patient as a whole: scores, density, assessment.

Measurement groups of ours (TID 1501) say all of it in codes and numbers. A CAD report has codes
for breast composition alone (TID 4007); the rest stands there in words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from mammo_node.encode import anatomy, codes, sentences
from mammo_node.encode.cad import concepts
from mammo_node.encode.evaluations import REASON
from mammo_node.reports import properties
from mammo_node.reports.found import ReadDensity, ReadScore
from mammo_node.reports.groups import concept_of, groups_of, side_of_group
from mammo_node.reports.images import Images
from mammo_node.reports.same import key_of, one_of
from mammo_node.reports.tree import Item
from mammo_node.vocabulary import Assessment, CodedConcept, Laterality, Light

_SIDES: Final = {"L": Laterality.LEFT, "R": Laterality.RIGHT}


def densities(images: Images, statements: tuple[str, ...]) -> Iterator[ReadDensity]:
    """Yield the density of each breast, and of the patient."""
    for group in groups_of(images):
        if one_of(concept_of(group), (anatomy.BREAST_COMPOSITION,)):
            yield _density(images, [group], side_of_group(group))
    said = [one for words in statements for one in sentences.densities_in(words)]
    yield from _cad_densities(images, said)
    for one in said:
        if one.laterality is None:
            code = anatomy.COMPOSITIONS[one.category]
            yield ReadDensity(None, one.category, code, one.certainty, one.probabilities)


def scores(images: Images, statements: tuple[str, ...]) -> Iterator[ReadScore]:
    """Yield the scores of images."""
    for group in groups_of(images):
        image = images.of(group.children)
        score = _impression(group)
        if score is not None and image is not None:
            name = group.first(codes.TRACKING_IDENTIFIER)
            label = ((name.text if name else None) or "").rpartition(": ")[2]
            category = sentences.category_in(_comments(group))
            by = properties.algorithm_of(group.children)
            yield ReadScore(image.sop_instance_uid, image.name, label, score, category, by)
    for words in statements:
        for said in sentences.scores_in(words):
            uid = _uid_of(images, said.image)
            yield ReadScore(uid, said.image, said.label, said.score, said.category)


def assessments(images: Images, statements: tuple[str, ...]) -> Iterator[Assessment]:
    """Yield what everything together says of each breast, and of the patient."""
    for group in groups_of(images):
        score = _impression(group)
        if score is not None and images.of(group.children) is None:
            comments = _comments(group)
            yield Assessment(
                side_of_group(group),
                score,
                sentences.category_in(comments),
                sentences.light_in(comments) or Light.UNLIT,
                tuple(
                    words.removeprefix(REASON)
                    for words in properties.words_in(group.children)
                    if words.startswith(REASON)
                ),
            )
    for words in statements:
        yield from sentences.assessments_in(words)


def _impression(group: Item) -> float | None:
    """Return the certainty of impression of a group that is no finding, 0 to 1."""
    if concept_of(group) is not None:
        return None
    found = group.first(codes.CERTAINTY_OF_IMPRESSION)
    return None if found is None else properties.part_of(properties.measured_in([found]))


def _comments(group: Item) -> str:
    said = properties.words_in(group.children)
    return " ".join(words for words in said if not words.startswith(REASON))


def _cad_densities(images: Images, said: list[sentences.SaidDensity]) -> Iterator[ReadDensity]:
    """Yield a density for each lot of single image findings that share a tracking UID."""
    lots: dict[str, list[Item]] = {}
    for item in images.tree.root.walk():
        if is_composition(item) and one_of(item.name, (concepts.SINGLE_IMAGE_FINDING,)):
            uid = item.first(codes.TRACKING_UID)
            lots.setdefault((uid.uid if uid else None) or str(item.position), []).append(item)
    for lot in lots.values():
        side = _side(images, lot[0])
        found = (one.probabilities for one in said if side and one.laterality is side)
        yield replace(_density(images, lot, side), probabilities=next(found, None))


def is_composition(item: Item) -> bool:
    """Whether a finding of a CAD report is what the breast is made of, and no lesion."""
    return item.value_type == "CODE" and one_of(item.code, (anatomy.BREAST_COMPOSITION,))


def _density(images: Images, lot: list[Item], side: Laterality | None) -> ReadDensity:
    first = lot[0]
    composition = first.first(anatomy.BREAST_COMPOSITION)
    code: CodedConcept | None = composition.code if composition else None
    named = [_uid_of(images, _image_named(item)) for item in lot]
    shown = [image.sop_instance_uid for item in lot for image in images.all_of(item.children)]
    return ReadDensity(
        laterality=side,
        category=key_of(code, anatomy.COMPOSITIONS),
        composition=code,
        certainty=properties.score_in(properties.measured_in(first.children)),
        probabilities=sentences.probabilities_in(_comments(first)),
        sop_instance_uids=tuple(dict.fromkeys(uid for uid in (*shown, *named) if uid)),
        algorithm=properties.algorithm_of(first.children),
    )


def _side(images: Images, finding: Item) -> Laterality | None:
    image = images.of(finding.children)
    return (image.laterality if image else None) or _SIDES.get(_image_named(finding)[:1])


def _image_named(item: Item) -> str:
    """Return the image that a tracking identifier names: 'R-MLO' of 'R-MLO: density'."""
    name = item.first(codes.TRACKING_IDENTIFIER)
    return ((name.text if name else None) or "").partition(": ")[0]


def _uid_of(images: Images, name: str) -> str | None:
    """Return the image of that name: the second R MLO of a report is 'R-MLO.2'."""
    wanted, _, place = name.partition(".")
    alike = [uid for uid, image in images.known.items() if wanted and image.name == wanted]
    number = int(place) if place.isdigit() else 1
    return alike[number - 1] if 0 < number <= len(alike) else None
