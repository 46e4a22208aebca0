/// A plot with two axes as inline SVG. What it shows is also said in words, for those who do not see it; colours come from
/// the page's style, so that they follow light, dark and paper.
package struct Plot {
    /// What is drawn. Kinds are classes of the style: "fp32", "int8", "float", "integer", "other", "good", "bad".
    package enum Shape {
        case dots([(x: Double, y: Double)], kind: String)
        case line([(x: Double, y: Double)], kind: String)
        /// Bars of equal width from 0 up, the first one beginning at `start`.
        case steps([Double], start: Double, width: Double, kind: String)
        /// Upright bars from low to high.
        case spans([(x: Double, low: Double, high: Double)], kind: String)
        case label(String, x: Double, y: Double)
    }
    private let title: String
    private let words: String
    private let x: Axis
    private let y: Axis
    private let key: [(kind: String, label: String)]
    private let shapes: [Shape]

    private static let (width, height) = (440.0, 226.0)
    private static let (left, right, top, bottom) = (44.0, 428.0, 10.0, 184.0)

    /// `words` says what is to be seen; `key` names the colours.
    package init(
        title: String, words: String, x: Axis, y: Axis, key: [(kind: String, label: String)] = [], shapes: [Shape]
    ) {
        self.title = title
        self.words = words
        self.x = x
        self.y = y
        self.key = key
        self.shapes = shapes
    }

    package func draw(into page: inout Markup) {
        page.element("figure") { figure in
            figure.element("figcaption") { caption in
                caption.text(title)
                guard !key.isEmpty else { return }
                caption.element("span", ["class": "keys"]) { keys in
                    for entry in key {
                        keys.element("span", ["class": "entry"]) { line in
                            line.element("span", ["class": "key \(entry.kind)"], "")
                            line.text(entry.label)
                        }
                    }
                }
            }
            figure.element(
                "svg",
                [
                    "viewBox": "0 0 \(Self.number(Self.width)) \(Self.number(Self.height))", "role": "img",
                    "aria-label": "\(title). \(words)",
                ]
            ) { svg in
                axes(&svg)
                for shape in shapes { draw(shape, into: &svg) }
            }
        }
    }

    private func axes(_ svg: inout Markup) {
        for tick in y.ticks {
            let place = Self.number(up(tick.value))
            svg.empty(
                "line",
                [
                    "class": "grid", "x1": Self.number(Self.left), "x2": Self.number(Self.right), "y1": place,
                    "y2": place,
                ])
            svg.element(
                "text",
                ["x": Self.number(Self.left - 6), "y": Self.number(up(tick.value) + 4), "text-anchor": "end"],
                tick.label)
        }
        for tick in x.ticks {
            svg.element(
                "text",
                ["x": Self.number(along(tick.value)), "y": Self.number(Self.bottom + 16), "text-anchor": "middle"],
                tick.label)
        }
        svg.element(
            "text",
            ["class": "soft", "x": Self.number(Self.right), "y": Self.number(Self.bottom + 34), "text-anchor": "end"],
            "\(y.title) ↑  \(x.title) →")
    }

    private func draw(_ shape: Shape, into svg: inout Markup) {
        switch shape {
        case .dots(let points, let kind):
            for point in points {
                svg.empty(
                    "circle",
                    ["class": kind, "cx": Self.number(along(point.x)), "cy": Self.number(up(point.y)), "r": "3"])
            }
        case .line(let points, let kind):
            let path = points.map { "\(Self.number(along($0.x))),\(Self.number(up($0.y)))" }.joined(separator: " ")
            svg.empty("polyline", ["class": "line \(kind)", "points": path])
        case .steps(let heights, let start, let width, let kind): steps(heights, start, width, kind, &svg)
        case .spans(let spans, let kind):
            let width = min(6, max(0.8, 0.7 * (Self.right - Self.left) / Double(max(spans.count, 1))))
            for span in spans {
                let (low, high) = (up(span.low), up(span.high))
                svg.empty(
                    "rect",
                    [
                        "class": kind, "x": Self.number(along(span.x) - width / 2), "y": Self.number(high),
                        "width": Self.number(width),
                        "height": Self.number(max(1, low - high)),
                    ])
            }
        case .label(let text, let x, let y):
            let place = along(x)
            let anchor = place > (Self.left + Self.right) / 2 ? "end" : "start"
            svg.element(
                "text",
                [
                    "x": Self.number(place + (anchor == "end" ? -7 : 7)), "y": Self.number(up(y) + 4),
                    "text-anchor": anchor,
                ], text)
        }
    }

    private func steps(
        _ heights: [Double], _ start: Double, _ width: Double, _ kind: String, _ svg: inout Markup
    ) {
        var path = ["M\(Self.number(along(start))),\(Self.number(Self.bottom))"]
        for (bin, height) in heights.enumerated() {
            let (from, to) = (start + Double(bin) * width, start + Double(bin + 1) * width)
            path.append("L\(Self.number(along(from))),\(Self.number(up(height)))")
            path.append("L\(Self.number(along(to))),\(Self.number(up(height)))")
        }
        path.append("L\(Self.number(along(start + Double(heights.count) * width))),\(Self.number(Self.bottom))Z")
        svg.empty("path", ["class": "area \(kind)", "d": path.joined(separator: " ")])
    }

    private func along(_ value: Double) -> Double { Self.left + x.place(value) * (Self.right - Self.left) }
    private func up(_ value: Double) -> Double { Self.bottom - y.place(value) * (Self.bottom - Self.top) }

    /// SVG wants a plain minus and a point.
    private static func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        let text = "\(abs(tenths) / 10).\(abs(tenths) % 10)"
        return tenths < 0 ? "-" + text : text
    }
}
