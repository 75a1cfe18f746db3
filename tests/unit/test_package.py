"""Model packages: what fits loads, and what does not is refused by file and key."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from mammo_node.analyse import package as packages
from mammo_node.analyse.manifest import DetectorManifest, LandmarksManifest
from mammo_node.analyse.onnx_file import inspect
from mammo_node.analyse.package import check_thresholds, discover, load_package
from mammo_node.errors import ConfigurationError, ModelPackageError
from mammo_node.vocabulary import CodedConcept, InputSpec, ModelRef, RefusalReason, View
from tests.unit.analyse_graphs import detector_model, write_package

_MG_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.2"


def test_a_package_that_fits_gives_its_values(tmp_path: Path) -> None:
    """Reference, input, labels, concepts and thresholds are those of the manifest."""
    package = load_package(write_package(tmp_path / "blobs"), recipes={"global", "local", "raw"})
    sha256 = package.manifest.sha256
    assert package.ref == ModelRef("blobs", "1.0", sha256, "Mean brightness of 8 x 8 cells.")
    assert package.input_spec == InputSpec(
        name="image",
        channels=("global", "local"),
        mm_per_pixel=0.3,
        parameters={
            "global": {"low_percentile": 1.0, "high_percentile": 99.5},
            "local": {"sigma_mm": 4.0},
        },
    )
    assert package.labels == {0: "mass", 1: "calcification-cluster"}
    assert package.concepts["mass"] == CodedConcept("129788004", "SCT", "Mammographic breast mass")
    assert package.thresholds() == {"mass": 0.5, "calcification-cluster": 0.6}
    assert package.model_bytes() == (tmp_path / "blobs" / "model.onnx").read_bytes()


def test_the_first_operating_point_of_a_label_is_in_force(tmp_path: Path) -> None:
    """Further operating points are for reading; a setting replaces the first."""
    extra = '[[operating_point]]\nname = "other"\nlabel = "mass"\nthreshold = 0.9\ndata = "x"\n'
    package = load_package(write_package(tmp_path, extra=extra))
    assert package.thresholds()["mass"] == 0.5
    assert package.thresholds({"mass": 0.2, "unheard-of": 0.1}) == {
        "mass": 0.2,
        "calcification-cluster": 0.6,
    }


def test_a_package_is_not_run_as_another_family(tmp_path: Path) -> None:
    """A runner gets the manifest of its own family, or an error that names the file."""
    package = load_package(write_package(tmp_path / "blobs"))
    assert package.manifest_of(DetectorManifest) is package.manifest
    with pytest.raises(ModelPackageError, match=r"model\.toml: family = 'detector'.*Landmarks"):
        package.manifest_of(LandmarksManifest)


@pytest.mark.parametrize(
    ("old", "new", "key", "right"),
    [
        ("format = 1", "format = 2", "format = 2", "1"),
        ('family = "detector"', 'family = "oracle"', "family = 'oracle'", "detector"),
        ('family = "detector"', "family = []", "family = []", "detector"),
        ('name = "blobs"', 'name = "No Name"', "name = 'No Name'", "pattern"),
        ('version = "1.0"\n', "", "version", "needed"),
        ('licence = "Apache-2.0"', 'license = "x"', "license", "no such key"),
        ("opset = 20", "opset = 19", "opset = 19", "opset 20"),
        ("1.2.840.10008.5.1.4.1.1.1.2", "1.02", "intended.sop_classes.0 = '1.02'", "pattern"),
        ('["CC", "MLO"]', '["CC", "XX"]', "intended.views.1 = 'XX'", "MLO"),
        ("mm_per_pixel = 0.3", "", "input: exactly one of", "mm_per_pixel"),
        ("mm_per_pixel = 0.3", "mm_per_pixel = 0.3\nheight = 9", "input: exactly one", "height"),
        ("mm_per_pixel = 0.3", "mm_per_pixel = 0.0", "input.mm_per_pixel = 0.0", "greater"),
        ("mm_per_pixel = 0.3", "mm_per_pixel = nan", "input.mm_per_pixel = nan", "finite"),
        ("mm_per_pixel = 0.3", "mm_per_pixel = 0.3\nvoy = 1", "input.voy", "no such key"),
        ("mm_per_pixel = 0.3", 'mm_per_pixel = 0.3\nvoi = "x"', "input.voi = 'x'", "window"),
        ("mm_per_pixel = 0.3", "mm_per_pixel = 0.3\nparameters = 1", "input: parameters", "table"),
        ('label = "calcification-cluster"', 'label = "mass"', "operating_point", "once"),
        ("[input.local]", "[input.lokal]", "input: lokal", "no channel"),
        ("sigma_mm = 4.0", 'sigma_mm = "wide"', "input.local.sigma_mm = 'wide'", "number"),
        ('"global", "local"', '"global"', "input: local", "no channel"),
        ('name = "image"', 'name = "picture"', "input.name = 'picture'", "image"),
        ('boxes = "boxes"', 'boxes = "bxs"', "output.boxes = 'bxs'", "boxes, scores, labels"),
        ('boxes = "boxes"', 'boxes = "scores"', "output.boxes", "rank 1, not 2 or 3"),
        ('labels = "labels"', 'labels = "scores"', "output.labels", "int64"),
        ('labels = "labels"', 'labels = "labels"\nheatmap = "boxes"', "output.heatmap", "rank 2"),
        (
            'labels = "labels"',
            'labels = "labels"\nsuspicion = "best"',
            "output.suspicion",
            "rank 4",
        ),
        ("boxes+scores+labels", "polo", "output: ", "'boxes+scores+labels', 'yolo', 'retinanet'"),
        ("mm_per_pixel = 0.3", 'mm_per_pixel = 0.3\nfit = "stretch"', "input: fit", "size"),
        ("mm_per_pixel = 0.3", 'size = [64, 64]\ntrim = "breast"', "input: trim", "size"),
        ("mm_per_pixel = 0.3", "mm_per_pixel = 0.3\ntrim_grid = 64", "input: trim_grid", "trim ="),
        (
            "mm_per_pixel = 0.3",
            'mm_per_pixel = 0.3\ntrim = "breast"\ntrim_grid = 65',
            "input: trim_grid",
            "no multiple",
        ),
        (
            "mm_per_pixel = 0.3",
            'mm_per_pixel = 0.3\ntrim = "breast"\ntrimmed_inputs = ["a", "image"]',
            "input: trimmed_inputs",
            "twice",
        ),
        (
            "mm_per_pixel = 0.3",
            'mm_per_pixel = 0.3\ntrim = "breast"\ntrimmed_inputs = ["a", "b"]',
            "input.name",
            "one input and the trimmed_inputs",
        ),
        ('"global", "local"', '"global", "display", "local"', "input: channels: display", "window"),
        ("mm_per_pixel = 0.3", "size = [64, 0]", "input.size.1 = 0", "greater"),
        ("nms_iou = 0.3", "nms_iou = 1.5", "output.nms_iou = 1.5", "less than or equal to 1"),
        ("index = 1", "index = 0", "label.index: 0", "once"),
        ('name = "mass"', 'name = "calcification-cluster"', "label.name", "once"),
        ('label = "mass"', 'label = "masss"', "operating_point.label", "mass,"),
        ('label = "mass"', 'label = "calcification-cluster"', "operating_point", "once"),
        ("threshold = 0.5", "threshold = 1.5", "operating_point.0.threshold = 1.5", "less than"),
        ('value = "129788004"', 'value = "12345678901234567"', "label.0.concept.value", "16"),
        ("[intended]", "[intended", "not valid TOML", "line"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    tmp_path: Path, old: str, new: str, key: str, right: str
) -> None:
    """The message names the file, the key, the value and what would be right."""
    folder = write_package(tmp_path, changes=((old, new),))
    with pytest.raises(ModelPackageError) as raised:
        load_package(folder)
    message = str(raised.value)
    assert str(folder / "model.toml") in message
    assert key in message
    assert right in message


def test_a_label_without_an_operating_point_is_refused(tmp_path: Path) -> None:
    """There is no threshold that could be guessed."""
    point = 'name = "default"\nlabel = "calcification-cluster"'
    other = 'name = "other"\nlabel = "mass"'
    with pytest.raises(ModelPackageError, match="label 'calcification-cluster' has none"):
        load_package(write_package(tmp_path, changes=((point, other),)))


def test_a_value_where_a_table_belongs_is_refused(tmp_path: Path) -> None:
    """Also the shape of the manifest is checked, key by key."""
    (tmp_path / "model.toml").write_text('family = "detector"\ninput = 3\n', encoding="utf-8")
    with pytest.raises(ModelPackageError) as raised:
        load_package(tmp_path)
    lines = str(raised.value).splitlines()
    assert f"{tmp_path / 'model.toml'}: sha256: this key is needed" in lines
    assert any("model.toml: input = 3: " in line for line in lines)


def test_a_graph_without_an_opset_is_refused(tmp_path: Path) -> None:
    """A model of other domains only is nothing that a standard runtime can run."""
    model = detector_model()
    model.opset_import[0].domain = "nowhere"
    with pytest.raises(ModelPackageError, match="no opset of the default domain"):
        load_package(write_package(tmp_path, model))


@pytest.mark.parametrize(
    ("extra", "key"),
    [
        ('[self_test]\ninput = "a.npy"\n', "self_test.input = 'a.npy': there is no such file"),
        ('[self_test]\ninput = "../a.npy"\n', "self_test.input = '../a.npy'"),
        ("[self_test]\n", "self_test: exactly one of input and generated"),
        ('[self_test]\ngenerated = "blob"\n', "self_test: size belongs to generated"),
        (
            """[self_test]
            generated = "blob"
            size = [64, 64]
            [[self_test.expect]]
            label = "cyst"
            box = [0, 0, 1, 1]
            score = 0.5
            """,
            "self_test.expect.label: no [[label]] is named 'cyst'",
        ),
        ('[self_test]\ngenerated = "blob"\nsize = [64]\n', "self_test.size"),
    ],
)
def test_a_self_test_that_cannot_run_is_refused(tmp_path: Path, extra: str, key: str) -> None:
    """Its files, labels and keys are checked before anything runs."""
    folder = write_package(tmp_path, extra=extra)
    with pytest.raises(ModelPackageError, match=re.escape(f"{folder / 'model.toml'}: {key}")):
        load_package(folder)


def test_an_unknown_recipe_is_refused(tmp_path: Path) -> None:
    """Channels that no recipe can make are told apart when the recipes are known."""
    with pytest.raises(ModelPackageError, match=r"input.channels = 'local'.*known: global"):
        load_package(write_package(tmp_path), recipes={"global"})


def test_another_file_than_the_manifest_names_is_refused(tmp_path: Path) -> None:
    """One flipped bit in the weights is enough, at load and again when a session is opened."""
    folder = write_package(tmp_path)
    package = load_package(folder)
    data = bytearray((folder / "model.onnx").read_bytes())
    data[-1] ^= 1
    (folder / "model.onnx").write_bytes(data)
    for read in (lambda: load_package(folder), package.model_bytes):
        with pytest.raises(ModelPackageError, match=r"model.onnx: sha256: the file has"):
            read()


@pytest.mark.parametrize("missing", ["model.toml", "model.onnx"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    """Both files must be there."""
    folder = write_package(tmp_path)
    (folder / missing).unlink()
    with pytest.raises(ModelPackageError, match=f"{missing}: cannot be read: No such file"):
        load_package(folder)


def test_a_manifest_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """TOML is UTF-8."""
    folder = write_package(tmp_path)
    (folder / "model.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(ModelPackageError, match="not valid TOML"):
        load_package(folder)


@pytest.mark.parametrize("data", [b"", b"not an ONNX file", b"\x08", b"\x3a\xff\xff\xff\x7f", b"7"])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, data: bytes) -> None:
    """Garbage with the right hash is still garbage."""
    with pytest.raises(ModelPackageError, match=r"model.onnx: not an ONNX model"):
        load_package(write_package(tmp_path, data))


def _weights_outside(model: onnx.ModelProto) -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.zeros(2048, dtype=np.float32), "weight")
    onnx.external_data_helper.set_external_data(weight, "weights.bin")
    weight.ClearField("raw_data")
    model.graph.initializer.append(weight)
    return model


def _weights_outside_in_a_branch(model: onnx.ModelProto) -> onnx.ModelProto:
    branch = _weights_outside(detector_model()).graph
    node = helper.make_node("If", ["condition"], ["out"], then_branch=branch, else_branch=branch)
    model.graph.node.append(node)
    return model


def _constant_outside(model: onnx.ModelProto) -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.zeros(2048, dtype=np.float32), "constant")
    onnx.external_data_helper.set_external_data(weight, "/etc/passwd")
    model.graph.node.append(helper.make_node("Constant", [], ["constant"], value=weight))
    return model


def _compiled_outside(model: onnx.ModelProto) -> onnx.ModelProto:
    model.graph.node.append(
        helper.make_node("EPContext", [], ["x"], domain="com.microsoft", ep_cache_context="x.bin")
    )
    return model


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (_weights_outside, "weight"),
        (_weights_outside_in_a_branch, "weight"),
        (_constant_outside, "constant"),
        (_compiled_outside, "EPContext"),
    ],
)
def test_data_outside_the_file_is_refused(tmp_path: Path, change, name: str) -> None:
    """A hash that does not cover the weights is no hash; no graph reads other files."""
    model = change(detector_model())
    with pytest.raises(ModelPackageError, match=f"{name} refers to data outside the file"):
        load_package(write_package(tmp_path, model))


def _graph(inputs: list[onnx.ValueInfoProto], like: onnx.ModelProto) -> onnx.ModelProto:
    del like.graph.input[:]
    like.graph.input.extend(inputs)
    return like


def _value(shape: list[object] | None, element: int = TensorProto.FLOAT, name: str = "image"):
    return helper.make_tensor_value_info(name, element, shape)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ([_value([1, 2, "h"])], "input.name: image has rank 3, not 4"),
        ([_value([1, 2, "h", "w"], TensorProto.FLOAT16)], "image is float16, not float32"),
        ([_value([1, 2, "h", "w"], TensorProto.UINT8)], "image is type 2, not float32"),
        ([_value([8, 2, "h", "w"])], "the batch dimension of the graph is 8, not 1"),
        ([_value([1, 3, "h", "w"])], "input.channels: 2 are named, the graph wants 3"),
        ([_value([1, 2, 640, 640])], "rows and columns must be dynamic"),
        ([_value([1, 2, "h", "w"]), _value([1], name="mask")], "exactly one input, it has: image"),
        ([], "exactly one input, it has: none"),
    ],
)
def test_a_graph_with_another_input_is_refused(tmp_path: Path, inputs, words: str) -> None:
    """Rank, type, batch, channels and dynamic sizes of the input are compared."""
    folder = write_package(tmp_path, _graph(inputs, detector_model()))
    with pytest.raises(ModelPackageError, match=re.escape(words)):
        load_package(folder)


def test_a_dynamic_batch_and_weights_among_the_inputs_are_fine(tmp_path: Path) -> None:
    """Exports with a free batch dimension or of an old IR version load."""
    model = detector_model()
    weights = [
        helper.make_tensor_value_info(w.name, w.data_type, list(w.dims))
        for w in model.graph.initializer
    ]
    load_package(write_package(tmp_path, _graph([_value(["n", 2, "h", "w"]), *weights], model)))


def test_outputs_without_a_shape_are_left_to_the_self_test(tmp_path: Path) -> None:
    """Some exporters say no shape; that alone is no reason to refuse."""
    model = detector_model()
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    load_package(write_package(tmp_path, model))


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """One line per mistake, so that a package is mended in one go."""
    changes = (("opset = 20", "opset = 1"), ('name = "image"', 'name = "x"'))
    with pytest.raises(ModelPackageError) as raised:
        load_package(write_package(tmp_path, changes=changes))
    assert len(str(raised.value).splitlines()) == 2


def test_the_reader_agrees_with_the_onnx_library() -> None:
    """Opset, names, types and shapes are those that the reference implementation reads."""
    model = detector_model(batch_dimension=True)
    info = inspect(model.SerializeToString())
    assert info.opset == 20
    assert info.external is None
    for ours, theirs in zip(
        (*info.inputs, *info.outputs), (*model.graph.input, *model.graph.output), strict=True
    ):
        tensor = theirs.type.tensor_type
        name = TensorProto.DataType.Name(tensor.elem_type)
        assert ours.name == theirs.name
        assert ours.element == {"FLOAT": "float32", "INT64": "int64"}[name]
        dims = [d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim]
        assert list(ours.shape or ()) == dims


@given(st.binary(max_size=200), st.integers(0, 2000))
def test_damaged_files_raise_nothing_but_value_errors(noise: bytes, position: int) -> None:
    """Whatever the bytes, the reader ends with an answer or a ValueError."""
    data = detector_model().SerializeToString()
    damaged = data[:position] + noise + data[position + len(noise) :]
    try:
        inspect(damaged)
    except ValueError:
        return
    assert inspect(damaged) == inspect(bytes(damaged))


def _wrapped(number: int, body: bytes) -> bytes:
    """One length-delimited protobuf field."""
    size, length = b"", len(body)
    while length > 0x7F:
        size, length = size + bytes([length & 0x7F | 0x80]), length >> 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + body


def test_graphs_nested_beyond_reason_are_refused(tmp_path: Path) -> None:
    """A file made to exhaust the stack is refused like any other garbage."""
    graph = b""
    for _ in range(2000):
        graph = _wrapped(1, _wrapped(5, _wrapped(6, graph)))  # graph > node > attribute > graph
    model = _wrapped(8, b"\x10\x14") + _wrapped(7, graph)
    with pytest.raises(ModelPackageError, match="nested too deeply"):
        load_package(write_package(tmp_path, model))


def _folder_of(tmp_path: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        write_package(tmp_path / f"p{number}", changes=(('name = "blobs"', f'name = "{name}"'),))
    return tmp_path


def test_discover_takes_the_named_packages_in_order(tmp_path: Path) -> None:
    """The order of use is the order of the setting; None takes all."""
    root = _folder_of(tmp_path, "a", "b", "c")
    assert [p.name for p in discover(root, ["c", "a"])] == ["c", "a"]
    assert [p.name for p in discover(root, None)] == ["a", "b", "c"]


def test_discover_refuses_two_packages_of_one_name(tmp_path: Path) -> None:
    """Which of two would run must never be chance."""
    root = _folder_of(tmp_path, "a", "b", "a")
    with pytest.raises(ModelPackageError, match=r"p0.*p2: name: 'a' is there twice"):
        discover(root, ["a"])
    assert [p.name for p in discover(root, ["b"])] == ["b"]


def test_discover_names_what_there_is(tmp_path: Path) -> None:
    """A misspelt name is answered with the names there are."""
    with pytest.raises(ModelPackageError, match=r"no model package 'x' \(found: a, b\)"):
        discover(_folder_of(tmp_path, "a", "b"), ["x"])
    with pytest.raises(ModelPackageError, match=r"no model package 'x' \(found: none\)"):
        discover(tmp_path / "p0", ["x"])
    with pytest.raises(ModelPackageError, match="there is no such folder"):
        discover(tmp_path / "nowhere", ["x"])


def test_the_packages_installed_with_us_are_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a folder the bundled models are taken."""
    assert packages.bundled_folder().name == "models"
    assert packages.bundled_folder().parent.joinpath("py.typed").is_file()
    monkeypatch.setattr(packages, "bundled_folder", lambda: _folder_of(tmp_path, "a"))
    assert [p.name for p in discover(None, ["a"])] == ["a"]


def test_a_threshold_for_a_label_that_no_model_has_is_refused(tmp_path: Path) -> None:
    """A misspelt label must not silently leave the default in force."""
    package = load_package(write_package(tmp_path))
    check_thresholds([package], {"mass": 0.3})
    with pytest.raises(ConfigurationError, match=r"models.thresholds.masses.*known: calc.*mass"):
        check_thresholds([package], {"masses": 0.3})


def test_images_outside_the_intended_use_are_refused(tmp_path: Path) -> None:
    """SOP class, view and vendor are compared, and the refusal says which."""
    changes = (('statement = "For tests."', 'statement = "x"\nvendors = ["hologic", "GE"]'),)
    package = load_package(write_package(tmp_path, changes=changes))
    assert package.refusal_of(_MG_PRESENTATION, View.CC, "HOLOGIC, Inc.") is None
    assert package.refusal_of(_MG_PRESENTATION, View.MLO, "GE MEDICAL SYSTEMS") is None
    for arguments, words in (
        (("1.2.3", View.CC, "GE"), "SOP Class 1.2.3"),
        ((_MG_PRESENTATION, View.ML, "GE"), "view ML"),
        ((_MG_PRESENTATION, View.CC, "Siemens"), "manufacturer 'Siemens'"),
    ):
        refusal = package.refusal_of(*arguments)
        assert refusal is not None
        assert refusal.reason is RefusalReason.MODEL
        assert words in refusal.detail
