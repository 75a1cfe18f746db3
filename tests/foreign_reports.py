"""Reports as other makers write them: content trees put together item by item."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    MammographyCADSRStorage,
)

ROOT = "1.2.826.0.1.3680043.8.498.7"
IMAGES = tuple(f"{ROOT}.{number}" for number in range(1, 5))
REQUIRED = "111150"
Code = tuple[str, str, str]
#: Concept names, as every vendor writes them.
DCM = {
    "report": ("111036", "DCM", "Mammography CAD Report"),
    "library": ("111028", "DCM", "Image Library"),
    "laterality": ("111027", "DCM", "Image Laterality"),
    "view": ("111031", "DCM", "Image View"),
    "summary": ("111017", "DCM", "CAD Processing and Findings Summary"),
    "impression": ("111034", "DCM", "Individual Impression/Recommendation"),
    "intent": ("111056", "DCM", "Rendering Intent"),
    "finding": ("111059", "DCM", "Single Image Finding"),
    "feature": ("111015", "DCM", "Composite Feature"),
    "centre": ("111010", "DCM", "Center"),
    "outline": ("111041", "DCM", "Outline"),
    "certainty": ("111012", "DCM", "Certainty of Finding"),
    "probability": ("111047", "DCM", "Probability of cancer"),
    "algorithm": ("111001", "DCM", "Algorithm Name"),
    "version": ("111003", "DCM", "Algorithm Version"),
    "detections": ("111064", "DCM", "Summary of Detections"),
    "succeeded": ("111063", "DCM", "Successful Detections"),
    "performed": ("111022", "DCM", "Detection Performed"),
}


def sequence_item(code: Code) -> Dataset:
    ds = Dataset()
    ds.CodeValue, ds.CodingSchemeDesignator, ds.CodeMeaning = code
    return ds


def item(
    value_type: str,
    relationship: str,
    name: Code | None = None,
    children: Sequence[Dataset] = (),
    **attributes: object,
) -> Dataset:
    ds = Dataset()
    if relationship:
        ds.RelationshipType = relationship
    ds.ValueType = value_type
    if name is not None:
        ds.ConceptNameCodeSequence = [sequence_item(name)]
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    if children:
        ds.ContentSequence = list(children)
    return ds


def container(relationship: str, name: Code, *children: Dataset) -> Dataset:
    return item("CONTAINER", relationship, name, children, ContinuityOfContent="SEPARATE")


def code(relationship: str, name: Code, value: Code, *children: Dataset) -> Dataset:
    return item("CODE", relationship, name, children, ConceptCodeSequence=[sequence_item(value)])


def text(relationship: str, name: Code, value: str) -> Dataset:
    return item("TEXT", relationship, name, TextValue=value)


def number(relationship: str, name: Code, value: str, unit: Code) -> Dataset:
    measured = Dataset()
    measured.NumericValue = value
    measured.MeasurementUnitsCodeSequence = [sequence_item(unit)]
    return item("NUM", relationship, name, MeasuredValueSequence=[measured])


def image(relationship: str, uid: str, *children: Dataset, name: Code | None = None) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    reference.ReferencedSOPInstanceUID = uid
    return item("IMAGE", relationship, name, children, ReferencedSOPSequence=[reference])


def graphic(
    relationship: str, name: Code, kind: str, points: Sequence[float], source: Dataset | None
) -> Dataset:
    children = [source] if source is not None else []
    return item("SCOORD", relationship, name, children, GraphicType=kind, GraphicData=list(points))


def reference(relationship: str, *target: int) -> Dataset:
    ds = Dataset()
    ds.RelationshipType = relationship
    ds.ReferencedContentItemIdentifier = list(target)
    return ds


def document(root: Dataset, sop_class_uid: str = MammographyCADSRStorage) -> Dataset:
    """Return the document of a root container, of a maker that is not us."""
    ds = Dataset()
    ds.update(root)
    ds.SOPClassUID = sop_class_uid
    ds.SOPInstanceUID = f"{ROOT}.99"
    ds.StudyInstanceUID = f"{ROOT}.100"
    ds.SeriesInstanceUID = f"{ROOT}.101"
    ds.Modality = "SR"
    ds.PatientName, ds.PatientID = "SECRET^NAME", "SECRET-ID"
    ds.Manufacturer, ds.ManufacturerModelName = "Other Vendor", "CAD 7"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return ds


#: SNOMED RT and its older designators, as products of the 2000s and 2010s have them.
_RIGHT: Code = ("T-04020", "SRT", "Right breast")
_LEFT: Code = ("T-04030", "SNM3", "Left breast")
_CC: Code = ("R-10242", "SRT", "cranio-caudal")
_MLO: Code = ("R-10226", "99SDM", "medio-lateral oblique")
MASS: Code = ("F-01796", "SRT", "Mammography breast density")
CLUSTER: Code = ("F-01775", "SNM3", "Calcification Cluster")
CALCIFICATION: Code = ("F-01776", "SRT", "Individual Calcification")
PERCENT: Code = ("%", "UCUM", "Percent")


def _library_entry(uid: str, side: Code, view: Code) -> Dataset:
    context = "HAS ACQ CONTEXT"
    return image(
        "CONTAINS",
        uid,
        code(context, DCM["laterality"], side),
        code(context, DCM["view"], view),
    )


def _finding(kind: Code, *children: Dataset, relationship: str = "CONTAINS") -> Dataset:
    intent = code("HAS CONCEPT MOD", DCM["intent"], (REQUIRED, "DCM", "Presentation Required"))
    algorithm = (
        text("HAS PROPERTIES", DCM["algorithm"], "Other Detector"),
        text("HAS PROPERTIES", DCM["version"], "7.2"),
    )
    return code(relationship, DCM["finding"], kind, intent, *algorithm, *children)


def older_cad() -> Dataset:
    """A CAD report in SNOMED RT: two image libraries, ellipses, no tracking, by reference."""
    r_cc, r_mlo, l_cc, _ = IMAGES
    properties = "HAS PROPERTIES"
    ellipse = (900.0, 500.0, 1100.0, 500.0, 1000.0, 450.0, 1000.0, 550.0)
    mass = _finding(
        MASS,
        number(properties, DCM["certainty"], "64", PERCENT),
        graphic(
            properties, DCM["centre"], "POINT", (1000, 500), reference("SELECTED FROM", 1, 1, 1)
        ),
        graphic(
            properties, DCM["outline"], "ELLIPSE", ellipse, reference("SELECTED FROM", 1, 1, 1)
        ),
    )
    cluster = _finding(
        CLUSTER,
        graphic(properties, DCM["centre"], "POINT", (40, 60), reference("SELECTED FROM", 1, 2, 1)),
        *(
            _finding(
                CALCIFICATION,
                graphic(
                    properties,
                    DCM["centre"],
                    "POINT",
                    at,
                    reference("SELECTED FROM", 1, 2, 1),
                ),
                relationship="INFERRED FROM",
            )
            for at in ((35, 60), (45, 61))
        ),
    )
    performed = code(
        "CONTAINS",
        DCM["performed"],
        MASS,
        *(reference(properties, 1, *place) for place in ((1, 1), (1, 2), (2, 1))),
    )
    return document(
        container(
            "",
            DCM["report"],
            container(
                "CONTAINS",
                DCM["library"],
                _library_entry(r_cc, _RIGHT, _CC),
                _library_entry(r_mlo, _RIGHT, _MLO),
            ),
            container("CONTAINS", DCM["library"], _library_entry(l_cc, _LEFT, _CC)),
            code(
                "CONTAINS",
                DCM["summary"],
                ("111242", "DCM", "All algorithms succeeded; with findings"),
                container("INFERRED FROM", DCM["impression"], mass, cluster),
            ),
            code(
                "CONTAINS",
                DCM["detections"],
                ("111222", "DCM", "Succeeded"),
                container("INFERRED FROM", DCM["succeeded"], performed),
            ),
        )
    )


def composite_cad(sop_class_uid: str = MammographyCADSRStorage) -> Dataset:
    """A CAD report whose feature names its findings by reference; circles; images by value."""
    r_cc, r_mlo, *_ = IMAGES
    properties = "HAS PROPERTIES"

    def circled(uid: str, centre: tuple[float, float], probability: str) -> Dataset:
        column, row = centre
        edge = (column, row, column + 30.0, row + 40.0)
        return _finding(
            MASS,
            number(properties, DCM["probability"], probability, PERCENT),
            graphic(properties, DCM["outline"], "CIRCLE", edge, image("SELECTED FROM", uid)),
        )

    feature = code(
        "CONTAINS",
        DCM["feature"],
        ("F-01791", "SRT", "Mammographic breast mass"),
        reference("INFERRED FROM", 1, 1, 1, 2),
        reference("INFERRED FROM", 1, 1, 1, 3),
    )
    return document(
        container(
            "",
            DCM["report"],
            code(
                "CONTAINS",
                DCM["summary"],
                ("111242", "DCM", "All algorithms succeeded; with findings"),
                container(
                    "INFERRED FROM",
                    DCM["impression"],
                    feature,
                    circled(r_cc, (500.0, 600.0), "81.5"),
                    circled(r_mlo, (700.0, 800.0), "12"),
                ),
            ),
        ),
        sop_class_uid,
    )


def sparse_cad() -> Dataset:
    """A CAD report with as little as can be: unknown codes, no places, no scores."""
    odd = code("CONTAINS", DCM["finding"], ("X-1", "99VENDOR", "Something [odd]\x1b[31m"))
    no_value = item("CODE", "CONTAINS", DCM["finding"])
    broken = _finding(
        MASS,
        graphic("HAS PROPERTIES", DCM["outline"], "ELLIPSE", (1, 2, 3), None),
        item("NUM", "HAS PROPERTIES", DCM["certainty"]),
    )
    return document(
        container(
            "", DCM["report"], container("CONTAINS", DCM["impression"], odd, no_value, broken)
        )
    )


def tomosynthesis_cad() -> Dataset:
    """A CAD report on a multi-frame image, with a score and a category of the whole study."""
    properties = "HAS PROPERTIES"
    frame = image("SELECTED FROM", IMAGES[0])
    frame.ReferencedSOPSequence[0].ReferencedFrameNumber = 23
    box = (10.0, 10.0, 50.0, 10.0, 50.0, 40.0, 10.0, 40.0, 10.0, 10.0)
    finding = _finding(MASS, graphic(properties, DCM["outline"], "POLYLINE", box, frame))
    return document(
        container(
            "",
            DCM["report"],
            code(
                "CONTAINS",
                DCM["summary"],
                ("111242", "DCM", "All algorithms succeeded; with findings"),
                number(properties, ("EXAM", "99VENDOR", "Exam score"), "7.5", ("1", "UCUM", "")),
                code(
                    properties,
                    ("111005", "DCM", "Assessment Category"),
                    ("397144001", "SCT", "4 - Suspicious"),
                ),
                text(properties, ("111033", "DCM", "Impression Description"), "Look here"),
                container("INFERRED FROM", DCM["impression"], finding),
            ),
        )
    )
