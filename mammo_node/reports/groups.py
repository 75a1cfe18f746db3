"""Measurement groups: TID 1410, 1411, 1501 and what looks like them (PS3.16)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mammo_node.encode import anatomy, codes
from mammo_node.reports import properties
from mammo_node.reports.found import ReadFinding
from mammo_node.reports.geometry import Point, Region, region_of
from mammo_node.reports.images import Images, side_of
from mammo_node.reports.places import location_of
from mammo_node.reports.same import one_of
from mammo_node.reports.tree import Item
from mammo_node.vocabulary import CodedConcept, Laterality

#: CID 6047 as the finding of a group: it speaks of the image, and is no lesion.
_NOTHING_FOUND: Final = (codes.ALL_SUCCEEDED_NO_FINDINGS, codes.NOT_ALL_SUCCEEDED_NO_FINDINGS)
_NOT_ANALYSED: Final = (codes.NONE_SUCCEEDED,)


def group_findings(images: Images) -> list[ReadFinding]:
    """Return the finding of every measurement group that has one."""
    return [_finding(images, group) for group in groups_of(images) if not _is_of_a_whole(group)]


def images_without_findings(images: Images) -> tuple[str, ...]:
    """Return the images of which a group says that nothing was found."""
    return _images_said(images, _NOTHING_FOUND)


def images_not_analysed(images: Images) -> tuple[str, ...]:
    """Return the images of which a group says that they were not analysed."""
    return _images_said(images, _NOT_ANALYSED)


def _images_said(images: Images, what: tuple[CodedConcept, ...]) -> tuple[str, ...]:
    said = (images.of(g.children) for g in groups_of(images) if one_of(concept_of(g), what))
    return tuple(image.sop_instance_uid for image in said if image is not None)


def groups_of(images: Images) -> Iterator[Item]:
    """Yield every measurement group."""
    for item in images.tree.root.walk():
        if item.value_type == "CONTAINER" and one_of(item.name, (codes.MEASUREMENT_GROUP,)):
            yield item


def _is_of_a_whole(group: Item) -> bool:
    """Whether it speaks of an image, a breast or the patient, and is no lesion."""
    if concept_of(group) is None and group.first(codes.CERTAINTY_OF_IMPRESSION) is not None:
        return True
    return one_of(concept_of(group), (*_NOTHING_FOUND, *_NOT_ANALYSED, anatomy.BREAST_COMPOSITION))


def concept_of(group: Item) -> CodedConcept | None:
    """Return what a group says was found."""
    finding = group.first(codes.FINDING)
    return finding.code if finding else None


def _finding(images: Images, group: Item) -> ReadFinding:
    name = group.first(codes.TRACKING_IDENTIFIER)
    uid = group.first(codes.TRACKING_UID)
    site = group.first(codes.FINDING_SITE)
    measured = properties.measured_in(group.children)
    qualities = properties.qualities_in(group.children)
    image = images.of(sorted(group.children, key=lambda i: not i.value_type.startswith("SCOORD")))
    words = name.text if name else None
    return ReadFinding(
        concept=concept_of(group),
        label=properties.label_of(concept_of(group), words),
        name=words,
        tracking_uid=uid.uid if uid else None,
        image=image,
        frame=images.frame_of(group.children),
        laterality=side_of_group(group) or (image.laterality if image else None),
        site=site.code if site else None,
        region=_region(group),
        centre_px=_centre(group),
        members_px=(),
        score=properties.score_in(measured),
        size_mm=properties.size_in(measured),
        measured=measured,
        qualities=qualities,
        words=properties.words_in(group.children),
        rendering=None,
        lesion=None,
        algorithm=properties.algorithm_of(_identification(group)),
        location=location_of(site, qualities, measured),
    )


def _identification(group: Item) -> Iterator[Item]:
    """Yield where TID 4019 may stand: in the group, or below each measurement."""
    yield from group.children
    for child in group.children:
        yield from child.children


def side_of_group(group: Item) -> Laterality | None:
    """Return the side: a modifier of the site, or an item of the group."""
    site = group.first(codes.FINDING_SITE)
    holders = (site, group) if site else (group,)
    found = (side for holder in holders for side in holder.named(codes.LATERALITY))
    return next((side for side in (side_of(item.code) for item in found) if side), None)


def _graphics(group: Item) -> Iterator[Region]:
    """Yield the group's graphics: the region's own first, then those of its measurements."""
    named = [*group.named(codes.IMAGE_REGION), *group.children]
    below = [inner for child in group.children for inner in child.children]
    for item in (*named, *below):
        region = region_of(item)
        if region is not None:
            yield region


def _region(group: Item) -> Region | None:
    return next((region for region in _graphics(group) if not region.is_point), None)


def _centre(group: Item) -> Point | None:
    return next((r.points_px[0] for r in _graphics(group) if r.is_point), None)
