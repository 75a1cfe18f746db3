"""Source headers in any state: an answer is made, and the patient stays who it is."""

from __future__ import annotations

import io
import warnings
from collections import Counter
from dataclasses import replace

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from mammo_node.encode.objects import EncodedObject
from mammo_node.encode.parse import parse_report
from mammo_node.encode.study import encode_study
from mammo_node.errors import EncodingError
from mammo_node.vocabulary import OutputKind
from tests.golden import samples

RESULT = samples.answers()["findings"]

#: Specific Character Set and a name as it is written in it; the first from PS3.5 Annex H.3,
#: the Korean one from Annex I, the Chinese ones from Annexes J and K.
CHARACTER_SETS = {
    "Japanese, ISO 2022": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    "Japanese, JIS X 0201": (
        ["ISO 2022 IR 13", "ISO 2022 IR 87"],
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    "Korean, ISO 2022": (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    "Chinese, GB18030": ("GB18030", "Wang^XiaoDong=王^小东="),
    "Chinese, GBK": ("GBK", "Wang^XiaoDong=王^小东="),
    "UTF-8": ("ISO_IR 192", "Müller^Łucja=山田^花子=やまだ^はなこ"),
    "Latin-1": ("ISO_IR 100", "Äneas^Rüdiger"),
    "Cyrillic": ("ISO_IR 144", "Щедрин^Юлия"),
    "Arabic": ("ISO_IR 127", "قباني^لنزار"),
    "Greek, multi-valued": (["ISO 2022 IR 100", "ISO 2022 IR 126"], "Dionysios is Διονυσιος"),
    "none": (None, "Plain^Name"),
}


def header_with(**values: object) -> Dataset:
    """Return a source header as it comes from a file: written and read again."""
    ds = samples.header(RESULT.views[0].ref, RESULT.views[0].laterality, RESULT.views[0].view)
    for keyword, value in values.items():
        if value is None:
            ds.pop(keyword, None)
            continue
        element = DataElement(keyword, dictionary_VR(keyword), value, validation_mode=0)
        ds[element.tag] = element
    return reread(ds)


def put_raw(ds: Dataset, keyword: str, value: bytes) -> None:
    """Set an attribute to bytes that nobody has looked at yet, as after reading a file."""
    tag = Tag(keyword)
    ds[tag] = RawDataElement(tag, dictionary_VR(keyword), len(value), value, 0, False, True)


def reread(ds: Dataset) -> Dataset:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds.save_as(buffer, implicit_vr=False, little_endian=True)
    buffer.seek(0)
    return pydicom.dcmread(buffer, force=True)


def encode(header: Dataset) -> tuple[EncodedObject, ...]:
    headers = samples.headers(RESULT) | {RESULT.views[0].ref.sop_instance_uid: header}
    return encode_study(
        RESULT,
        headers,
        list(OutputKind),
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
    )


#: What a study of four mammograms is answered with, whatever its headers are like.
ONE_OF_EACH = Counter(
    {OutputKind.SR: 1, OutputKind.GSPS: 4, OutputKind.OVERVIEW: 1, OutputKind.PDF: 1}
)


def answers_of(made: tuple[EncodedObject, ...]) -> Counter[OutputKind]:
    """How many objects there are of each kind that every study has."""
    return Counter(one.kind for one in made if one.kind in ONE_OF_EACH)


def read_back(made: EncodedObject) -> Dataset:
    return pydicom.dcmread(io.BytesIO(made.to_bytes()))


@pytest.mark.parametrize("name", CHARACTER_SETS)
def test_name_survives_in_its_character_set(name: str) -> None:
    """Names come out in the source's own character set, letter by letter and byte by byte."""
    terms, patient = CHARACTER_SETS[name]
    source = header_with(SpecificCharacterSet=terms, PatientName=patient)
    raw = source.get_item("PatientName").value
    for made in encode(source):
        ds = read_back(made)
        assert ds.get("SpecificCharacterSet") == (source.get("SpecificCharacterSet"))
        assert ds.get_item("PatientName").value.rstrip(b" ") == raw.rstrip(b" ")
        assert str(ds.PatientName).rstrip("=") == patient.rstrip("=")


def test_bytes_that_nobody_decoded_come_out_as_they_are() -> None:
    """The simplified Chinese name of PS3.5 Annex K keeps its escape sequences, byte by byte."""
    name = b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab="
    source = header_with(SpecificCharacterSet=["", "ISO 2022 IR 58"], PatientName="X")
    put_raw(source, "PatientName", name)
    for made in encode(source):
        ds = read_back(made)
        assert list(ds.SpecificCharacterSet) == ["", "ISO 2022 IR 58"]
        assert ds.get_item("PatientName").value.rstrip() == name


def test_source_is_left_as_it_was() -> None:
    """Encoding does not convert the caller's elements: the second time gives the same bytes."""
    source = header_with()
    first = [made.to_bytes() for made in encode(source)]
    assert isinstance(source.get_item("PatientName"), RawDataElement)
    assert [made.to_bytes() for made in encode(source)] == first


@pytest.mark.parametrize("terms", ["ISO_IR 999", "ISO-8859-1", "UTF8", ["ISO_IR 100", "NONSENSE"]])
def test_unknown_character_set_becomes_utf_8(terms: object) -> None:
    """An unknown character set term does not cost the answer; the object is valid UTF-8."""
    source = header_with(PatientName="Muller^Anna")
    source.SpecificCharacterSet = terms
    for made in encode(source):
        ds = read_back(made)
        assert ds.SpecificCharacterSet == "ISO_IR 192"
        assert str(ds.PatientName) == "Muller^Anna"


def test_letters_outside_the_declared_set_are_kept_as_utf_8() -> None:
    """Text that its declared character set cannot carry is written as UTF-8, not lost."""
    source = header_with()
    source.SpecificCharacterSet = "ISO_IR 100"
    source.StudyDescription = "ďetails Łódź"
    ds = read_back(encode(source)[0])
    assert ds.SpecificCharacterSet == "ISO_IR 192"
    assert ds.StudyDescription == "ďetails Łódź"
    assert str(ds.PatientName) == "Phantom^Übung"


def test_our_own_letters_turn_a_plain_object_into_utf_8() -> None:
    """An institution with an umlaut and a source without character set: UTF-8 is declared."""
    made = encode_study(
        RESULT,
        samples.headers(RESULT)
        | {
            RESULT.views[0].ref.sop_instance_uid: header_with(
                SpecificCharacterSet=None, PatientName="Plain^Name"
            )
        },
        [OutputKind.SR],
        equipment=replace(samples.EQUIPMENT, institution_name="Universitätsklinikum"),
        content_datetime=samples.WHEN,
    )
    ds = read_back(made[0])
    assert (ds.SpecificCharacterSet, ds.InstitutionName) == ("ISO_IR 192", "Universitätsklinikum")
    assert str(ds.PatientName) == "Plain^Name"


def test_undeclared_latin_1_is_repeated_as_it_came() -> None:
    """Bytes above 127 without a character set come out as the same bytes: same patient."""
    source = header_with(SpecificCharacterSet=None, PatientName="X")
    put_raw(source, "PatientName", b"M\xfcller")
    assert b"M\xfcller" in encode(source)[0].to_bytes()


def test_illegal_values_are_left_out() -> None:
    """Values that their VR or the standard forbids do not make our object invalid."""
    source = header_with(
        PatientBirthDate="00000000",
        PatientSex="W",
        PatientAge="56",
        StudyDate="2026.11.21",
        StudyTime="1015xx",
    )
    put_raw(source, "PatientWeight", b"heavy ")
    for made in encode(source):
        ds = read_back(made)
        for keyword in ("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"):
            assert ds[keyword].is_empty, keyword
        assert "PatientAge" not in ds
        assert "PatientWeight" not in ds


def test_missing_patient_still_gets_an_answer() -> None:
    """A header without any patient or study attribute has all Type 2 attributes, empty."""
    empty = Dataset()
    empty.PhotometricInterpretation = "MONOCHROME2"
    made = encode(empty)
    assert answers_of(made) == ONE_OF_EACH
    ds = read_back(made[0])
    for keyword in ("PatientID", "PatientName", "StudyID", "AccessionNumber", "StudyDate"):
        assert ds[keyword].is_empty, keyword
    assert ds.StudyInstanceUID == samples.STUDY_UID


def test_a_failed_study_of_empty_headers_still_gets_its_answer() -> None:
    """A study that failed unread, with headers that name neither class nor series, is answered."""
    result = samples.answers()["failed-unread"]
    made, *_ = encode_study(
        result,
        {f"{samples.ROOT}.3.1": Dataset()},
        list(OutputKind),
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
    )
    assert parse_report(read_back(made)).conclusion.startswith("AI analysis FAILED")


def test_elements_that_cannot_be_handed_out_do_not_cost_the_answer() -> None:
    """An element of an unknown VR, on which pydicom raises when it is touched, is passed over."""
    source = header_with()
    for keyword, value in (("RequestAttributesSequence", None), ("PatientAge", b"056Y")):
        tag = Tag(keyword)
        source[tag] = RawDataElement(tag, "S\x08", 4, value, 0, False, True)
        with pytest.raises((NotImplementedError, OSError, ValueError)):
            source[tag]
    assert answers_of(encode(source)) == ONE_OF_EACH


def test_long_values_are_not_cut() -> None:
    """Names and IDs longer than their VR allows are kept whole: a cut ID is another patient."""
    long_id, long_name = "P" * 200, "N" * 300 + "^" + "G" * 300
    source = header_with(PatientID=long_id, PatientName=long_name, StudyDescription="D" * 500)
    for made in encode(source):
        ds = read_back(made)
        assert ds.PatientID == long_id
        assert str(ds.PatientName) == long_name
        assert ds.StudyDescription == "D" * 500


def test_no_header_at_all_is_an_encoding_error() -> None:
    """Without any source header there is no patient, and that is said."""
    with pytest.raises(EncodingError, match="no source header"):
        encode_study(
            RESULT,
            {},
            list(OutputKind),
            equipment=samples.EQUIPMENT,
            content_datetime=samples.WHEN,
        )


def test_times_stand_in_the_zone_of_the_source() -> None:
    """Where the source names its time zone, content times are in it: 12:34 UTC is 07:34 -0500."""
    source = header_with(TimezoneOffsetFromUTC="-0500")
    ds = read_back(encode(source)[0])
    assert (ds.TimezoneOffsetFromUTC, ds.ContentDate, ds.ContentTime) == (
        "-0500",
        "20261121",
        "073456",
    )
    assert "TimezoneOffsetFromUTC" not in read_back(encode(header_with())[0])


_TAKEN_OVER = (
    "SpecificCharacterSet",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "PatientWeight",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "StudyDescription",
    "TimezoneOffsetFromUTC",
    "WindowCenter",
    "WindowWidth",
    "WindowCenterWidthExplanation",
    "VOILUTFunction",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "VOILUTSequence",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    garbage=st.dictionaries(
        st.sampled_from(_TAKEN_OVER),
        st.one_of(
            st.binary(max_size=24),
            st.sampled_from([b"\\", b"\x1b$B", b"1e400", b"nan", b"\xff\xfe", b"=^=^=", b"-"]),
        ),
        max_size=8,
    )
)
def test_any_bytes_in_the_header_still_give_an_answer(garbage: dict[str, bytes]) -> None:
    """Whatever bytes stand in what is taken over, all objects are made and readable."""
    source = samples.header(RESULT.views[0].ref, RESULT.views[0].laterality, RESULT.views[0].view)
    for keyword, value in garbage.items():
        put_raw(source, keyword, value)
    made = encode(source)
    assert answers_of(made) == ONE_OF_EACH
    for one in made:
        assert read_back(one).SOPInstanceUID == one.sop_instance_uid
