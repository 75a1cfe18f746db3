"""CAD findings: Single Image Findings and Composite Features (PS3.16 TID 4004, 4006).

Chest and colon CAD reports say theirs with the same concepts, and are read as far as that
goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mammo_node.encode import codes
from mammo_node.encode.cad import concepts
from mammo_node.reports import properties
from mammo_node.reports.found import ReadFinding
from mammo_node.reports.geometry import Point, Region, region_of
from mammo_node.reports.images import Images, side_of
from mammo_node.reports.places import location_in, location_of, of_finding
from mammo_node.reports.same import key_of, same
from mammo_node.reports.tree import Item, Position
from mammo_node.reports.wholes import is_composition
from mammo_node.vocabulary import CodedConcept, Laterality

_INTENTS: Final = {
    "required": concepts.PRESENTATION_REQUIRED,
    "optional": concepts.PRESENTATION_OPTIONAL,
    "not": concepts.NOT_FOR_PRESENTATION,
}


def cad_findings(images: Images, statements: tuple[str, ...] = ()) -> list[ReadFinding]:
    """Return every finding of a CAD report once, with members of clusters in their cluster.

    ``statements`` are the words of the whole report, which may say more of single findings.
    """
    lesions = _lesions(images)
    return [
        _finding(images, item, lesions.get(item.position), statements)
        for item in _outermost(images.tree.root)
        if not is_composition(item)
    ]


def images_detected(images: Images) -> tuple[str, ...]:
    """Return the images on which detections succeeded (TID 4015, 4017)."""
    return _performed(images, concepts.SUCCESSFUL_DETECTIONS)


def images_failed(images: Images) -> tuple[str, ...]:
    """Return the images on which detections failed, and none succeeded."""
    failed = _performed(images, concepts.FAILED_DETECTIONS)
    return tuple(uid for uid in failed if uid not in images_detected(images))


def _performed(images: Images, name: CodedConcept) -> tuple[str, ...]:
    lists = (i for i in images.tree.root.walk() if i.name is not None and same(i.name, name))
    found = (image.sop_instance_uid for one in lists for image in images.all_of(one.children))
    return tuple(dict.fromkeys(found))


def _outermost(item: Item) -> Iterator[Item]:
    """Yield findings that are not part of another, and features that have none."""
    for child in item.children:
        if _is(child, concepts.SINGLE_IMAGE_FINDING) or _is_bare_feature(child):
            yield child
        else:
            yield from _outermost(child)


def _is(item: Item, concept: CodedConcept) -> bool:
    return item.value_type == "CODE" and item.name is not None and same(item.name, concept)


def _is_bare_feature(item: Item) -> bool:
    """Whether it is a composite feature with coordinates of its own and no findings."""
    if not _is(item, concepts.COMPOSITE_FEATURE):
        return False
    below = list(item.walk())[1:]
    parts = any(_is(i, concepts.SINGLE_IMAGE_FINDING) or i.target for i in item.children)
    return not parts and any(i.value_type == "SCOORD" for i in below)


def _lesions(images: Images) -> dict[Position, int]:
    """Return the number of the composite feature that each finding is below, or that names it."""
    numbers: dict[Position, int] = {}
    every = (i for i in images.tree.root.walk() if _is(i, concepts.COMPOSITE_FEATURE))
    features = (feature for feature in every if not is_composition(feature))
    for number, feature in enumerate(features, start=1):
        for child in feature.children:
            for item in images.tree.resolved(child).walk():
                if _is(item, concepts.SINGLE_IMAGE_FINDING):
                    numbers.setdefault(item.position, number)
    return numbers


def _finding(
    images: Images, item: Item, lesion: int | None, statements: tuple[str, ...]
) -> ReadFinding:
    name = item.first(codes.TRACKING_IDENTIFIER)
    uid = item.first(codes.TRACKING_UID)
    intent = item.first(concepts.RENDERING_INTENT)
    measured = properties.measured_in(item.children)
    qualities = properties.qualities_in(item.children)
    image = images.of(_own(item))
    words = name.text if name else None
    said = of_finding(words, statements)
    return ReadFinding(
        concept=item.code,
        label=properties.label_of(item.code, words),
        name=words,
        tracking_uid=uid.uid if uid else None,
        image=image,
        frame=images.frame_of(_own(item)),
        laterality=(image.laterality if image else None) or _side(item),
        site=None,
        region=_region(item),
        centre_px=_centre(item),
        members_px=tuple(_members(item)),
        score=properties.score_in(measured),
        size_mm=properties.size_in(measured),
        measured=measured,
        qualities=qualities,
        words=(*properties.words_in(item.children), *said),
        rendering=key_of(intent.code, _INTENTS) if intent else None,
        lesion=lesion,
        algorithm=properties.algorithm_of(_properties(item)),
        location=location_of(None, qualities, measured) or location_in(said),
    )


def _own(item: Item) -> list[Item]:
    """Return the children that say where this finding is: coordinates first, then images."""
    direct = [i for i in item.children if not _is(i, concepts.SINGLE_IMAGE_FINDING)]
    return sorted(direct, key=lambda i: i.value_type != "SCOORD")


def _properties(item: Item) -> Iterator[Item]:
    """Yield the children, and theirs where they are containers: some nest the algorithm."""
    for child in item.children:
        yield child
        if child.value_type == "CONTAINER":
            yield from child.children


def _region(item: Item) -> Region | None:
    """Return the outline, else any other graphic that is more than a point."""
    outline = [*item.named(concepts.OUTLINE), *item.children]
    regions = (region_of(i) for i in outline)
    return next((r for r in regions if r is not None and not r.is_point), None)


def _centre(item: Item) -> Point | None:
    regions = (region_of(i) for i in [*item.named(codes.CENTER), *item.children])
    return next((r.points_px[0] for r in regions if r is not None and r.is_point), None)


def _members(item: Item) -> Iterator[Point]:
    """Yield where the parts of a cluster are: their centres, or those of their bounds."""
    for child in item.children:
        if _is(child, concepts.SINGLE_IMAGE_FINDING):
            region = _region(child)
            centre = _centre(child) or (region.bounds.centre if region else None)
            if centre is not None:
                yield centre


def _side(item: Item) -> Laterality | None:
    side = item.first(codes.LATERALITY)
    return side_of(side.code) if side else None
