/// Encoded fields, tags included, that are carried from the file read to the file written. Equal when the bytes are.
struct KeptFields: Sendable {
    private(set) var pieces: [ByteSlice] = []

    /// Neighbours in the file become one piece.
    mutating func append(_ piece: ByteSlice) {
        if let last = pieces.last, last.store === piece.store, last.offset + last.count == piece.offset {
            pieces[pieces.count - 1] = ByteSlice(
                store: last.store, offset: last.offset, count: last.count + piece.count)
        } else {
            pieces.append(piece)
        }
    }
}

extension KeptFields: Equatable {
    static func == (a: KeptFields, b: KeptFields) -> Bool {
        a.pieces == b.pieces || a.pieces.flatMap(\.array) == b.pieces.flatMap(\.array)
    }
}
