/// Plots as inline SVG: bars on a common scale, each with its value beside it, and the whole as a sentence for those who do
/// not see it. Colours come from the page's style, so that they follow light, dark and paper.
package struct BarChart {
    package struct Bar {
        package var label: String
        package var value: Double
        /// What stands behind the bar.
        package var text: String
        /// "fp32", "int8", "float", "integer" or "other": a class of the style.
        package var kind: String
        /// Ends of an interval, drawn as a line.
        package var interval: (low: Double, high: Double)?

        package init(
            _ label: String, _ value: Double, _ text: String, _ kind: String, interval: (Double, Double)? = nil
        ) {
            self.label = label
            self.value = value
            self.text = text
            self.kind = kind
            self.interval = interval.map { (low: $0.0, high: $0.1) }
        }
    }
    package var title: String
    package var bars: [Bar]
    /// The value at the right end; the largest of the bars when nil.
    package var limit: Double?

    package init(title: String, bars: [Bar], limit: Double? = nil) {
        self.title = title
        self.bars = bars
        self.limit = limit
    }

    private static let (row, whole) = (22.0, 440.0)
    /// What a character takes at most in the page's usual fonts.
    private static let character = 7.2
    private static let longestLabel = 28

    /// Room for the longest label, and for the longest text behind a bar; the bars have the rest.
    private var left: Double {
        let longest = bars.map { min($0.label.count, Self.longestLabel) }.max() ?? 0
        return max(56, Double(longest) * Self.character + 12)
    }
    private var width: Double {
        let longest = bars.map(\.text.count).max() ?? 0
        return max(80, Self.whole - left - Double(longest) * Self.character - 16)
    }

    package func draw(into page: inout Markup) {
        guard !bars.isEmpty else { return }
        let largest = limit ?? bars.map { max($0.value, $0.interval?.high ?? 0) }.max() ?? 1
        let height = Double(bars.count) * Self.row + 4
        let (left, width) = (left, width)
        page.element("figure") { figure in
            figure.element("figcaption", title)
            figure.element(
                "svg", ["viewBox": "0 0 \(Self.whole) \(height)", "role": "img", "aria-label": description]
            ) { svg in
                for (place, bar) in bars.enumerated() {
                    let top = Double(place) * Self.row
                    Self.draw(bar, at: top, left, width, scale: largest > 0 ? width / largest : 0, into: &svg)
                }
            }
        }
    }

    private var description: String {
        title + ": " + bars.map { "\($0.label) \($0.text)" }.joined(separator: "; ")
    }

    private static func draw(
        _ bar: Bar, at top: Double, _ left: Double, _ width: Double, scale: Double, into svg: inout Markup
    ) {
        let length = max(1, min(width, max(0, bar.value) * scale))
        let middle = top + row / 2
        svg.element(
            "text", ["x": Number.fixed(left - 8, 1), "y": "\(middle + 4)", "text-anchor": "end"], short(bar.label))
        svg.empty(
            "rect",
            [
                "class": bar.kind, "x": Number.fixed(left, 1), "y": "\(top + 4)", "width": Number.fixed(length, 1),
                "height": "\(row - 8)", "rx": "2",
            ])
        var end = length
        if let interval = bar.interval {
            let (low, high) = (min(width, interval.low * scale), min(width, interval.high * scale))
            end = max(end, high)
            svg.empty(
                "line",
                [
                    "class": "interval", "x1": Number.fixed(left + low, 1),
                    "x2": Number.fixed(left + high, 1), "y1": "\(middle)", "y2": "\(middle)",
                ])
        }
        svg.element("text", ["x": Number.fixed(left + end + 8, 1), "y": "\(middle + 4)"], bar.text)
    }

    /// The end of a long name tells more than its beginning.
    private static func short(_ label: String) -> String {
        label.count > longestLabel ? "…" + label.suffix(longestLabel - 1) : label
    }
}
