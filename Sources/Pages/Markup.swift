/// HTML put together from elements whose text and attributes are always escaped: names in a report come from the customer's
/// file, and nobody else's page may run what they say.
package struct Markup {
    package private(set) var html = ""

    package init() {}

    package static func escaped(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t", " "...: result.unicodeScalars.append(character)
            // Control characters have no place in HTML, not even escaped.
            default: result += "\u{FFFD}"
            }
        }
        return result
    }

    package mutating func text(_ text: String) { html += Self.escaped(text) }

    /// `<name attributes>…</name>`. Names of elements and attributes are this program's own.
    package mutating func element(
        _ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ body: (inout Markup) -> Void
    ) {
        open(name, attributes)
        html += ">"
        body(&self)
        html += "</\(name)>"
    }

    package mutating func element(_ name: String, _ content: String) { element(name, [:], content) }

    package mutating func element(_ name: String, _ attributes: KeyValuePairs<String, String>, _ content: String) {
        element(name, attributes) { $0.text(content) }
    }

    /// An element without content, such as `<rect/>`.
    package mutating func empty(_ name: String, _ attributes: KeyValuePairs<String, String> = [:]) {
        open(name, attributes)
        html += "/>"
    }

    private mutating func open(_ name: String, _ attributes: KeyValuePairs<String, String>) {
        html += "<\(name)"
        for (key, value) in attributes { html += " \(key)=\"\(Self.escaped(value))\"" }
    }

    /// What was escaped, or written here, already.
    package mutating func raw(_ html: StaticString) { self.html += "\(html)" }

    package mutating func append(_ other: Markup) { html += other.html }

    /// A table whose first row is its head; the first column names the rows.
    package mutating func table(_ rows: [[String]], caption: String? = nil) {
        guard let head = rows.first else { return }
        element("div", ["class": "wide"]) { page in
            page.element("table") { table in
                if let caption { table.element("caption", caption) }
                table.element("thead") { $0.row(head, cell: "th", scope: "col") }
                table.element("tbody") { body in
                    for row in rows.dropFirst() { body.row(row, cell: "td", scope: nil) }
                }
            }
        }
    }

    /// A table that is folded away until it is wanted; no script opens it.
    package mutating func folded(_ summary: String, _ rows: [[String]]) {
        guard rows.count > 1 else { return }
        element("details") { details in
            details.element("summary", summary)
            details.table(rows)
        }
    }

    private mutating func row(_ cells: [String], cell: String, scope: String?) {
        element("tr") { row in
            for (place, content) in cells.enumerated() {
                if place == 0, scope == nil {
                    row.element("th", ["scope": "row"], content)
                } else {
                    row.element(cell, scope.map { ["scope": $0] } ?? [:], content)
                }
            }
        }
    }
}
