"""Operators that join a whole image are found on the way to an output, however exported."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from mammo_node.analyse.onnx_nodes import far_sighted, nodes_of


def model(nodes, weights=(), opset=20):
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 2, "h", "w"])
    made = helper.make_tensor_value_info("map", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "graph", [image], [made], list(weights))
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.vendor", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def excited(pool):
    """A map that is scaled by what `pool` nodes make of the image, and scores after it."""
    return [
        helper.make_node("Relu", ["image"], ["x"]),
        *pool,
        helper.make_node("Mul", ["x", "pooled"], ["map"]),
        helper.make_node("GlobalMaxPool", ["map"], ["scores"]),
    ]


def axes(values, **how):
    return numpy_helper.from_array(np.array(values, dtype=np.int64), "axes", **how)


@pytest.mark.parametrize(
    ("pool", "weights"),
    [
        ([helper.make_node("GlobalAveragePool", ["x"], ["pooled"])], ()),
        ([helper.make_node("ReduceMean", ["x"], ["pooled"], axes=[2, 3])], ()),
        ([helper.make_node("ReduceMean", ["x"], ["pooled"], axes=[-1, -2])], ()),
        ([helper.make_node("ReduceMean", ["x", "axes"], ["pooled"])], (axes([-1, -2]),)),
        ([helper.make_node("ReduceMean", ["x"], ["pooled"])], ()),
        (
            [
                helper.make_node("Constant", [], ["axes"], value=axes([2, 3])),
                helper.make_node("ReduceMax", ["x", "axes"], ["pooled"]),
            ],
            (),
        ),
        ([helper.make_node("InstanceNormalization", ["x", "x", "x"], ["pooled"])], ()),
        ([helper.make_node("Magic", ["x"], ["pooled"], domain="com.vendor")], ()),
    ],
)
def test_pooling_on_the_way_to_the_map_is_named(pool, weights):
    """Global pools, reductions over rows or columns and unknown operators join the image."""
    nodes = nodes_of(model(excited(pool), weights))
    assert len(far_sighted(nodes, "map")) == 1


def test_pooling_after_the_map_is_none_of_its_business():
    """Scores may be pooled of the map: only what leads to it counts."""
    nodes = nodes_of(model(excited([helper.make_node("Sigmoid", ["x"], ["pooled"])])))
    assert far_sighted(nodes, "map") == ()
    assert far_sighted(nodes, "scores") == ("GlobalMaxPool",)


@pytest.mark.parametrize("values", [[1], [-3]])
def test_joining_channels_stays_in_one_place(values):
    """A reduction over channels alone is local."""
    packed = helper.make_tensor("axes", TensorProto.INT64, [len(values)], values)
    pool = [helper.make_node("ReduceMean", ["x", "axes"], ["pooled"])]
    assert far_sighted(nodes_of(model(excited(pool), (packed,))), "map") == ()
