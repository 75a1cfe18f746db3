"""Tiny ONNX models of whole views, and their packages: brightness as landmarks and as density."""

from __future__ import annotations

from pathlib import Path

from onnx import parser

from tests.unit.package_files import write_files

_TABLES = """\
[input]
name = "{input}"
channels = ["global"]
{scale}

[input.global]
low_percentile = 0
high_percentile = 100

[output]
contract = "{name}"
{output}
"""

#: The brightest pixel is the nipple, its score nine tenths of its brightness; what is 0.3 to 0.7
#: bright is muscle.
_LANDMARKS = """
<ir_version: 10, opset_import: ["" : 20]>
landmarks (float[1, 1, rows, columns] image)
  => (float[1, 3] nipple, float[1, 1, r, c] pectoral, float[1, 1] profile)
<int64[1] flat = {-1}, int64[2] one_one = {1, 1}, float half = {0.5}, float low = {0.3},
 float high = {0.7}, float most = {0.9}>
{
  listed = Reshape(image, flat)
  place = ArgMax <axis = 0, keepdims = 1> (listed)
  width = Shape <start = 3> (image)
  row = Div(place, width)
  column = Mod(place, width)
  row_f = Cast <to = 1> (row)
  column_f = Cast <to = 1> (column)
  y = Add(row_f, half)
  x = Add(column_f, half)
  best = ReduceMax <keepdims = 0> (listed)
  score = Mul(best, most)
  score_1 = Reshape(score, flat)
  point = Concat <axis = 0> (x, y, score_1)
  zero = Constant <value_ints = [0]> ()
  nipple = Unsqueeze(point, zero)
  above = Greater(image, low)
  below = Less(image, high)
  both = And(above, below)
  pectoral = Cast <to = 1> (both)
  profile = Reshape(score_1, one_one)
}
"""

#: Logits of A to D fall off from where the mean brightness of both views stands on 0, 1/3, 2/3, 1.
_DENSITY = """
<ir_version: 10, opset_import: ["" : 20]>
density (float[1, 1, 64, 48] cc, float[1, 1, 64, 48] mlo) => (float[1, 4] probabilities)
<float half = {0.5}, float steep = {-90.0}, float[4] grades = {0.0, 0.3333, 0.6667, 1.0},
 int64[2] row = {1, 1}>
{
  first = ReduceMean <keepdims = 0> (cc)
  second = ReduceMean <keepdims = 0> (mlo)
  sum = Add(first, second)
  mean = Mul(sum, half)
  mean_2 = Reshape(mean, row)
  apart = Sub(mean_2, grades)
  squared = Mul(apart, apart)
  probabilities = Mul(squared, steep)
}
"""


def write_landmark_package(folder: Path, *, least_score: float = 0.3) -> Path:
    """Write a package that takes the brightest pixel for the nipple, at 0.5 mm a pixel."""
    return _write(
        folder,
        "landmarks",
        _LANDMARKS,
        top=f"least_score = {least_score}",
        input="image",
        scale="mm_per_pixel = 0.5\npad_multiple = 8",
        output='pectoral = "pectoral"\nprofile = "profile"',
    )


def write_density_package(folder: Path, *, category: str = "most-probable") -> Path:
    """Write a package that takes brightness for density."""
    return _write(
        folder,
        "density",
        _DENSITY,
        input="cc",
        scale='size = [64, 48]\nfit = "stretch"',
        output=f'activation = "softmax"\ncategory = "{category}"',
    )


def _write(folder: Path, name: str, graph: str, *, top: str = "", **parts: str) -> Path:
    return write_files(
        folder,
        parser.parse_model(graph).SerializeToString(),
        _TABLES.format(name=name, **parts),
        name=name,
        family=name,
        description="Brightness.",
        top=top,
    )
