import Testing

@testable import HTTP

@Suite struct RequestParserTests {
    /// The head and how many bytes it took.
    private func parse(_ text: String, cutAt cuts: [Int] = [], limits: Limits = Limits()) throws -> (RequestHead, Int)?
    {
        var parser = RequestParser(limits: limits)
        let bytes = Array(text.utf8)
        var used = 0, start = 0
        for end in cuts + [bytes.count] {
            let (consumed, head) = try Array(bytes[start..<end]).withUnsafeBytes { try parser.feed($0) }
            used += consumed
            if let head { return (head, used) }
            start = end
        }
        return nil
    }

    private func refusal(_ text: String, cutAt cuts: [Int] = [], limits: Limits = Limits()) -> Refusal? {
        do {
            _ = try parse(text, cutAt: cuts, limits: limits)
            return nil
        } catch {
            return error as? Refusal
        }
    }

    private let whole =
        "PUT /v1/a%20b/c?x=1&y=a+b%21 HTTP/1.1\r\nHost: h:8080\r\nX-Empty:\r\nContent-Length: 12\r\n"
        + "Expect: 100-continue\r\nA: b  \t c \r\n\r\n"

    @Test func aHeadIsTheSameAtEverySplit() throws {
        for cut in 0...whole.utf8.count {
            let (head, used) = try #require(try parse(whole + "rest", cutAt: [cut]))
            #expect(used == whole.utf8.count)
            #expect(head.method == .put)
            #expect(head.target.path == "/v1/a%20b/c")
            #expect(head.target.segments == ["v1", "a b", "c"])
            #expect(head.target.query == Query([("x", "1"), ("y", "a b!")]))
            #expect(head.framing == .sized(12))
            #expect(head.expectsContinue && head.keepsAlive)
            #expect(head.fields["a"] == "b  \t c")
            #expect(head.fields["x-empty"] == "")
        }
    }

    @Test func aHeadArrivesByteByByte() throws {
        let bytes = whole.utf8.count
        let (head, used) = try #require(try parse(whole, cutAt: Array(0..<bytes)))
        #expect(used == bytes && head.fields.count == 5)
    }

    @Test func everyTruncationJustWaits() throws {
        for end in 0..<whole.utf8.count {
            #expect(try parse(String(decoding: Array(whole.utf8.prefix(end)), as: UTF8.self)) == nil)
        }
    }

    static let good: [(String, String)] = [
        ("GET http://example.org:80/a?b HTTP/1.1\r\nHost: other\r\n\r\n", "absolute form"),
        ("GET http://example.org HTTP/1.1\r\nHost: other\r\n\r\n", "absolute form without a path"),
        ("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "asterisk"),
        ("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "one empty line before"),
        ("GET / HTTP/1.0\r\n\r\n", "1.0 needs no Host"),
        ("POST / HTTP/1.1\r\nHost:\r\nTransfer-Encoding: Chunked\r\n\r\n", "coding in another case, empty Host"),
        ("GET / HTTP/1.1\r\nHost: [::1]:80\r\nCookie: \u{e9}\r\n\r\n", "obs-text in a value"),
        ("M-SEARCH /a//b/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "any token is a method"),
    ]

    @Test func unusualButCorrectHeadsAreAccepted() throws {
        for (text, why) in RequestParserTests.good {
            for cut in 0...text.utf8.count { #expect(try parse(text, cutAt: [cut]) != nil, "\(why), cut at \(cut)") }
        }
    }

    @Test func theTargetsAuthorityReplacesHost() throws {
        let (head, _) = try #require(try parse("GET http://a.b:1/x HTTP/1.1\r\nHost: other\r\n\r\n"))
        #expect(head.fields.all("Host") == ["a.b:1"] && head.target.segments == ["x"])
    }

    private static func get(_ fields: String) -> String { "GET / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n\r\n" }
    private static func target(_ target: String) -> String { "GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n" }

    static let bad: [(Int, String)] = [
        // Request lines.
        (400, "GET / HTTP/1.1\nHost: h\r\n\r\n"), (400, "GET / HTTP/1.1\r\nHost: h\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: h\r\n\n"), (400, "GET / HTTP/1.1\r\rHost: h\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n"), (400, "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "GET /  HTTP/1.1\r\nHost: h\r\n\r\n"), (400, "GET / HTTP/1.1 \r\nHost: h\r\n\r\n"),
        (400, " GET / HTTP/1.1\r\nHost: h\r\n\r\n"), (400, "GET /\r\nHost: h\r\n\r\n"), (400, "GET\r\n\r\n"),
        (400, "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"), (400, "G\u{7}T / HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "GE(T / HTTP/1.1\r\nHost: h\r\n\r\n"), (400, "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), (400, "GET / http/1.1\r\nHost: h\r\n\r\n"),
        (400, "GET / HTTP/1\r\nHost: h\r\n\r\n"), (400, "GET / HTTP/11.1\r\nHost: h\r\n\r\n"),
        (400, "GET / HTTP/1.1x\r\nHost: h\r\n\r\n"), (400, "GET / HTTX/1.1\r\nHost: h\r\n\r\n"),
        (505, "GET / HTTP/2.0\r\nHost: h\r\n\r\n"), (505, "GET / HTTP/1.2\r\nHost: h\r\n\r\n"),
        (505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), (505, "GET / HTTP/0.9\r\n\r\n"),
        (501, "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"),
        // Targets.
        (400, target("a")), (400, target("*")), (400, target("//u@h\u{1}")), (400, target("ftp://h/")),
        (400, target("http:///a")), (400, target("http://u@h/a")), (400, target("http://h,i/a")),
        (400, target("/a#b")), (400, target("/a%")), (400, target("/a%2")), (400, target("/a%zz")),
        (400, target("/a%2Fb")), (400, target("/a%2fb")), (400, target("/a%00b")), (400, target("/a%0ab")),
        (400, target("/a/../b")), (400, target("/a/%2e%2E/b")), (400, target("/./b")), (400, target("/..")),
        (400, target("/a/.%2e")), (400, target("/%ff")), (400, target("/%c0%af")), (400, target("/%ed%a0%80")),
        (400, target("/a?b=%")), (400, target("/a?b=%g0")), (400, target("/a?b=%ff")), (400, target("/a?b\u{e9}")),
        (400, target("/\u{e9}")), (400, target("/a\\b")), (400, target("/a|b")), (400, target("/a{b}")),
        (400, target("/a\u{0}b")), (400, target("/a?b#c")),
        // Hosts.
        (400, "GET / HTTP/1.1\r\n\r\n"), (400, get("Host: h")), (400, get("host: other")),
        (400, "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), (400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), (400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"),
        // Fields.
        (400, get("A : b")), (400, get("A\t: b")), (400, get(" A: b")), (400, get("A: b\r\n c")),
        (400, get("A: b\r\n\tc")), (400, get("A")), (400, get(": b")), (400, get("A: b\u{0}c")),
        (400, get("A: b\u{1}")), (400, get("A: b\u{7f}")), (400, get("A: b\rc")), (400, get("A(b): c")),
        (400, get("A\u{0}: c")), (400, get("A\u{e9}: c")), (400, get("A: b\nC: d")),
        (417, get("Expect: 200-ok")), (417, get("Expect: 100-continue, x")),
        // Framing.
        (400, get("Content-Length: 5\r\nTransfer-Encoding: chunked")),
        (400, get("Transfer-Encoding: chunked\r\nContent-Length: 5")),
        (400, get("Content-Length: 5\r\nContent-Length: 5")), (400, get("Content-Length: 5\r\ncontent-length: 6")),
        (400, get("Content-Length: 5, 5")), (400, get("Content-Length: 5,")), (400, get("Content-Length: +5")),
        (400, get("Content-Length: -5")), (400, get("Content-Length: 0x5")), (400, get("Content-Length: 1_0")),
        (400, get("Content-Length: 5 5")), (400, get("Content-Length:")), (400, get("Content-Length: 5.0")),
        (400, get("Content-Length: 99999999999999999999")), (400, get("Content-Length: 0000000000000000005")),
        (400, get("Content-Length: \u{665}")), (400, get("Content-Length : 5")),
        (400, get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")),
        (400, get("Transfer-Encoding: chunked, chunked")), (400, get("Transfer-Encoding: chunked, identity")),
        (400, get("Transfer-Encoding: chunked,")), (400, get("Transfer-Encoding:")),
        (400, get("Transfer-Encoding: \"chunked\"")), (400, get("Transfer-Encoding: chunked;q=1")),
        (400, get("Transfer-Encoding: \u{b}chunked")), (400, get("Transfer-Encoding:\r\n chunked")),
        (501, get("Transfer-Encoding: gzip, chunked")), (501, get("Transfer-Encoding: identity")),
        (501, get("Transfer-Encoding: xchunked")),
        (400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ]

    @Test func badHeadsAreRefusedAtEverySplit() {
        for (status, text) in RequestParserTests.bad {
            let count = text.utf8.count
            for cuts in (0...count).map({ [$0] }) + [Array(0..<count)] {
                let found = refusal(text, cutAt: cuts)
                #expect(
                    found?.status.rawValue == status,
                    "\(text.debugDescription) cut at \(cuts.prefix(3)) gave \(String(describing: found))")
            }
        }
    }

    @Test func aBareLineFeedIsRefusedBeforeTheHeadEnds() {
        #expect(refusal("GET / HTTP/1.1\n")?.code == "bare-line-feed")
    }

    @Test func limitsHoldAtEverySplit() {
        var limits = Limits()
        limits.headBytes = 200
        limits.targetBytes = 50
        limits.fieldCount = 3
        let cases: [(Int?, String)] = [
            (nil, "GET /\(String(repeating: "a", count: 49)) HTTP/1.1\r\nHost: h\r\n\r\n"),
            (414, "GET /\(String(repeating: "a", count: 50)) HTTP/1.1\r\nHost: h\r\n\r\n"),
            (414, "GET /\(String(repeating: "a", count: 1000))"),
            (431, "GET / HTTP/1.1\r\nHost: h\r\nA: \(String(repeating: "a", count: 200))"),
            (
                431,
                "GET / HTTP/1.1\r\nHost: h\r\nA: \(String(repeating: "a", count: 90))\r\nB: \(String(repeating: "b", count: 90))\r\n"
            ),
            (nil, "GET / HTTP/1.1\r\nHost: h\r\nA: a\r\nB: b\r\n\r\n"),
            (431, "GET / HTTP/1.1\r\nHost: h\r\nA: a\r\nB: b\r\nC: c\r\n\r\n"),
        ]
        for (status, text) in cases {
            for cut in 0...text.utf8.count {
                #expect(refusal(text, cutAt: [cut], limits: limits)?.status.rawValue == status, "\(text) at \(cut)")
            }
        }
    }

    @Test func pathsDecodeAfterTheyAreCut() throws {
        let request = try Request(.get, "/a%2Db//c%3Fd/?q&r=%26&s=a%3Db&=x")
        #expect(request.path == "/a%2Db//c%3Fd/")
        #expect(request.segments == ["a-b", "", "c?d", ""])
        #expect(request.query == Query([("q", ""), ("r", "&"), ("s", "a=b"), ("", "x")]))
        #expect(request.query["r"] == "&" && request.query["none"] == nil)
    }

    @Test func persistenceFollowsVersionAndConnection() throws {
        func keeps(_ version: String, _ connection: String) throws -> Bool {
            try #require(try parse("GET / HTTP/\(version)\r\nHost: h\r\nConnection: \(connection)\r\n\r\n")).0
                .keepsAlive
        }
        #expect(try keeps("1.1", "") && keeps("1.1", "keep-alive") && keeps("1.0", "Keep-Alive"))
        #expect(try !keeps("1.1", "Close") && !keeps("1.1", "foo, close") && !keeps("1.0", ""))
    }
}
