/// Lines of text for a terminal of fixed width: headings, aligned columns, wrapped sentences.
package struct TextTable {
    private let width: Int
    package private(set) var lines: [String] = []

    package init(width: Int) { self.width = max(40, width) }

    package var text: String { lines.joined(separator: "\n") + "\n" }

    /// A heading with a remark at its right side.
    package mutating func heading(_ title: String, _ remark: String = "") {
        if !lines.isEmpty { lines.append("") }
        let gap = width - title.count - remark.count
        guard gap < 2 else { return lines.append(title + (remark.isEmpty ? "" : Self.space(gap) + remark)) }
        lines.append(title)
        sentence(remark)
    }

    package mutating func rule() { lines.append(String(repeating: "─", count: width)) }

    /// A sentence wrapped at spaces; lines after the first are indented further.
    package mutating func sentence(_ text: String, indent: Int = 2, hanging: Int = 0) {
        var line = Self.space(indent)
        var isEmpty = true
        for word in text.split(separator: " ") {
            if !isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = Self.space(indent + hanging)
                isEmpty = true
            }
            line += (isEmpty ? "" : " ") + word
            isEmpty = false
        }
        if !isEmpty { lines.append(line) }
    }

    /// A label and what belongs to it.
    package mutating func field(_ label: String, _ value: String?) {
        guard let value, !value.isEmpty else { return }
        let start = lines.count
        sentence(value, indent: 16)
        lines[start] = "  " + label + Self.space(max(1, 14 - label.count)) + lines[start].dropFirst(16)
    }

    /// Rows of equal length: the first column left-aligned and cut when too long, the others right-aligned.
    package mutating func columns(_ rows: [[String]]) {
        guard let first = rows.first else { return }
        let widths = first.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let others = widths.dropFirst().reduce(0) { $0 + $1 + 3 }
        let lead = max(14, min(widths[0], width - 2 - others))
        for row in rows {
            var line = "  " + Self.cut(row[0], lead)
            for (column, cell) in row.enumerated().dropFirst() {
                line += Self.space(3 + widths[column] - cell.count) + cell
            }
            lines.append(Self.trimmed(line))
        }
    }

    private static func cut(_ text: String, _ length: Int) -> String {
        guard text.count > length else { return text + space(length - text.count) }
        let head = (length - 1) / 2
        return text.prefix(head) + "…" + text.suffix(length - 1 - head)
    }

    private static func space(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }

    private static func trimmed(_ line: String) -> String {
        String(line.reversed().drop { $0 == " " }.reversed())
    }
}
