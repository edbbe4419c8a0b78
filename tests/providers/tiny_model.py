"""An ONNX model small enough to be made by the tests."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

SIDE = 320


def tiny_model(folder: Path) -> Path:
    """What is dark is product: minus the mean of the channels, 3 x 320 x 320 to 1 x 320 x 320."""
    mean = helper.make_node("ReduceMean", ["picture"], ["mean"], axes=[1], keepdims=1)
    dark = helper.make_node("Neg", ["mean"], ["mask"])
    taken = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    given = helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1, 1, SIDE, SIDE])
    graph = helper.make_graph([mean, dark], "dark_is_product", [taken], [given])
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(whole)
    file = folder / "dark.onnx"
    onnx.save(whole, file)
    return file
