"""Draws small models at random: what exporters write, joined in ways that nobody tried."""

import random

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSETS = [9, 11, 12, 13, 13, 15, 17, 17, 18, 20, 21]


class Drawing:
    """One model, the same for one seed. Shapes are those of batch 1."""

    def __init__(self, seed, least_opset=9):
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.opset = max(least_opset, self.random.choice(OPSETS))
        self.nodes, self.initializers, self.shapes = [], [], {}

    def model(self):
        """The model, and the shape of its input `x`."""
        channels, size = self.random.choice([1, 3, 3, 4]), self.random.choice([8, 12, 16])
        shape = self.shapes["x"] = [1, channels, size, size]
        y = self.conv("x")
        for _ in range(self.random.randint(2, 10)):
            y = self.random.choice(self.BLOCKS)(self, y)
        outputs = [o for o in dict.fromkeys(self.random.choice(self.HEADS)(self, y)) if o != "x"]
        graph = helper.make_graph(
            self.nodes, "drawn", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(o, TensorProto.FLOAT, [None] * len(self.shapes[o])) for o in outputs],
            self.initializers)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=4 if self.opset <= 9 else 8)
        onnx.checker.check_model(model)
        return model, shape

    # Nodes and constants

    def add(self, op, inputs, shape, **attributes):
        return self.split(op, inputs, [shape], **attributes)[0]

    def split(self, op, inputs, shapes, **attributes):
        outputs = [f"t{len(self.shapes) + i}" for i in range(len(shapes))]
        name = f"{op}_{len(self.nodes)}" if self.random.random() < 0.9 else ""
        self.nodes.append(helper.make_node(op, inputs, outputs, name=name, **attributes))
        self.shapes.update(zip(outputs, shapes))
        return outputs

    def constant(self, values, kind=np.float32):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(values, kind), name))
        return name

    def integers(self, *values):
        return self.constant(values, np.int64)

    def weight(self, *shape):
        """Now and then with channels of very different sizes, or a dead one."""
        values = self.numbers.normal(0, 1 / np.sqrt(max(1, np.prod(shape[1:]))), shape)
        if self.random.random() < 0.1:
            values *= self.numbers.lognormal(0, 1.2, (shape[0],) + (1,) * (len(shape) - 1))
        if self.random.random() < 0.05:
            values[0] = 0
        return self.constant(values)

    def along(self, op, x, axes, shape, since, **attributes):
        """An operator whose axes were an attribute before opset `since`."""
        if self.opset >= since:
            return self.add(op, [x, self.integers(*axes)], shape, **attributes)
        return self.add(op, [x], shape, axes=axes, **attributes)

    # Layers

    def activation(self, x):
        shape = self.shapes[x]
        choice = self.random.choice(
            ["Relu", "Relu", "Clip", "Clip", "SiLU", "SiLU", "Sigmoid", "LeakyRelu", "HardSigmoid", "HardSwish", "HardSwish",
             "PRelu", "Tanh", "Elu", "Erf", "Softplus", "none"])
        if choice == "none":
            return x
        if choice == "SiLU":
            return self.add("Mul", [x, self.add("Sigmoid", [x], shape)], shape)
        if choice == "HardSwish":
            return self.hard_swish(x, shape)
        if choice == "PRelu":
            return self.add("PRelu", [x, self.constant(np.full([shape[1]] + [1] * (len(shape) - 2), 0.2))], shape)
        if choice == "Clip":
            low, high = self.random.choice([(0, 6), (0, 6), (0, 1), (-1, 1), (0.2, 6)])
            if self.opset < 11:
                return self.add("Clip", [x], shape, min=float(low), max=float(high))
            return self.add("Clip", [x, self.constant(low), self.constant(high)], shape)
        if choice == "HardSigmoid":
            alpha, beta = self.random.choice([(0.2, 0.5), (0.2, 0.5), (1 / 6, 0.5), (0.5, 0), (0.1, -0.2), (-0.2, 0.5)])
            return self.add("HardSigmoid", [x], shape, alpha=float(alpha), beta=float(beta))
        return self.add(choice, [x], shape)

    def hard_swish(self, x, shape):
        """In one of the spellings of exporters."""
        spelling = self.random.choice(["HardSigmoid", "divided", "multiplied", "gate"])
        if spelling == "HardSigmoid" or self.opset < 11:
            return self.add("Mul", [x, self.add("HardSigmoid", [x], shape, alpha=1 / 6, beta=0.5)], shape)
        three = self.add("Add", [x, self.constant(3)], shape)
        six = self.add("Clip", [three, self.constant(0), self.constant(6)], shape)
        if spelling == "gate":
            return self.add("Mul", [x, self.add("Div", [six, self.constant(6)], shape)], shape)
        product = self.add("Mul", [x, six], shape)
        if spelling == "divided":
            return self.add("Div", [product, self.constant(6)], shape)
        return self.add("Mul", [product, self.constant(1 / 6)], shape)

    def conv(self, x):
        _, channels, height, width = self.shapes[x]
        kernel, stride = self.random.choice([1, 1, 3, 3, 5]), self.random.choice([1, 1, 1, 2])
        dilation = self.random.choice([1, 1, 1, 2])
        group = self.random.choice([1, 1, 1, channels])
        out = channels if group > 1 else self.random.choice([4, 8, 16, 24, 33])
        pad = dilation * (kernel // 2)
        inputs = [x, self.weight(out, channels // group, kernel, kernel)]
        if self.random.random() < 0.7:
            inputs.append(self.constant(self.numbers.normal(0, 0.1, out)))
        y = self.add(
            "Conv", inputs, [1, out, (height - 1) // stride + 1, (width - 1) // stride + 1],
            kernel_shape=[kernel] * 2, strides=[stride] * 2, dilations=[dilation] * 2, group=group, pads=[pad] * 4)
        if self.random.random() < 0.25:
            around = [self.numbers.normal(mean, 0.2, out) for mean in (1, 0, 0)] + [self.numbers.uniform(0.5, 1.5, out)]
            y = self.add("BatchNormalization", [y] + [self.constant(v) for v in around], self.shapes[y])
        return self.activation(y)

    def transposed_conv(self, x):
        _, channels, height, width = self.shapes[x]
        if height > 16:
            return x
        kernel = self.random.choice([2, 4])
        return self.activation(self.add(
            "ConvTranspose", [x, self.weight(channels, 8, kernel, kernel)], [1, 8, 2 * height, 2 * width],
            kernel_shape=[kernel] * 2, strides=[2, 2], pads=[kernel // 2 - 1] * 4))

    def residual(self, x):
        y = self.conv(self.conv(x))
        if self.shapes[x] != self.shapes[y]:
            return y
        return self.add(self.random.choice(["Add", "Add", "Mul", "Sub"]), [y, x], self.shapes[x])

    def concat(self, parts):
        shape = list(self.shapes[parts[0]])
        shape[1] = sum(self.shapes[p][1] for p in parts)
        return self.add("Concat", parts, shape, axis=1)

    def branch(self, x):
        y = self.conv(x)
        return self.concat([x, y]) if self.shapes[x][2:] == self.shapes[y][2:] else y

    def parted(self, x):
        _, channels, height, width = self.shapes[x]
        if channels % 2:
            return x
        half = [1, channels // 2, height, width]
        sizes = [channels // 2] * 2
        a, b = self.split("Split", [x, self.integers(*sizes)], [half] * 2, axis=1) if self.opset >= 13 else self.split(
            "Split", [x], [half] * 2, axis=1, split=sizes)
        y = self.conv(a)
        return self.concat([y, b]) if self.shapes[y][2:] == self.shapes[b][2:] else y

    def gate(self, x):
        _, channels, _, _ = self.shapes[x]
        means = self.along("ReduceMean", x, [2, 3], [1, channels, 1, 1], since=18, keepdims=1)
        y = self.add("Conv", [means, self.weight(channels, channels, 1, 1)], [1, channels, 1, 1])
        return self.add("Mul", [x, self.add("Sigmoid", [y], self.shapes[y])], self.shapes[x])

    def pool(self, x):
        _, channels, height, width = self.shapes[x]
        if height < 3:
            return x
        if self.random.random() < 0.5:
            return self.add("MaxPool", [x], [1, channels, height // 2, width // 2], kernel_shape=[2, 2], strides=[2, 2])
        return self.add("AveragePool", [x], self.shapes[x], kernel_shape=[3, 3], pads=[1] * 4)

    def resize(self, x):
        _, channels, height, width = self.shapes[x]
        if height > 16 or self.opset < 11:
            return x
        mode = self.random.choice([
            {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
            {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}])
        region = "" if self.opset >= 13 else self.constant(np.zeros(0))
        return self.add(
            "Resize", [x, region, self.constant([1, 1, 2, 2])], [1, channels, 2 * height, 2 * width], **mode)

    def shuffle(self, x):
        _, channels, height, width = self.shapes[x]
        if channels % 2:
            return x
        y = self.add("Reshape", [x, self.integers(0, 2, channels // 2, height, width)], [1, 2, channels // 2, height, width])
        y = self.add("Transpose", [y], [1, channels // 2, 2, height, width], perm=[0, 2, 1, 3, 4])
        return self.add("Reshape", [y, self.integers(-1, channels, height, width)], self.shapes[x])

    def scaled(self, x):
        values = np.abs(self.numbers.normal(1, 0.3, [1, self.shapes[x][1], 1, 1])) + 0.1
        return self.add(self.random.choice(["Mul", "Add", "Sub", "Div"]), [x, self.constant(values)], self.shapes[x])

    def padded(self, x):
        _, channels, height, width = self.shapes[x]
        pads, shape = [0, 0, 1, 0, 0, 0, 0, 1], [1, channels, height + 1, width + 1]
        if self.opset < 11:
            return self.add("Pad", [x], shape, pads=pads)
        return self.add("Pad", [x, self.integers(*pads), self.constant(self.random.choice([0, 0.5]))], shape)

    def float_only(self, x):
        """What no integer kernel computes."""
        shape, channels = self.shapes[x], self.shapes[x][1]
        choice = self.random.choice(["InstanceNormalization", "LRN", "Cast", "Max", "Identity"])
        if choice == "InstanceNormalization":
            return self.add(choice, [x, self.constant(np.ones(channels)), self.constant(np.zeros(channels))], shape)
        if choice == "LRN":
            return self.add(choice, [x], shape, size=3)
        if choice == "Cast":
            wide = self.add("Cast", [x], shape, to=TensorProto.DOUBLE)
            return self.add("Cast", [wide], shape, to=TensorProto.FLOAT)
        return self.add(choice, [x, self.constant(0.7)] if choice == "Max" else [x], shape)

    BLOCKS = [conv] * 6 + [residual] * 2 + [
        transposed_conv, branch, parted, gate, pool, resize, shuffle, scaled, padded, float_only]

    # Heads

    def features(self, x):
        channels = self.shapes[x][1]
        y = self.add("GlobalAveragePool", [x], [1, channels, 1, 1])
        if self.random.random() < 0.6:
            return self.add("Flatten", [y], [1, channels])
        return self.along("Squeeze", y, [2, 3], [1, channels], since=13)

    def classifier(self, x):
        features, channels = self.features(x), self.shapes[x][1]
        y = self.add(
            "Gemm", [features, self.weight(10, channels), self.constant(self.numbers.normal(0, 0.1, 10))], [1, 10], transB=1)
        return [self.add("Softmax", [y], [1, 10], axis=1) if self.random.random() < 0.3 else y]

    def perceptron(self, x):
        y = self.add("MatMul", [self.features(x), self.weight(self.shapes[x][1], 16)], [1, 16])
        y = self.add("Relu", [self.add("Add", [y, self.constant(self.numbers.normal(0, 0.1, 16))], [1, 16])], [1, 16])
        return [self.add("MatMul", [y, self.weight(16, 5)], [1, 5])]

    def maps(self, x):
        return [self.conv(x), self.activation(self.conv(x))]

    def attention(self, x):
        _, channels, height, width = self.shapes[x]
        places, inner = height * width, 8
        rows = self.add("Reshape", [x, self.integers(1, channels, places)], [1, channels, places])
        rows = self.add("Transpose", [rows], [1, places, channels], perm=[0, 2, 1])
        q, k, v = (self.add("MatMul", [rows, self.weight(channels, inner)], [1, places, inner]) for _ in range(3))
        turned = self.add("Transpose", [k], [1, inner, places], perm=[0, 2, 1])
        scores = self.add("MatMul", [q, turned], [1, places, places])
        scores = self.add("Div", [scores, self.constant(inner**0.5)], [1, places, places])
        seen = self.add("MatMul", [self.add("Softmax", [scores], [1, places, places], axis=2), v], [1, places, inner])
        y = self.add("MatMul", [seen, self.weight(inner, channels)], [1, places, channels])
        return [self.add("Add", [rows, y], [1, places, channels])]

    HEADS = [classifier, classifier, perceptron, maps, attention]
