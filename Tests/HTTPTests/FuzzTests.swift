import Testing

@testable import HTTP

/// Random damage never crashes, never hangs and never depends on how the bytes are cut.
@Suite struct FuzzTests {
    private static let seeds = [
        "GET /v1/models?limit=5&name=a%20b HTTP/1.1\r\nHost: localhost:80\r\nAccept: */*\r\n\r\n",
        "PUT /v1/models/x HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\nhello world",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: u\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\nGET http://h/p HTTP/1.1\r\nHost: h\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
    ]
    private static let spice = Array(
        "\r\n\r\n:: ,;%0aFf+-\t\u{0}\u{7f}/.?#[]\"chunkedContent-Length5Transfer-Encoding".utf8)

    private static func damage(_ random: inout SeededRandom) -> [UInt8] {
        var bytes = Array((seeds.randomElement(using: &random) ?? "").utf8)
        if Bool.random(using: &random) { bytes += (seeds.randomElement(using: &random) ?? "").utf8 }
        for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.insert(spice.randomElement(using: &random) ?? 0, at: place)
            case 2: bytes.remove(at: place)
            case 3: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...20, using: &random)))
            default:
                let end = min(bytes.count, place + Int.random(in: 1...30, using: &random))
                bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &random))
            }
        }
        return bytes
    }

    /// Everything that a connection would do with these bytes, as text.
    private func story(_ bytes: [UInt8], cuts: [Int]) -> String {
        var limits = Limits()
        limits.headBytes = 400
        limits.fieldCount = 8
        limits.bodyBytes = 1000
        var state = ConnectionState(limits: limits, now: 0)
        var story = ""
        var held: [UInt8] = []
        var start = 0
        for end in cuts + [bytes.count] {
            held += bytes[start..<end]
            start = end
            var isMoving = true
            while isMoving, !held.isEmpty, state.phase != .closed {
                let (used, action) = held.withUnsafeBytes { state.received($0, now: 0) { story += $0.text } }
                #expect(used <= held.count)
                isMoving = used > 0
                held.removeFirst(used)
                switch action {
                case .dispatch(let head):
                    story += "\n\(head.method) \(head.target.segments) \(head.framing) "
                    if (try? state.beginReading(now: 0))?.isComplete == true { answer(&state, &story) }
                case .bodyComplete: answer(&state, &story)
                case .failBody(let error):
                    if case .malformedBody = error { story += "\nmalformed" } else { story += "\n\(error)" }
                    answer(&state, &story)
                case .refuse(let refusal):
                    story += "\n\(refusal.status.rawValue)"
                    answer(&state, &story)
                case .close, .wait, .hold: break
                }
            }
        }
        return story
    }

    private func answer(_ state: inout ConnectionState, _ story: inout String) {
        let plan = state.answer(.ok, length: 0, saysClose: false)
        story += plan.keepsAlive ? "\nkept" : "\nended"
        _ = state.responded(now: 0)
    }

    @Test func damagedRequestsTellTheSameStoryAtEverySplit() {
        var random = SeededRandom(20_261_123)
        for _ in 0..<4000 {
            let bytes = FuzzTests.damage(&random)
            let whole = story(bytes, cuts: [])
            let cuts = (0..<4).map { _ in Int.random(in: 0...bytes.count, using: &random) }.sorted()
            #expect(
                story(bytes, cuts: cuts) == whole, "\(String(decoding: bytes, as: UTF8.self).debugDescription) \(cuts)")
        }
    }

    @Test func damagedMultipartBodiesOnlyEverThrow() throws {
        let seed = Array(
            "--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"x\"\r\n\r\ndata\r\n--b\r\nContent-Disposition: form-data; name=c\r\n\r\n\r\n--b--\r\n"
                .utf8)
        var random = SeededRandom(5)
        for _ in 0..<4000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                bytes[place] = FuzzTests.spice.randomElement(using: &random) ?? 0
            }
            func outcome(_ cut: Int) -> String {
                var text = ""
                do {
                    var reader = try MultipartReader(contentType: "multipart/form-data; boundary=b")
                    for part in [bytes[..<cut], bytes[cut...]] {
                        try Array(part).withUnsafeBytes { piece in
                            try reader.push(piece) { event in
                                switch event {
                                case .partBegan(let part): text += "[\(part.name)|\(part.fileName ?? "")|"
                                case .data(let data): text += data.map { String($0) }.joined(separator: ",") + ","
                                case .partEnded: text += "]"
                                }
                            }
                        }
                    }
                    try reader.finish()
                    return text
                } catch {
                    return "error"
                }
            }
            let whole = outcome(bytes.count)
            #expect(outcome(Int.random(in: 0...bytes.count, using: &random)) == whole)
        }
    }

    /// Raw damage against a real server: afterwards it still answers.
    @Test func aServerSurvivesDamage() async throws {
        try await TestServer.run(.sample()) { server in
            try await server.talk { [port = server.port] (first) throws in
                var random = SeededRandom(99)
                for _ in 0..<200 {
                    let client = try RawClient(port: port)
                    client.send(FuzzTests.damage(&random))
                    if Bool.random(using: &random) { client.closeWriting() }
                    if Bool.random(using: &random) { client.reset() }
                }
                first.send("GET /livez HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try first.reply().status == 200)
            }
        }
    }
}
