/// A streaming reader of multipart/form-data (RFC 7578, RFC 2046 §5.1). Feed it a body in any pieces; data goes straight
/// through, nothing but the head of the current part is held.
package struct MultipartReader: Sendable {
    package struct Part: Sendable, Equatable {
        package let name: String
        package let fileName: String?
        package let fields: Fields
    }

    package enum Event {
        case partBegan(Part)
        /// Valid during the call only.
        case data(UnsafeRawBufferPointer)
        case partEnded
    }

    package struct Limits: Sendable {
        /// All fields of one part.
        package var headBytes = 8 * 1024
        package var fieldCount = 16
        package var parts = 64
        /// Bytes before the first boundary.
        package var preambleBytes = 4 * 1024

        package init() {}
    }

    private let boundary: String

    /// Throws `HTTPError.malformedMultipart` when the field is not multipart/form-data with a usable boundary.
    package init(contentType: String, limits: Limits = Limits()) throws {
        boundary = contentType
    }

    package mutating func push(_ bytes: UnsafeRawBufferPointer, _ emit: (Event) throws -> Void) throws {}

    /// Throws when the closing boundary has not come.
    package func finish() throws {}
}
