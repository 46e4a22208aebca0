"""Small models of old operator sets, for the upgrade to operator set 13.

    python make_opset_models.py make                  writes opset_old.tsv
    OCTAVO_RECORD_FIXTURES=1 swift test --filter ...  writes opset_new.tsv, the upgraded models
    python make_opset_models.py check                 runs both in onnxruntime and compares bit for bit
    python make_opset_models.py compare OLD NEW       the same for two model files

The Swift tests compare what they get with the stored, checked opset_new.tsv, so they need neither Python nor a runtime.
Each line of the files is a name and a model in base64.
Needs numpy, onnx and onnxruntime.
"""

import base64
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OLD = pathlib.Path(__file__).parent / "opset_old.tsv"
NEW = pathlib.Path(__file__).parent / "opset_new.tsv"
F, F16, F64, I64, B = (
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.DOUBLE,
    TensorProto.INT64,
    TensorProto.BOOL,
)
node = helper.make_node
MODELS = {}


def value(name, type_, shape):
    return helper.make_tensor_value_info(name, type_, shape)


def model(name, opset, nodes, inputs, outputs, initializers=(), infos=(), ir=None):
    """inputs and outputs: {name: (type, shape)}; a shape may be None, sizes may be names."""
    graph = helper.make_graph(
        nodes,
        name,
        [value(n, *t) for n, t in inputs.items()],
        [value(n, *t) for n, t in outputs.items()],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in dict(initializers).items()],
        value_info=[value(n, *t) for n, t in dict(infos).items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="octavo-fixtures")
    made.ir_version = ir or (3 if opset <= 8 else 4 if opset <= 9 else 6)
    if made.ir_version < 4:
        for tensor in graph.initializer:
            made.graph.input.append(value(tensor.name, tensor.data_type, list(tensor.dims)))
    MODELS[f"{name}_{opset}"] = made


def one(name, opset, op, shape, out=None, type_=F, outputs=None, initializers=(), **attributes):
    """One node from X to Y, with any initializers as further inputs."""
    names = ["X", *dict(initializers)]
    model(
        name,
        opset,
        [node(op, names, list(outputs or {"Y": 0}), **attributes)],
        {"X": (type_, shape)},
        outputs or {"Y": (type_, out)},
        initializers,
    )


def make_models():
    x4 = [1, 3, 5, 6]
    for opset in (7, 8):
        one("bn_spatial", opset, "BatchNormalization", x4, x4, spatial=1, epsilon=1e-3,
            initializers={"s": np.float32([1, 2, 3]), "b": np.float32([0, 1, 2]), "m": np.float32([0.1, 0.2, 0.3]),
                          "v": np.float32([1, 2, 0.5])})
    for mode in ("nearest", "linear"):
        for opset in (7, 8):
            one(f"upsample_{mode}", opset, "Upsample", x4, mode=mode, scales=[1.0, 1.0, 2.0, 3.0])
            one(f"upsample_{mode}_fraction", opset, "Upsample", [1, 1, 7, 5], mode=mode, scales=[1.0, 1.0, 1.6, 2.3])
        one(f"upsample_{mode}", 9, "Upsample", x4, mode=mode, initializers={"s": np.float32([1, 1, 2.5, 1.5])})
        for kind, scales in {"up": [1, 1, 2.2, 3], "down": [1, 1, 0.5, 0.61], "mixed": [1, 1, 0.4, 2.5]}.items():
            one(f"resize_{mode}_{kind}", 10, "Resize", [1, 2, 9, 7], mode=mode,
                initializers={"s": np.float32(scales)})
    model("resize_linear_computed", 10,
          [node("Shape", ["X"], ["a"]), node("Cast", ["a"], ["b"], to=F), node("Div", ["b", "d"], ["s"]),
           node("Resize", ["X", "s"], ["Y"], mode="linear")],
          {"X": (F, [1, 1, 4, 6])}, {"Y": (F, None)}, {"d": np.float32([1, 1, 2, 3])})
    model("resize_constant_node", 10,
          [node("Constant", [], ["s"], value=numpy_helper.from_array(np.float32([1, 1, 2, 2]))),
           node("Resize", ["X", "s"], ["Y"], mode="nearest")],
          {"X": (F, [1, 2, 3, 4])}, {"Y": (F, None)})
    for opset in (7, 9):
        one("slice", opset, "Slice", [4, 5, 6], starts=[1, -3], ends=[3, 9223372036854775807], axes=[0, 2])
        one("slice_no_axes", opset, "Slice", [4, 5, 6], starts=[1, 0, 2], ends=[1000, -1, 4])
        one("topk", opset, "TopK", [3, 8], k=3, axis=1, outputs={"Y": (F, None), "I": (I64, None)})
        one("dropout", opset, "Dropout", [3, 4], ratio=0.3)
        one("dropout_default", opset, "Dropout", [3, 4])
        model("dropout_mask_unused", opset, [node("Dropout", ["X"], ["d", "mask"], ratio=0.4), node("Relu", ["d"], ["Y"])],
              {"X": (F, [3, 4])}, {"Y": (F, [3, 4])}, infos={"mask": (F, [3, 4])})
    one("topk", 10, "TopK", [3, 8], axis=-1, initializers={"k": np.int64([4])},
        outputs={"Y": (F, None), "I": (I64, None)})
    one("dropout", 10, "Dropout", [3, 4], ratio=0.3)
    one("slice_steps", 10, "Slice", [9, 6], initializers={
        "a": np.int64([8, 0]), "b": np.int64([-100, 6]), "c": np.int64([0, 1]), "d": np.int64([-2, 3])})

    for opset in (7, 10):
        one("clip", opset, "Clip", [4, 7], min=-0.5, max=0.25)
        one("clip_min", opset, "Clip", [4, 7], min=0.0)
        one("clip_max", opset, "Clip", [4, 7], max=0.5)
        one("clip_none", opset, "Clip", [4, 7])
        one("pad_constant", opset, "Pad", x4, pads=[0, 0, 1, 2, 0, 0, 3, 0], value=1.5)
        one("pad_zero", opset, "Pad", x4, pads=[0, 1, 1, 2, 0, 0, 3, 0])
        one("pad_negative", opset, "Pad", x4, pads=[0, 0, -1, 2, 0, 0, 3, -2], mode="constant", value=-2.0)
        one("pad_reflect", opset, "Pad", x4, pads=[0, 0, 1, 2, 0, 0, 3, 1], mode="reflect")
        one("pad_edge", opset, "Pad", x4, pads=[0, 0, 1, 2, 0, 0, 3, 1], mode="edge", value=3.0)
    one("pad_double", 9, "Pad", [4, 7], type_=F64, pads=[1, 0, 0, 1], value=0.7)
    model("scatter", 9, [node("Scatter", ["X", "i", "u"], ["Y"], axis=1)], {"X": (F, [2, 5])}, {"Y": (F, [2, 5])},
          {"i": np.int64([[1, 3], [0, 4]]), "u": np.float32([[9, 8], [7, 6]])})

    for op in ("Softmax", "LogSoftmax", "Hardmax"):
        low = op.lower()
        for opset in (7, 11, 12):
            one(f"{low}_default_2d", opset, op, [3, 5])
            one(f"{low}_default_4d", opset, op, [2, 3, 4, 2])
            one(f"{low}_last", opset, op, [2, 3, 4], axis=2)
            one(f"{low}_first", opset, op, [4, 3, 2], axis=0)
        one(f"{low}_minus_one", 11, op, [2, 3, 4], axis=-1)
        one(f"{low}_minus_two", 12, op, [2, 3, 4], axis=-2)
        model(f"{low}_dynamic", 11, [node("Relu", ["X"], ["r"]), node(op, ["r"], ["Y"], axis=2)],
              {"X": (F, ["N", "C", "T", "U"])}, {"Y": (F, ["N", "C", "T", "U"])})
        model(f"{low}_rank_unknown", 9, [node("Relu", ["X"], ["r"]), node(op, ["r"], ["Y"], axis=1)],
              {"X": (F, [3, 5])}, {"Y": (F, None)})
    for opset in (7, 11, 12):
        one("reduce_sum", opset, "ReduceSum", [2, 3, 4], axes=[0, 2], keepdims=0)
        one("reduce_sum_all", opset, "ReduceSum", [2, 3, 4], keepdims=1)
        one("reduce_mean", opset, "ReduceMean", [2, 3, 4], axes=[1])
        one("reduce_max", opset, "ReduceMax", [2, 3, 4], axes=[1], keepdims=0)
        one("squeeze", opset, "Squeeze", [1, 3, 1, 4], axes=[0, 2])
        one("squeeze_all", opset, "Squeeze", [1, 3, 1, 4])
        one("unsqueeze", opset, "Unsqueeze", [3, 4], axes=[0, 3])
        one("split_sizes", opset, "Split", [6, 4], axis=0, split=[1, 2, 3],
            outputs={"Y": (F, None), "Z": (F, None), "W": (F, None)})
        one("split_even", opset, "Split", [6, 4], axis=1, outputs={"Y": (F, None), "Z": (F, None)})
        one("argmax", opset, "ArgMax", [3, 6], axis=1, keepdims=0, outputs={"Y": (I64, None)})
        one("maxpool", opset, "MaxPool", [1, 2, 8, 9], kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1])
        one("maxpool_same", opset, "MaxPool", [1, 2, 8, 9], kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_LOWER")
        one("averagepool", opset, "AveragePool", [1, 2, 8, 9], kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1])
        one("averagepool_pad", opset, "AveragePool", [1, 2, 8, 9], kernel_shape=[3, 3], pads=[1, 1, 1, 1],
            count_include_pad=1)
        one("lppool", opset, "LpPool", [1, 2, 8, 9], kernel_shape=[3, 2], p=2)
        one("depthtospace", opset, "DepthToSpace", [1, 8, 2, 3], blocksize=2)
        one("flatten", opset, "Flatten", [2, 3, 4, 5], axis=2)
        one("gather", opset, "Gather", [5, 4], axis=1, initializers={"i": np.int64([3, 0, 1])})
        one("gemm", opset, "Gemm", [3, 4], alpha=0.5, beta=2.0, transB=1,
            initializers={"B": np.arange(20, dtype=np.float32).reshape(5, 4), "C": np.float32([1, 2, 3, 4, 5])})
        one("gemm_column_bias", opset, "Gemm", [3, 4],
            initializers={"B": np.arange(8, dtype=np.float32).reshape(4, 2), "C": np.float32([[1], [2], [3]])})
        one("prelu", opset, "PRelu", [2, 3, 4, 5], initializers={"s": np.float32([[[0.1]], [[0.2]], [[0.3]]])})
        one("prelu_one", opset, "PRelu", [2, 3, 4], initializers={"s": np.float32([0.25])})
        for exponent in (2.0, 3.0, 0.5, 1.7):
            one(f"pow_{exponent}", opset, "Pow", [3, 4], initializers={"e": np.float32(exponent)})
        one("sum_broadcast", max(opset, 8), "Sum", [3, 4], initializers={"b": np.float32([1, 2, 3, 4]), "c": np.float32([[2]])})
        one("max_broadcast", max(opset, 8), "Max", [3, 4], initializers={"b": np.float32([0, 0.1, -0.2, 0.3])})
        one("lrn", opset, "LRN", [1, 6, 3, 3], size=3, alpha=0.01)
        one("reshape", opset, "Reshape", [2, 3, 4], initializers={"s": np.int64([0, -1, 2])})
        one("tile", opset, "Tile", [2, 3], initializers={"r": np.int64([2, 1])})
        one("conv", opset, "Conv", [1, 2, 6, 6], kernel_shape=[3, 3], auto_pad="SAME_UPPER", strides=[2, 2],
            initializers={"w": np.linspace(-1, 1, 54, dtype=np.float32).reshape(3, 2, 3, 3)})
        one("convtranspose", opset, "ConvTranspose", [1, 2, 4, 4], kernel_shape=[3, 3], strides=[2, 2],
            output_shape=[8, 8], initializers={"w": np.linspace(-1, 1, 54, dtype=np.float32).reshape(2, 3, 3, 3)})
        one("convtranspose_same", opset, "ConvTranspose", [1, 2, 4, 4], kernel_shape=[3, 3], strides=[2, 2],
            auto_pad="SAME_UPPER",
            initializers={"w": np.linspace(-1, 1, 54, dtype=np.float32).reshape(2, 3, 3, 3)})
    one("onehot", 9, "OneHot", [4], [4, 5], type_=I64, outputs={"Y": (F, None)},
        initializers={"d": np.int64([5]), "v": np.float32([-1, 1])})
    one("expand", 8, "Expand", [3, 1], initializers={"s": np.int64([2, 3, 4])})
    one("mvn", 9, "MeanVarianceNormalization", [2, 3, 4, 4], axes=[0, 2, 3])
    one("thresholded", 8, "ThresholdedRelu", [3, 4], alpha=0.2)
    one("quantize", 10, "QuantizeLinear", [3, 4], outputs={"Y": (TensorProto.UINT8, None)},
        initializers={"s": np.float32(0.02), "z": np.uint8(128)})
    lstm = {"w": np.linspace(-1, 1, 4 * 3 * 2, dtype=np.float32).reshape(1, 12, 2),
            "r": np.linspace(-1, 1, 4 * 3 * 3, dtype=np.float32).reshape(1, 12, 3)}
    one("lstm", 7, "LSTM", [4, 1, 2], hidden_size=3, outputs={"Y": (F, None)}, initializers=lstm)
    make_control_flow()


def body(name, nodes, inputs, outputs, initializers=()):
    return helper.make_graph(nodes, name, [value(n, *t) for n, t in inputs.items()],
                             [value(n, *t) for n, t in outputs.items()],
                             [numpy_helper.from_array(np.asarray(a), n) for n, a in dict(initializers).items()])


def make_control_flow():
    # Both branches use the name "t", for values of different rank.
    yes = body("yes", [node("Unsqueeze", ["X"], ["t"], axes=[0]), node("Softmax", ["t"], ["u"], axis=1),
                       node("Squeeze", ["u"], ["y"], axes=[0])], {}, {"y": (F, [3, 4])})
    for opset in (9, 11):
        first = (node("Clip", ["X"], ["t"], min=-0.1, max=0.2) if opset < 11 else node("LeakyRelu", ["X"], ["t"]))
        no = body("no", [first, node("Softmax", ["t"], ["y2"], axis=1)], {}, {"y2": (F, [3, 4])})
        model("if", opset, [node("If", ["c"], ["Y"], then_branch=yes, else_branch=no)],
              {"c": (B, []), "X": (F, [3, 4])}, {"Y": (F, [3, 4])})
    step = body("step",
                [node("Slice", ["v"], ["a"], axes=[0], starts=[0], ends=[1]), node("Add", ["v", "a"], ["w"]),
                 node("ReduceSum", ["w"], ["s"], axes=[0], keepdims=0), node("Identity", ["cin"], ["cout"])],
                {"i": (I64, []), "cin": (B, []), "v": (F, [4])},
                {"cout": (B, []), "w": (F, [4]), "s": (F, [])})
    model("loop", 9, [node("Loop", ["m", "k", "X"], ["Y", "S"], body=step)], {"X": (F, [4])},
          {"Y": (F, [4]), "S": (F, None)}, {"m": np.int64(3), "k": np.bool_(True)})
    scan = body("scan", [node("Add", ["s", "x"], ["t"]), node("Unsqueeze", ["t"], ["o"], axes=[0])],
                {"s": (F, [2]), "x": (F, [2])}, {"t": (F, [2]), "o": (F, [1, 2])})
    model("scan", 11, [node("Scan", ["Z", "X"], ["Y", "O"], body=scan, num_scan_inputs=1)],
          {"Z": (F, [2]), "X": (F, [5, 2])}, {"Y": (F, [2]), "O": (F, [5, 1, 2])})


def feeds(session, seed):
    rng = np.random.default_rng(seed)
    given = {}
    for entry in session.get_inputs():
        shape = [d if isinstance(d, int) and d > 0 else int(rng.integers(2, 5)) for d in entry.shape]
        kind = entry.type
        if kind == "tensor(bool)":
            given[entry.name] = np.asarray(bool(seed % 2))
        elif "int" in kind:
            given[entry.name] = rng.integers(-6, 7, shape).astype(np.int64)
        else:
            data = rng.standard_normal(shape)
            if data.size > 3 and seed % 3 == 1:  # ties, zeros and infinities
                flat = data.reshape(-1)
                flat[0], flat[1] = flat[2], 0.0
                if seed % 2:
                    flat[-1] = -np.inf
            given[entry.name] = data.astype({"tensor(double)": np.float64, "tensor(float16)": np.float16}.get(kind, np.float32))
    return given


def run(source, seed):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # Without fusions: they may choose other kernels, with other rounding, for either of the two.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    try:
        return session.run(None, feeds(session, seed))
    except Exception as error:  # the same refusal on both sides is agreement
        return [np.frombuffer(type(error).__name__.encode(), np.uint8)]


def equal(a, b):
    return len(a) == len(b) and all(
        x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes() for x, y in zip(a, b))


def compare(old, new):
    """Of two encoded models: None when equal, else what is wrong."""
    try:
        for seed in range(6):
            expected = run(old, seed)
            if not equal(expected, run(new, seed)):
                return f"different results (seed {seed})"
        check(new, expected)
    except Exception as error:
        return str(error)
    return None


def check(encoded, results):
    """The checker wants to see the shapes of outputs, which most of these models leave open."""
    made = onnx.load_from_string(encoded)
    for output, result in zip(made.graph.output, results):
        if not output.type.tensor_type.HasField("shape"):
            output.CopyFrom(value(output.name, output.type.tensor_type.elem_type, [None] * result.ndim))
    onnx.checker.check_model(made, full_check=True)


def read(path):
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    return {name: base64.b64decode(text) for name, text in lines}


def main(arguments):
    if arguments[:1] == ["make"]:
        make_models()
        lines = [f"{name}\t{base64.b64encode(made.SerializeToString(deterministic=True)).decode()}\n"
                 for name, made in sorted(MODELS.items())]
        OLD.write_text("".join(lines))
        print(f"{len(lines)} models, {OLD.stat().st_size} bytes")
        return 0
    if arguments[:1] == ["check"]:
        old, new = read(OLD), read(NEW)
        pairs = {name: (old[name], new.get(name, b"")) for name in old}
    elif arguments[:1] == ["compare"] and len(arguments) == 3:
        pairs = {arguments[2]: tuple(pathlib.Path(a).read_bytes() for a in arguments[1:])}
    else:
        print(__doc__)
        return 2
    wrong = [(name, why) for name, (old, new) in pairs.items() if (why := compare(old, new))]
    for name, why in wrong:
        print(f"{name}: {why}")
    print(f"{len(pairs) - len(wrong)} of {len(pairs)} compute the same bits")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
