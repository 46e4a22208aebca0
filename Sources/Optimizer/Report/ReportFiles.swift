package import Domain
import Foundation

extension Report {
    package static let jsonName = "report.json"
    package static let textName = "report.txt"
    package static let htmlName = "report.html"

    /// Writes `report.json`, `report.txt` and `report.html` into an existing directory. The JSON has sorted keys and no NaN; a report
    /// with a number that is not finite is a mistake of its maker and throws.
    package func write(into directory: String, width: Int = 92) throws {
        let json = try JSON.encode(self, pretty: true) + [UInt8(ascii: "\n")]
        let text = Array(ReportText.render(self, width: width).utf8)
        let html = Array(ReportHTML.render(self).utf8)
        for (name, bytes) in [(Self.jsonName, json), (Self.textName, text), (Self.htmlName, html)] {
            try Data(bytes).write(to: URL(fileURLWithPath: directory + "/" + name))
        }
    }
}
