import Glibc

/// Response heads as bytes.
struct ResponseWriter {
    private var second: time_t = -1
    private var date: [UInt8] = []

    static let continueLine = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
    static let lastChunk = Array("0\r\n\r\n".utf8)

    /// Written by the server itself; what a handler says there goes elsewhere or nowhere.
    private static let owned = ["content-length", "transfer-encoding", "connection", "date"]

    mutating func write(_ response: Response, _ plan: ConnectionState.ResponsePlan, to output: inout [UInt8]) {
        ResponseWriter.statusLine(response.status, &output)
        writeDate(&output)
        for field in response.fields.all where !ResponseWriter.isOwned(field.name) {
            ResponseWriter.field(field, &output)
        }
        switch plan.framing {
        case .sized(let length):
            output.append(contentsOf: "Content-Length: ".utf8)
            ResponseWriter.decimal(UInt64(max(0, length)), &output)
            output.append(contentsOf: "\r\n".utf8)
        case .chunked: output.append(contentsOf: "Transfer-Encoding: chunked\r\n".utf8)
        case .noContent, .untilClose: break
        }
        if !plan.keepsAlive {
            output.append(contentsOf: "Connection: close\r\n".utf8)
        } else if plan.saysKeepAlive {
            output.append(contentsOf: "Connection: keep-alive\r\n".utf8)
        }
        output.append(contentsOf: "\r\n".utf8)
    }

    private static func statusLine(_ status: Status, _ output: inout [UInt8]) {
        if status == .ok { return output.append(contentsOf: "HTTP/1.1 200 OK\r\n".utf8) }
        output.append(contentsOf: "HTTP/1.1 ".utf8)
        decimal(UInt64(min(max(status.rawValue, 100), 999)), &output)
        output.append(ASCII.space)
        output.append(contentsOf: status.reason.utf8)
        output.append(contentsOf: "\r\n".utf8)
    }

    private static func isOwned(_ name: String) -> Bool {
        switch name.utf8.count {
        case 4, 10, 14, 17: owned.contains { name.equalsIgnoringCase($0) }
        default: false
        }
    }

    /// A value may carry what a client once sent: control characters become spaces, so that no field can be smuggled in.
    private static func field(_ field: Fields.Field, _ output: inout [UInt8]) {
        guard !field.name.isEmpty, field.name.utf8.allSatisfy(ASCII.isToken) else { return }
        output.append(contentsOf: field.name.utf8)
        output.append(contentsOf: ": ".utf8)
        if field.value.utf8.allSatisfy(ASCII.isFieldValue) {
            output.append(contentsOf: field.value.utf8)
        } else {
            for byte in field.value.utf8 { output.append(ASCII.isFieldValue(byte) ? byte : ASCII.space) }
        }
        output.append(contentsOf: "\r\n".utf8)
    }

    static func decimal(_ number: UInt64, _ output: inout [UInt8]) {
        if number >= 10 { decimal(number / 10, &output) }
        output.append(UInt8(0x30 + number % 10))
    }

    /// A chunk's first line.
    static func chunkSize(_ count: Int, _ output: inout [UInt8]) {
        output.append(contentsOf: String(count, radix: 16).utf8)
        output.append(contentsOf: "\r\n".utf8)
    }

    /// RFC 9110 §5.6.7, made once a second.
    private mutating func writeDate(_ output: inout [UInt8]) {
        let now = time(nil)
        if now != second {
            second = now
            date = ResponseWriter.date(now)
        }
        output.append(contentsOf: date)
    }

    static func date(_ seconds: time_t) -> [UInt8] {
        var seconds = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let day = days[Int(parts.tm_wday) % 7], month = months[Int(parts.tm_mon) % 12]
        let text =
            "Date: \(day), \(two(parts.tm_mday)) \(month) \(Int(parts.tm_year) + 1900) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT\r\n"
        return Array(text.utf8)
    }
}
