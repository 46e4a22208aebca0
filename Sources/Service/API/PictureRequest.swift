import Domain
import HTTP

extension PictureRecipe {
    static let parameters = [
        "preset", "size", "resize", "short_side", "anchor", "fill", "interpolation", "split", "on_error",
    ]

    /// From query parameters: `preset=yolo&size=640&on_error=skip`. Nil when none is there.
    static func fromQuery(_ request: Request) throws -> PictureRecipe? {
        var recipe = PictureRecipe()
        recipe.preset = try request.choice("preset", Preset.self)
        recipe.size = try request.parameter("size", "HEIGHTxWIDTH, or one number for a square", Self.parseSize)
        recipe.resize = try request.choice("resize", Resize.self)
        recipe.shortSide = try request.parameter("short_side", "a number of pixels") { Self.side($0) }
        recipe.anchor = try request.choice("anchor", Anchor.self)
        recipe.fill = try request.parameter("fill", "a value from 0 to 255") { UInt8($0).map(Int.init) }
        recipe.interpolation = try request.choice("interpolation", Interpolation.self)
        recipe.split = try request.parameter("split", "train, val, test or all") { Self.isSplit($0) ? $0 : nil }
        recipe.onError = try request.choice("on_error", OnError.self) ?? .fail
        return recipe == PictureRecipe() ? nil : recipe
    }

    /// From the fields of a JSON object, with the same names.
    static func fromFields(_ reader: inout FieldReader) -> PictureRecipe? {
        var recipe = PictureRecipe()
        recipe.preset = reader.choice("preset", Preset.self)
        if let text = sizeText(&reader) {
            recipe.size = parseSize(text)
            if recipe.size == nil { reader.fail("size", "The size is HEIGHTxWIDTH, or one number for a square.") }
        }
        recipe.resize = reader.choice("resize", Resize.self)
        recipe.shortSide = reader.integer("short_side", in: 1...PictureLimits.side)
        recipe.anchor = reader.choice("anchor", Anchor.self)
        recipe.fill = reader.integer("fill", in: 0...255)
        recipe.interpolation = reader.choice("interpolation", Interpolation.self)
        recipe.split = reader.string("split")
        if let split = recipe.split, !isSplit(split) { reader.fail("split", "The split is train, val, test or all.") }
        recipe.onError = reader.choice("on_error", OnError.self) ?? .fail
        return recipe == PictureRecipe() ? nil : recipe
    }

    private static func sizeText(_ reader: inout FieldReader) -> String? {
        if case .number(let side)? = reader.value("size") { return Text.short(side) }
        return reader.string("size")
    }

    private static func side(_ text: String) -> Int? {
        Int(text).flatMap { (1...PictureLimits.side).contains($0) ? $0 : nil }
    }
}
