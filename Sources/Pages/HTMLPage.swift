/// A document of one file: no script, nothing loaded, readable on a phone, in the dark and on paper.
package struct HTMLPage {
    private let title: String

    package init(title: String) { self.title = title }

    /// The whole document around what `body` writes.
    package func render(_ body: (inout Markup) -> Void) -> String {
        var page = Markup()
        page.raw("<!DOCTYPE html>\n")
        page.element("html", ["lang": "en"]) { document in
            document.element("head") { head in
                head.raw("<meta charset=\"utf-8\">")
                head.raw("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">")
                head.element("title", title)
                head.raw("<style>")
                head.raw(Self.style)
                head.raw("</style>")
            }
            document.element("body") { $0.element("main", [:], body) }
        }
        return page.html + "\n"
    }
}
