"""Compares two ONNX files field by field: python compare_models.py A.onnx B.onnx [MORE PAIRS]

Equal means that every message has the same fields with the same values, unknown fields included, whatever their order in
the file; a field with its default value is the same as a missing one. Needs onnx.
"""

import sys

import onnx


def differences(a, b, path="model"):
    fields = {f.name: f for f in a.DESCRIPTOR.fields}
    for name, field in fields.items():
        left, right = getattr(a, name), getattr(b, name)
        place = f"{path}.{name}"
        if field.is_repeated:
            if len(left) != len(right):
                yield f"{place}: {len(left)} against {len(right)}"
            elif field.type == field.TYPE_MESSAGE:
                for i, (x, y) in enumerate(zip(left, right)):
                    yield from differences(x, y, f"{place}[{i}]")
            elif list(left) != list(right) and repr(list(left)) != repr(list(right)):
                yield f"{place}: different values"
        elif field.type == field.TYPE_MESSAGE:
            if a.HasField(name) != b.HasField(name):
                yield f"{place}: only in one"
            elif a.HasField(name):
                yield from differences(left, right, place)
        elif left != right and repr(left) != repr(right):
            yield f"{place}: {left!r} against {right!r}"
        elif field.containing_oneof and a.HasField(name) != b.HasField(name):
            yield f"{place}: only in one"


def main(paths):
    wrong = 0
    for a, b in zip(paths[::2], paths[1::2]):
        found = list(differences(onnx.load(a, load_external_data=False), onnx.load(b, load_external_data=False)))
        try:
            onnx.checker.check_model(b)
        except Exception as error:
            found.append(f"checker: {error}")
        wrong += bool(found)
        print(f"{b}: {'equal' if not found else '; '.join(found[:5])}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
