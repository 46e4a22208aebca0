import Domain
import Foundation
import HTTP
import Storage
import TestSupport
import Testing

@testable import Service

/// A model of 3 MB of text, which compresses well, behind `/v1/models/net/content`.
@Suite struct DownloadTests {
    static let bytes: [UInt8] = {
        let line = Array("the same words over and over again, line after line\n".utf8)
        return FakeWorker.model() + (0..<60_000).flatMap { _ in line }
    }()

    private func site() async throws -> Site {
        let site = try await Site()
        let answer = try await site.send(.post, "/v1/models?name=net", Self.bytes)
        try #require(answer.status == 201)
        return site
    }

    private static func digest(_ bytes: [UInt8]) throws -> String { DigestFields.field(try Digest(sha256: bytes)) }

    @Test func eachCodingHasItsOwnTagAndDigest() async throws {
        let site = try await site()
        var tags: Set<String> = []
        for coding in ["identity", "deflate", "gzip"] {
            let answer = try await site.send(.get, "/v1/models/net/content", fields: ["Accept-Encoding": coding])
            #expect(answer.status == 200)
            #expect(answer.fields["Content-Encoding"] == (coding == "identity" ? nil : coding))
            #expect(answer.fields["Repr-Digest"] == (try Self.digest(answer.body)))
            #expect(answer.fields["Vary"] == "Accept-Encoding")
            #expect(answer.fields["Accept-Ranges"] == "bytes")
            #expect((answer.body.count < Self.bytes.count) == (coding != "identity"))
            tags.insert(try #require(answer.fields["ETag"]))
        }
        #expect(tags.count == 3)
        #expect(tags.contains("\"sha256-\(try Digest(sha256: Self.bytes).hex)\""))
        await site.stop()
    }

    @Test func onlySoManyLargeDownloadsAreUnderWayAtOnce() async throws {
        let site = try await site()
        let request = try Request(.get, "/v1/models/net/content")
        var held: [Response] = []
        for _ in 0..<128 { held.append(await site.application.router.handle(request)) }
        #expect(held.allSatisfy { $0.status == .ok })
        let refused = try await site.send(.get, "/v1/models/net/content")
        #expect(refused.status == 503 && refused.code == "too-many-downloads")
        #expect(refused.fields["Retry-After"] == "2")
        held.removeLast()
        #expect(try await site.send(.get, "/v1/models/net/content").body == Self.bytes)
        await site.stop()
    }

    @Test(arguments: [
        ("bytes=0-9", 0..<10), ("bytes=1048570-1048590", 1_048_570..<1_048_591), ("bytes=-5", -5..<0),
        ("bytes=3000000-", 3_000_000..<Int.max), ("bytes=0-99999999999999999999", 0..<Int.max),
    ])
    func aRangeIsAnsweredInTheIdentityCoding(_ field: String, _ range: Range<Int>) async throws {
        let site = try await site()
        let count = Self.bytes.count
        let expected = range.lowerBound < 0 ? count + range.lowerBound..<count : range.clamped(to: 0..<count)
        let answer = try await site.send(
            .get, "/v1/models/net/content", fields: ["Range": field, "Accept-Encoding": "deflate, gzip"])
        #expect(answer.status == 206)
        #expect(answer.fields["Content-Encoding"] == nil)
        #expect(answer.fields["Content-Range"] == "bytes \(expected.lowerBound)-\(expected.upperBound - 1)/\(count)")
        #expect(answer.body == Array(Self.bytes[expected]))
        #expect(answer.fields["Repr-Digest"] == (try Self.digest(Self.bytes)))
        await site.stop()
    }

    @Test func rangesThatCannotBeAreRefusedAndThoseNotUnderstoodIgnored() async throws {
        let site = try await site()
        for field in ["bytes=\(Self.bytes.count)-", "bytes=-0"] {
            let answer = try await site.send(.get, "/v1/models/net/content", fields: ["Range": field])
            #expect(answer.status == 416)
            #expect(answer.fields["Content-Range"] == "bytes */\(Self.bytes.count)")
        }
        for field in ["bytes=0-1,4-5", "lines=1-2", "bytes=5-2", "bytes=a-b", "bytes=-", "bytes"] {
            let answer = try await site.send(
                .get, "/v1/models/net/content", fields: ["Range": field, "Accept-Encoding": "gzip"])
            #expect(answer.status == 200)
            #expect(answer.fields["Content-Encoding"] == nil)
        }
        await site.stop()
    }

    @Test func ifMatchComparesStronglyAndComesFirst() async throws {
        let site = try await site()
        let plain = "\"sha256-\(try Digest(sha256: Self.bytes).hex)\""
        func status(_ fields: Fields, _ method: HTTP.Method = .get) async throws -> Int {
            try await site.send(method, "/v1/models/net/content", fields: fields).status
        }
        for matching in [plain, "*", "\"x\" , \(plain)"] {
            #expect(try await status(["If-Match": matching]) == 200, "\(matching)")
            #expect(try await status(["If-Match": matching, "Range": "bytes=0-1"]) == 206, "\(matching)")
        }
        #expect(try await status(["If-Match": plain, "If-None-Match": plain]) == 304)
        for other in ["\"x\"", "W/" + plain, "", "x", plain.dropLast() + "+gzip\""] {
            #expect(try await status(["If-Match": other]) == 412, "\(other)")
            #expect(try await status(["If-Match": other, "If-None-Match": plain], .head) == 412, "\(other)")
            #expect(try await status(["If-Match": other, "Range": "bytes=0-1"]) == 412, "\(other)")
        }
        #expect(try await status(["If-Match": plain, "Accept-Encoding": "gzip"]) == 412)
        await site.stop()
    }

    /// A head and a sum are more than such a content loses.
    @Test func whatNoCodingMakesSmallerIsSentAsItIs() async throws {
        let site = try await Site()
        let bytes = FakeWorker.model()
        try await site.send(.post, "/v1/models?name=tiny", bytes)
        for wish in ["deflate", "gzip", "deflate, gzip;q=0.5", "gzip, identity;q=0.1"] {
            let answer = try await site.send(.get, "/v1/models/tiny/content", fields: ["Accept-Encoding": wish])
            #expect(answer.status == 200 && answer.body == bytes && answer.fields["Content-Encoding"] == nil, "\(wish)")
            #expect(answer.fields["ETag"]?.contains("+") == false && answer.fields["Vary"] == "Accept-Encoding")
        }
        for wish in ["deflate, identity;q=0", "deflate, *;q=0"] {
            let answer = try await site.send(.get, "/v1/models/tiny/content", fields: ["Accept-Encoding": wish])
            #expect(answer.fields["Content-Encoding"] == "deflate" && answer.body.count > bytes.count, "\(wish)")
        }
        await site.stop()
    }

    @Test func conditionsAreHonoured() async throws {
        let site = try await site()
        let plain = "\"sha256-\(try Digest(sha256: Self.bytes).hex)\""
        let deflated = plain.dropLast() + "+deflate\""
        func status(_ fields: Fields) async throws -> Int {
            try await site.send(.get, "/v1/models/net/content", fields: fields).status
        }
        #expect(try await status(["If-None-Match": plain]) == 304)
        #expect(try await status(["If-None-Match": "\"x\", W/\(plain)"]) == 304)
        #expect(try await status(["If-None-Match": "*"]) == 304)
        #expect(try await status(["If-None-Match": plain, "Accept-Encoding": "deflate"]) == 200)
        #expect(try await status(["If-None-Match": String(deflated), "Accept-Encoding": "deflate"]) == 304)
        #expect(try await status(["Range": "bytes=0-1", "If-Range": plain]) == 206)
        #expect(try await status(["Range": "bytes=0-1", "If-Range": String(deflated)]) == 200)
        #expect(try await status(["Range": "bytes=0-1", "If-Range": "Mon, 01 Jan 2024 00:00:00 GMT"]) == 200)
        await site.stop()
    }
}

@Suite struct PreferencesTests {
    @Test(arguments: [
        ("", Coding.identity), ("identity", .identity), ("deflate", .deflate), ("gzip", .gzip),
        ("gzip, deflate", .deflate), ("deflate;q=0.5, gzip;q=0.8", .gzip), ("gzip;q=0", .identity),
        ("gzip;q=0.5, identity", .identity), ("br, zstd", .identity), ("*", .identity), ("GZIP ; q=1.0", .gzip),
        ("gzip;q=x", .identity),
    ])
    func codingsAreChosenByWeight(_ field: String, _ coding: Coding) {
        #expect(Preferences(["Accept-Encoding": field]).coding == coding)
    }

    @Test(arguments: [
        ("*/*", "application/json"), ("text/*", "text/plain"), ("text/plain;q=0.1, */*;q=0.5", "application/json"),
        ("text/plain, application/json", "application/json"), ("image/png", nil), ("application/json;q=0", nil),
    ])
    func typesAreChosenByWeight(_ field: String, _ type: String?) {
        #expect(Preferences(["Accept": field]).mediaType(among: ["application/json", "text/plain"]) == type)
    }

    @Test func aWaitIsFoundAmongOtherPreferences() {
        #expect(Preferences(["Prefer": "respond-async, wait=30; foo"]).wait == 30)
        #expect(Preferences(["Prefer": "wait=-1"]).wait == nil)
        #expect(Preferences(["Prefer": "waiting=5"]).wait == nil)
    }
}
