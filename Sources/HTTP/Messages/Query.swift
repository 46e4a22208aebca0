/// The query as ordered pairs, percent-decoded ("+" is a space). A name without "=" has an empty value.
package struct Query: Sendable, Equatable {
    package struct Pair: Sendable, Equatable {
        package let name: String
        package let value: String
    }

    package let pairs: [Pair]

    package init(_ pairs: [(String, String)] = []) { self.pairs = pairs.map { Pair(name: $0.0, value: $0.1) } }

    package subscript(name: String) -> String? { pairs.first { $0.name == name }?.value }
    package func all(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }
    package var names: [String] { pairs.map(\.name) }
    package var isEmpty: Bool { pairs.isEmpty }
}
