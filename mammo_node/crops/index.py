"""The index of a folder of crops, in three forms: CSV, COCO, YOLO. Pure but for writing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mammo_node.crops.atomic import write_text
from mammo_node.crops.cutting import IMAGES, LABELS
from mammo_node.crops.record import Crop, StudyRecord

CSV_NAME, COCO_NAME, CLASSES_NAME = "index.csv", "coco.json", "classes.txt"
_DESCRIPTION = (
    "Lesions that software marked: candidates to be labelled, no diagnoses."
    " Research software, not a medical device."
)
#: Columns of the CSV file, in order.
COLUMNS = (
    *("crop", "label", "score", "laterality", "view"),
    *("x_min", "y_min", "x_max", "y_max", "width_mm", "height_mm"),
    *("crop_left", "crop_top", "crop_width", "crop_height"),
    *("columns", "rows", "row_spacing_mm", "column_spacing_mm"),
    *("box_x_min", "box_y_min", "box_x_max", "box_y_max"),
    *("model", "burned_in_possible", "image", "study"),
)


def write_index(folder: Path, records: Sequence[StudyRecord]) -> None:
    """Write the index of all records; each file is replaced as a whole.

    Raises
    ------
    CropsError
        If a file cannot be written.
    """
    crops = sorted((crop for record in records for crop in record.crops), key=lambda c: c.name)
    classes = classes_of(crops)
    for crop in crops:
        write_text(folder / LABELS / f"{crop.name}.txt", yolo(crop, classes))
    write_text(folder / CLASSES_NAME, "".join(f"{name}\n" for name in classes))
    write_text(folder / COCO_NAME, json.dumps(coco(crops, classes), indent=1) + "\n")
    write_text(folder / CSV_NAME, table(crops))


def classes_of(crops: Sequence[Crop]) -> tuple[str, ...]:
    """Return all labels in alphabetic order: YOLO counts them from 0, COCO from 1."""
    return tuple(sorted({one.label for crop in crops for one in crop.annotations}))


def yolo(crop: Crop, classes: Sequence[str]) -> str:
    """Return one line a lesion: class, centre and size as shares of the crop."""
    lines = []
    for one in crop.annotations:
        x_min, y_min, x_max, y_max = one.box
        shares = (
            (x_min + x_max) / 2 / crop.columns,
            (y_min + y_max) / 2 / crop.rows,
            (x_max - x_min) / crop.columns,
            (y_max - y_min) / crop.rows,
        )
        lines.append(f"{classes.index(one.label)} " + " ".join(f"{share:.6f}" for share in shares))
    return "".join(f"{line}\n" for line in lines)


def coco(crops: Sequence[Crop], classes: Sequence[str]) -> dict[str, Any]:
    """Return the COCO object detection format; scores stand beside what it defines."""
    annotations: list[dict[str, Any]] = []
    for image_id, crop in enumerate(crops, start=1):
        for one in crop.annotations:
            x_min, y_min, x_max, y_max = one.box
            width, height = round(x_max - x_min, 2), round(y_max - y_min, 2)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": classes.index(one.label) + 1,
                    "bbox": [x_min, y_min, width, height],
                    "area": round(width * height, 2),
                    "iscrowd": 0,
                    "score": round(one.score, 6),
                }
            )
    return {
        "info": {"description": _DESCRIPTION},
        "images": [
            {
                "id": number,
                "file_name": f"{IMAGES}/{crop.name}.png",
                "width": crop.columns,
                "height": crop.rows,
            }
            for number, crop in enumerate(crops, start=1)
        ],
        "annotations": annotations,
        "categories": [
            {"id": number, "name": name, "supercategory": "lesion"}
            for number, name in enumerate(classes, start=1)
        ],
    }


def table(crops: Sequence[Crop]) -> str:
    """Return the CSV file: one row a crop, in the order of :data:`COLUMNS`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for crop in crops:
        lesion = crop.annotations[0]
        writer.writerow(
            [
                *(crop.name, lesion.label, f"{lesion.score:.6f}", crop.laterality, crop.view),
                *crop.box,
                *(f"{size:.2f}" for size in crop.size_mm),
                *crop.window,
                *(crop.columns, crop.rows, *(f"{pitch:.6g}" for pitch in crop.spacing_mm)),
                *lesion.box,
                *(crop.model, "yes" if crop.burned_in else "no", crop.image, crop.study),
            ]
        )
    return text.getvalue()
