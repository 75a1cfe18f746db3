"""Ground truth of one's own: what the CSV file may say, and what is told when it is wrong."""

from __future__ import annotations

import pytest

from mammo_node.errors import GroundTruthError
from mammo_node.evaluate import table
from mammo_node.evaluate.records import Density
from mammo_node.evaluate.truth import open_truth
from mammo_node.vocabulary import Box, Laterality, View
from tests.unit import data_sets

HEAD = "image,patient,laterality,view,label,x_min,y_min,x_max,y_max,malignant,density"


def written(folder, *lines, head=HEAD):
    """A CSV file of these lines, and empty files for its images."""
    path = folder / "truth.csv"
    path.write_text("\n".join((head, *lines)) + "\n")
    for line in lines:
        (folder / line.split(",")[0]).touch()
    return path


def test_lines_of_an_image_are_joined(tmp_path):
    """Two findings are two lines; what is said of the image on either holds for both."""
    path = written(
        tmp_path,
        "a.dcm,p1,L,CC,mass,1,2,30.5,40,yes,",
        "a.dcm,p1,L,CC,Suspicious Calcification,5,6,7,8,no,C",
        "b.dcm,p2,r,mlo,,,,,,no,A",
    )
    first, second = table.read(path)
    assert [f.label for f in first.findings] == ["mass", "calcification-cluster"]
    assert first.findings[0].box_px == Box(1, 2, 30.5, 40)
    assert [f.malignant for f in first.findings] == [True, False]
    assert (first.malignant, first.density, first.path) == (True, Density.C, tmp_path / "a.dcm")
    assert (second.findings, second.malignant) == ((), False)
    assert (second.laterality, second.view) == (Laterality.RIGHT, View.MLO)
    assert first.annotated == second.annotated == {"mass", "calcification-cluster"}


def test_semicolons_capitals_and_marks_are_fine(tmp_path):
    """A file as spreadsheet programs save it is read: byte order mark, semicolons, any case."""
    path = tmp_path / "truth.csv"
    text = "SOP Instance UID;Patient;Laterality;View;Label\n1.2.3;p;Left;cc;mass\n"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    (record,) = table.read(path)
    assert (record.sop_instance_uid, record.path, record.image_id) == ("1.2.3", None, "1.2.3")
    assert record.findings[0].box_px is None


@pytest.mark.parametrize(
    ("head", "line", "message"),
    [
        ("image,laterality,view", "a.dcm,L,CC", "column 'patient' is missing"),
        (f"{HEAD},colour", "a.dcm,p,L,CC,,,,,,,,red", "unknown column 'colour'"),
        (HEAD, "a.dcm,p,X,CC,,,,,,,", "line 2: laterality = 'X' .known: L, LEFT, R, RIGHT"),
        (HEAD, "a.dcm,p,L,,,,,,,,", "line 2: 'view' is empty"),
        (HEAD, "a.dcm,p,L,CC,elephant,,,,,,", "line 2: unknown label 'elephant' .known: mass"),
        (HEAD, "a.dcm,p,L,CC,mass,1,2,three,4,,", "line 2: x_max = 'three' is not a number"),
        (HEAD, "a.dcm,p,L,CC,mass,1,2,inf,4,,", "line 2: x_max = 'inf' is not a number"),
        (HEAD, "a.dcm,p,L,CC,mass,1,2,3,,,", "line 2: a box needs all of"),
        (HEAD, "a.dcm,p,L,CC,mass,5,2,3,4,,", "line 2: x_min < x_max"),
        (HEAD, "a.dcm,p,L,CC,,1,2,3,4,,", "line 2: a box without a label"),
        (HEAD, "a.dcm,p,L,CC,,,,,,maybe,", "line 2: malignant = 'maybe'"),
        (HEAD, "a.dcm,p,L,CC,,,,,,,E", "line 2: density = 'E'"),
        (HEAD, ",p,L,CC,,,,,,,", "line 2: needs 'image' or 'sop_instance_uid'"),
    ],
)
def test_mistakes_name_the_line_and_what_would_be_right(tmp_path, head, line, message):
    """Each mistake is one clear error."""
    with pytest.raises(GroundTruthError, match=message):
        table.read(written(tmp_path, line, head=head))


def test_lines_that_contradict_each_other_are_an_error(tmp_path):
    """One image cannot be of two patients."""
    path = written(tmp_path, "a.dcm,p,L,CC,mass,,,,,,", "a.dcm,q,L,CC,mass,,,,,,")
    with pytest.raises(GroundTruthError, match="line 3: patient is q, and p on an earlier line"):
        table.read(path)


@pytest.mark.parametrize("name", ["vindr-mammo", "mini-mias", "inbreast"])
def test_what_is_exported_reads_back_the_same(tmp_path, name):
    """A data set written as CSV gives the same truth."""
    make = {
        "vindr-mammo": data_sets.vindr,
        "mini-mias": data_sets.mini_mias,
        "inbreast": data_sets.inbreast,
    }[name]
    records = open_truth(name, data=make(tmp_path / "data")).records
    table.write(records, tmp_path / "truth.csv")
    again = table.read(tmp_path / "truth.csv")

    def facts(record):
        found = [(f.label, f.box_px, f.malignant) for f in record.findings]
        who = (record.path, record.patient, record.study, record.laterality, record.view)
        more = (record.vendor, record.density, record.spacing_mm, record.split, record.annotated)
        return who, found, more, record.malignant

    assert [facts(r) for r in again] == [facts(r) for r in records]


def test_truth_is_a_file_a_data_set_or_phantoms(tmp_path):
    """Anything else is told, with all that is known."""
    with pytest.raises(GroundTruthError, match=r"no file, and no data set .*vindr-mammo.*phantom:"):
        open_truth(str(tmp_path / "nothing.csv"))
    with pytest.raises(GroundTruthError, match="--data must name the folder"):
        open_truth("inbreast")
    with pytest.raises(GroundTruthError, match="first to last"):
        open_truth("phantom:9-3")
    with pytest.raises(GroundTruthError, match=r"'size=3' is none of masses=int"):
        open_truth("phantom:1-2:size=3")
    with pytest.raises(GroundTruthError, match="phantoms have no parts"):
        open_truth("phantom:1-2", split="test")
    made = open_truth("phantom:5-9:masses=2,mm=0.2", limit=2)
    assert (made.first_seed, made.studies, len(made)) == (5, 2, 8)
    assert made.options == (("masses", 2), ("pixel_spacing_mm", 0.2))


def test_parts_and_limits_are_of_patients(tmp_path):
    """--split takes the data set's part, --limit so many patients with all their images."""
    root = data_sets.vindr(tmp_path)
    assert [r.image_id for r in open_truth("vindr-mammo", data=root, split="test").records] == [
        "i3",
        "i4",
    ]
    assert len(open_truth("vindr-mammo", data=root, limit=1).records) == 2
    with pytest.raises(GroundTruthError, match=r"no such part \(training \(2\), test \(2\)\)"):
        open_truth("vindr-mammo", data=root, split="validation")


def test_images_that_are_not_there_are_told(tmp_path):
    """A path that leads nowhere is an error that names --data; or the image is left out."""
    path = written(tmp_path, "a.dcm,p,L,CC,,,,,,,", "b.dcm,q,L,CC,,,,,,,")
    (tmp_path / "a.dcm").unlink()
    with pytest.raises(GroundTruthError, match=r"1 of 2 images are not there.*a\.dcm.*--data"):
        open_truth(str(path))
    assert [r.image_id for r in open_truth(str(path), skip_missing=True).records] == ["b.dcm"]
