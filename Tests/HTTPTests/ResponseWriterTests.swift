import Testing

@testable import HTTP

@Suite struct ResponseWriterTests {
    private func write(_ response: Response, keepsAlive: Bool = true) -> String {
        var writer = ResponseWriter()
        var output: [UInt8] = []
        let plan = ConnectionState.ResponsePlan(
            framing: .sized(12), sendsContent: true, keepsAlive: keepsAlive, saysKeepAlive: false)
        writer.write(response, plan, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test func theHeadIsComplete() {
        let text = write(Response(.created, fields: ["Location": "/a", "ETag": "\"x\""]), keepsAlive: false)
        #expect(text.hasPrefix("HTTP/1.1 201 Created\r\nDate: "))
        #expect(
            text.hasSuffix(" GMT\r\nLocation: /a\r\nETag: \"x\"\r\nContent-Length: 12\r\nConnection: close\r\n\r\n"))
    }

    @Test func fieldsCannotBeSmuggledIn() {
        let text = write(Response(.ok, fields: ["A": "b\r\nSet-Cookie: c", "D\r\nE": "f", "G ": "h", "": "i"]))
        #expect(text.contains("A: b  Set-Cookie: c\r\n"))
        #expect(!text.contains("E: f") && !text.contains("h\r\n") && !text.contains(": i"))
    }

    @Test func framingFieldsOfHandlersAreIgnored() {
        let text = write(Response(.ok, fields: ["content-length": "5", "Transfer-Encoding": "chunked", "Date": "x"]))
        #expect(text.contains("Content-Length: 12") && !text.contains("content-length") && !text.contains("chunked"))
    }

    @Test func theDateIsAnIMFFixdate() {
        #expect(
            String(decoding: ResponseWriter.date(784_111_777), as: UTF8.self)
                == "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n")
    }
}
