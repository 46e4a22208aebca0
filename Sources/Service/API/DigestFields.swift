import Domain
import Foundation
import HTTP

/// `Content-Digest` and `Repr-Digest` (RFC 9530), SHA-256 only.
enum DigestFields {
    /// What a client says the body's digest is; nil when it says nothing about SHA-256. Uploads are not coded, so both
    /// fields mean the same bytes.
    static func expected(_ fields: Fields) throws -> Digest? {
        var found: Digest?
        for name in ["Content-Digest", "Repr-Digest"] {
            for member in fields.all(name).flatMap({ $0.split(separator: ",") }) {
                guard let digest = try parse(member.trimmingCharacters(in: .whitespaces), name) else { continue }
                if let found, found != digest {
                    throw Problem(
                        .badRequest, "digest-mismatch", "Content-Digest and Repr-Digest contradict each other.")
                }
                found = digest
            }
        }
        return found
    }

    /// "sha-256=:base64:"; nil for another algorithm.
    private static func parse(_ member: String, _ field: String) throws -> Digest? {
        let parts = member.split(separator: "=", maxSplits: 1)
        guard let key = parts.first, key.lowercased() == "sha-256" else { return nil }
        guard parts.count == 2, parts[1].hasPrefix(":"), parts[1].hasSuffix(":"), parts[1].utf8.count > 2,
            let bytes = Data(base64Encoded: String(parts[1].dropFirst().dropLast())), bytes.count == 32
        else {
            throw Problem(
                .badRequest, "invalid-digest",
                "The sha-256 member of \(field) must be ':' + base64 of 32 bytes + ':'.")
        }
        return Digest(bytes: bytes)
    }

    /// What cannot be checked is not taken for checked.
    static func refuseForForm(_ expected: Digest?) throws {
        guard expected != nil else { return }
        throw Problem(
            .badRequest, "invalid-digest",
            "Content-Digest and Repr-Digest are checked for files that are sent as they are, not for forms. Leave them out, "
                + "and compare the digests in the answer.")
    }

    static func check(_ actual: Digest, against expected: Digest?) throws {
        guard let expected, expected != actual else { return }
        throw Problem(
            .badRequest, "digest-mismatch",
            "The bytes that arrived are \(actual), not \(expected). They were not kept; send them again.")
    }

    static func field(_ digest: Digest) -> String {
        "sha-256=:" + Data(digest.bytes).base64EncodedString() + ":"
    }
}
