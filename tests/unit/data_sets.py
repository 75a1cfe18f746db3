"""Tiny copies of public data sets, in the formats and folders that they are distributed in."""

from __future__ import annotations

import plistlib
from pathlib import Path

import numpy as np
from pydicom.uid import SecondaryCaptureImageStorage

from tests.synthetic import CC, MLO, breast, mammogram, save

CBIS_COLUMNS = (
    "patient_id,{density},left or right breast,image view,abnormality id,abnormality type,"
    "{kind},assessment,pathology,subtlety,image file path,cropped image file path,"
    "ROI mask file path\n"
)


def image(path: Path, pixels: np.ndarray | None = None, **more: object) -> Path:
    """A DICOM file under folders that are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return save(mammogram(pixels, **more), path)


def film(path: Path, pixels: np.ndarray) -> Path:
    """A file as CBIS-DDSM has them: Secondary Capture that says neither side, view nor pitch."""
    unsaid = dict.fromkeys(
        ("ImageLaterality", "ViewCodeSequence", "ImagerPixelSpacing", "PresentationIntentType")
    )
    return image(
        path,
        pixels,
        SOPClassUID=SecondaryCaptureImageStorage,
        PatientOrientation="CC",
        Manufacturer=None,
        **unsaid,
    )


def cbis(root: Path) -> Path:
    """Three films: two masses in one, the mask once first and once second; one calcification."""
    root.mkdir(parents=True, exist_ok=True)

    def paths(name: str, number: int) -> str:
        roi = f"{name}_{number}/1.2.3/1.2.4"
        return f'{name}/1.2.1/1.2.2/000000.dcm,"{roi}/000001.dcm\n","{roi}/000000.dcm\n"'

    mass, second, calc = (
        "Mass-Training_P_00001_LEFT_CC",
        "Mass-Test_P_00002_RIGHT_MLO",
        "Calc-Test_P_00001_LEFT_CC",
    )
    head = CBIS_COLUMNS.format(density="breast_density", kind="mass shape,mass margins")
    (root / "mass_case_description_train_set.csv").write_text(
        head
        + f"P_00001,3,LEFT,CC,1,mass,ROUND,SPICULATED,4,MALIGNANT,5,{paths(mass, 1)}\n"
        + f"P_00001,3,LEFT,CC,2,mass,OVAL,N/A,2,BENIGN_WITHOUT_CALLBACK,5,{paths(mass, 2)}\n"
    )
    (root / "mass_case_description_test_set.csv").write_text(
        head + f"P_00002,0,RIGHT,MLO,1,mass,OVAL,OBSCURED,4,BENIGN,3,{paths(second, 1)}\n"
    )
    head = CBIS_COLUMNS.format(density="breast density", kind="calc type,calc distribution")
    (root / "calc_case_description_test_set.csv").write_text(
        head
        + "P_00001,3,LEFT,CC,1,calcification,PLEOMORPHIC,CLUSTERED,4,MALIGNANT,3,"
        + f"{paths(calc, 1)}\n"
    )
    left, right = breast(right=False), breast(right=True)
    for name, pixels in ((mass, left), (second, right), (calc, left)):
        folder = root / "CBIS-DDSM" / name / "07-20-2016-DDSM-NA-1" / "1.0-full mammogram images-2"
        film(folder / "1-1.dcm", pixels)
    rois = (
        (mass, 1, (20, 30, 50, 70), False, 1),
        (mass, 2, (100, 40, 120, 60), True, 1),
        (second, 1, (60, 80, 90, 100), True, 1),
        # A mask of half the size, as some are.
        (calc, 1, (20, 40, 60, 80), False, 2),
    )
    for name, number, (top, low, bottom, high), mask_first, factor in rois:
        mask = np.zeros((200, 160), np.uint8)
        mask[top:bottom, low:high] = 255
        crop = left[top:bottom, low:high]
        folder = root / "CBIS-DDSM" / f"{name}_{number}" / "07-20-2016-DDSM-NA-3" / "1.0-ROI-4"
        names = ("1-1.dcm", "1-2.dcm") if mask_first else ("1-2.dcm", "1-1.dcm")
        film(folder / names[0], np.ascontiguousarray(mask[::factor, ::factor]))
        film(folder / names[1], np.ascontiguousarray(crop))
    return root


def vindr(root: Path) -> Path:
    """Two studies of two images; one box with two categories, one image without findings."""
    root.mkdir(parents=True, exist_ok=True)
    images = (
        ("s1", "i1", "L", "CC", "BI-RADS 4", "DENSITY C", "training"),
        ("s1", "i2", "L", "MLO", "BI-RADS 4", "DENSITY C", "training"),
        ("s2", "i3", "R", "CC", "BI-RADS 1", "DENSITY A", "test"),
        ("s2", "i4", "R", "MLO", "BI-RADS 2", "DENSITY A", "test"),
    )
    head = (
        "study_id,series_id,image_id,laterality,view_position,height,width,"
        "breast_birads,breast_density"
    )
    lines = [f"{head},split"]
    lines += [
        f"{s},x,{i},{side},{v},200,160,{b},{d},{part}" for s, i, side, v, b, d, part in images
    ]
    (root / "breast-level_annotations.csv").write_text("\n".join(lines) + "\n")
    start = {i: f"{s},x,{i},{side},{v},200,160,{b},{d}" for s, i, side, v, b, d, _ in images}
    (root / "finding_annotations.csv").write_text(
        f"{head},finding_categories,finding_birads,xmin,ymin,xmax,ymax,split\n"
        f"{start['i1']},\"['Mass', 'Suspicious Calcification']\",BI-RADS 4,"
        "10.5,20,40,60.25,training\n"
        f"{start['i1']},['Skin Thickening'],BI-RADS 3,100,20,110,60,training\n"
        f"{start['i2']},['No Finding'],,,,,,training\n"
        f"{start['i3']},['No Finding'],,,,,,test\n"
        f"{start['i4']},['No Finding'],,,,,,test\n"
    )
    for study, name, side, view, *_ in images:
        pixels = breast(right=side == "R")
        orientation = ["A", "R"] if side == "L" else ["P", "L"]
        image(
            root / "images" / study / f"{name}.dicom",
            pixels,
            ImageLaterality=side,
            ViewPosition=view,
            ViewCodeSequence=None,
            PatientOrientation=orientation,
        )
    return root


def inbreast(root: Path) -> Path:
    """Two images of one woman and one of another; regions, and a table that ends in a note."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "INbreast.csv").write_text(
        "Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads\n"
        "removed;removed;R;CC;201001;22678622;4;5\n"
        "removed;removed;L;MLO;201001;22678646;4;1\n"
        "removed;removed;L;CC;200808;22678787; ;4a\n"
        ";;;;;;;\n"
        "Note: ACR of one image is missing;;;;;;;\n"
    )
    for name, patient, side, view in (
        ("22678622", "61b13c59bcba149e", "R", "CC"),
        ("22678646", "61b13c59bcba149e", "L", "MLO"),
        ("22678787", "64a22c47765f0450", "L", "CC"),
    ):
        path = root / "AllDICOMs" / f"{name}_{patient}_MG_{side}_{view}_ANON.dcm"
        image(path, breast(right=side == "R"), ImageLaterality=side)
    regions = [
        {"Name": "Mass", "Point_px": ["(30.5, 40.25)", "(60.0, 45.0)", "(50.0, 80.0)"], "Type": 15},
        {"Name": "Calcification", "Point_px": ["(100.0, 101.0)"], "Type": 19},
        {"Name": "Espiculated Region", "Point_px": ["(20.0, 30.0)", "(70.0, 90.0)"], "Type": 15},
        {"Name": "Cluster", "Point_px": ["(5.0, 6.0)", "(15.0, 26.0)"], "Type": 15},
        {"Name": "Unnamed", "Point_px": [], "Type": 15},
    ]
    (root / "AllXML").mkdir()
    document = {"Images": [{"ImageIndex": 0, "NumberOfROIs": 5, "ROIs": regions}]}
    (root / "AllXML" / "22678622.xml").write_bytes(plistlib.dumps(document))
    return root


def cmmd(root: Path, *, table: bool = True) -> Path:
    """Two patients of two views a side; of the second only the left breast is in the table."""
    root.mkdir(parents=True, exist_ok=True)
    if table:
        (root / "CMMD_clinicaldata_revision.csv").write_text(
            "ID1,LeftRight,Age,number,abnormality,classification,subtype\n"
            "D1-0001,R,44,2,calcification,Benign,\n"
            "D1-0002,L,40,2,both,Malignant,Luminal A\n"
        )
    for patient, sides in (("D1-0001", "R"), ("D1-0002", "LR")):
        for side in sides:
            for number, view in enumerate((CC, MLO), 1):
                folder = root / "CMMD" / patient / "07-18-2010-NA-NA-79377" / f"1.0-NA-{side}"
                uid = f"1.2.{patient[-1]}.{ord(side)}.{number}"
                ds = mammogram(breast(right=side == "R"), ImageLaterality=side, SOPInstanceUID=uid)
                ds.ViewCodeSequence[0].CodeValue = view
                (folder).mkdir(parents=True, exist_ok=True)
                save(ds, folder / f"1-{number}.dcm")
    return root


def mini_mias(root: Path) -> Path:
    """Four films: a circle with its origin at the bottom, two lines for one film, no circle."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "Info.txt").write_text(
        "INFORMATION ON THE DATABASE\n\n"
        "mdb001 G CIRC B 535 425 197\n"
        "mdb002 G NORM \n"
        "mdb003 D SPIC M 100 200 50\n"
        "mdb003 D CALC B 700 800 10\n"
        "mdb004 F CALC M *NOTE 3*\n"
        "\n*NOTE 3*  calcifications are widely distributed\n"
    )
    for number in range(1, 5):
        pixels = (breast(right=bool(number % 2)) >> 4).astype(np.uint8)
        header = f"P5\n{pixels.shape[1]} {pixels.shape[0]}\n255\n".encode()
        (root / f"mdb{number:03d}.pgm").write_bytes(header + pixels.tobytes())
    return root
