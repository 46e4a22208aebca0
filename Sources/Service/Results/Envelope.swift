import Domain
import Foundation
import Storage

/// A signed statement as DSSE carries it (github.com/secure-systems-lab/dsse, v1): what is signed is the payload behind its
/// type and their lengths, so that no other kind of document can pass for it.
struct Envelope: Encodable {
    struct Signature: Encodable {
        /// SHA-256 of the public key in DER, in hexadecimal.
        var keyid: String
        var sig: String
    }
    static let mediaType = "application/vnd.dsse.envelope.v1+json"
    static let payloadType = "application/vnd.in-toto+json"

    var payload: String
    var payloadType = Envelope.payloadType
    var signatures: [Signature]

    init(_ statement: [UInt8], signedBy key: SigningKey) throws {
        payload = Data(statement).base64EncodedString()
        let signature = try key.sign(Self.signed(statement))
        signatures = [.init(keyid: key.identifier.hex, sig: Data(signature).base64EncodedString())]
    }

    /// DSSE's "pre-authentication encoding".
    static func signed(_ statement: [UInt8]) -> [UInt8] {
        Array("DSSEv1 \(payloadType.utf8.count) \(payloadType) \(statement.count) ".utf8) + statement
    }

    /// One line of JSON.
    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }
}
