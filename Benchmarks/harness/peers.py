"""The peers: onnxruntime's own quantizer, each way people call it, and NNCF where it is installed. A program of its own,
so that its time and memory can be taken.

    python3 -m harness.peers METHOD MODEL.onnx CALIBRATION.npz OUT.onnx

The model is handed over as a careful user would: opset 13 at least, initializers not among the inputs, prepared by
`quant_pre_process`. Without that, per-channel files of older models do not load at all.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quant_pre_process, quantize_static)

U8S8 = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8, "per_channel": True}
METHODS = {
    "default": {},
    "u8s8": U8S8,
    "u8s8-percentile": {**U8S8, "calibrate_method": CalibrationMethod.Percentile},
    "u8s8-conv-gemm-matmul": {**U8S8, "op_types_to_quantize": ["Conv", "Gemm", "MatMul"]},
}


class Samples(CalibrationDataReader):
    """Feeds of batch 1 out of an .npz, one at a time."""

    def __init__(self, model, path):
        known = {i.name for i in model.graph.initializer}
        ranks = {i.name: len(i.type.tensor_type.shape.dim) for i in model.graph.input if i.name not in known}
        with np.load(path) as arrays:
            self.arrays = {n: arrays[n] for n in ranks}
        self.ranks, self.next = ranks, 0

    def get_next(self):
        index, self.next = self.next, self.next + 1
        if index >= len(next(iter(self.arrays.values()))):
            return None
        return {
            n: a[index:index + 1] if a.ndim == self.ranks[n] else np.asarray(a[index])
            for n, a in self.arrays.items()
        }


def prepared(source, folder):
    model = onnx.load(source)
    model.ir_version = max(model.ir_version, 7)
    if next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx")) < 13:
        model = onnx.version_converter.convert_version(model, 13)
    weights = {i.name for i in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    plain, ready = folder / "plain.onnx", folder / "ready.onnx"
    onnx.save(model, plain)
    try:
        quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
    except Exception as error:
        print(f"quant_pre_process: {error}", file=sys.stderr)
        return plain
    return ready


def nncf_quantize(path, calibration, out):
    import nncf
    model = onnx.load(path)
    samples = Samples(model, calibration)
    feeds = list(iter(samples.get_next, None))
    onnx.save(nncf.quantize(model, nncf.Dataset(feeds), subset_size=len(feeds)), out)


def main():
    method, source, calibration, out = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        path = prepared(source, Path(folder))
        if method == "nncf":
            return nncf_quantize(path, calibration, out)
        quantize_static(
            str(path), out, Samples(onnx.load(path), calibration), quant_format=QuantFormat.QDQ, **METHODS[method])


if __name__ == "__main__":
    main()
