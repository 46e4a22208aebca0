package import Domain
import Foundation
import HTTP
import Pages

extension Preprocessing {
    static let parameters = ["scale", "mean", "std", "layout", "reverse_channels"] + PictureRecipe.parameters

    /// From query parameters: `scale=1/255&mean=0.485,0.456,0.406&layout=nhwc-to-nchw`.
    init(_ request: Request) throws {
        self = .identity
        scale = try request.parameter("scale", "a number other than 0, such as 1/255", Text.fraction) ?? scale
        mean = try request.parameter("mean", "numbers separated by commas", Self.list) ?? mean
        std = try request.parameter("std", "numbers other than 0 separated by commas", Self.list) ?? std
        layout = try request.choice("layout", Layout.self) ?? layout
        reverseChannels = try request.flag("reverse_channels")
        pictures = try PictureRecipe.fromQuery(request)
        if let error = faults().first { throw Request.badParameter("invalid-parameter", error.pointer, error.detail) }
    }

    /// From a JSON part of a form, with the same names.
    init(_ document: JSONDocument) throws {
        self = .identity
        var reader = FieldReader(document)
        if case .string(let text)? = reader.value("scale") {
            scale = Text.fraction(text) ?? 0
        } else {
            scale = reader.number("scale", in: -1e30...1e30) ?? scale
        }
        mean = reader.numbers("mean") ?? mean
        std = reader.numbers("std") ?? std
        layout = reader.choice("layout", Layout.self) ?? layout
        reverseChannels = reader.boolean("reverse_channels") ?? reverseChannels
        pictures = PictureRecipe.fromFields(&reader)
        reader.rejectUnknown()
        for fault in faults() { reader.fail(fault.pointer, fault.detail) }
        guard reader.errors.isEmpty else { throw Problem.invalid(reader.errors) }
    }

    private static func list(_ text: String) -> [Double]? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { Text.fraction(String($0)) }
        return parts.contains { $0 == nil } || parts.count > 4096 ? nil : parts.compactMap { $0 }
    }

    private func faults() -> [FieldError] {
        var faults: [FieldError] = []
        // The arithmetic is that of float32.
        func isUsable(_ value: Double) -> Bool { Float(value).isFinite && Float(value) != 0 }
        if !isUsable(scale) {
            faults.append(
                FieldError(pointer: "scale", detail: "scale must be a number of float32 other than 0, not \(scale)."))
        }
        if let value = std.first(where: { !isUsable($0) }) {
            faults.append(
                FieldError(pointer: "std", detail: "std must hold numbers of float32 other than 0, not \(value)."))
        }
        if let value = mean.first(where: { !Float($0).isFinite }) {
            faults.append(FieldError(pointer: "mean", detail: "mean must hold numbers of float32, not \(value)."))
        }
        if mean.count > 1, std.count > 1, mean.count != std.count {
            let detail =
                "mean has \(Number.count(mean.count, "value")) and std \(std.count); give one, or one for each channel."
            faults.append(FieldError(pointer: "std", detail: detail))
        }
        return faults
    }
}

extension Preprocessing.Layout: CaseIterable {
    package static var allCases: [Self] { [.asIs, .nhwcToNCHW] }
}
