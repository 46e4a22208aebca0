package import Domain

/// Where a picture lies in the model's input: resized to `width` x `height`, its top left pixel at (`left`, `top`), which are
/// negative where it is cropped.
package struct PictureFrame: Equatable, Sendable {
    /// Of the picture itself, as shown.
    package let sourceWidth: Int
    package let sourceHeight: Int
    package let width: Int
    package let height: Int
    package let left: Int
    package let top: Int

    package init(sourceWidth: Int, sourceHeight: Int, _ recipe: PictureRecipe.Resolved) {
        self.sourceWidth = sourceWidth
        self.sourceHeight = sourceHeight
        switch recipe.resize {
        case .stretch:
            (width, height) = (recipe.width, recipe.height)
            (left, top) = (0, 0)
        case .crop:
            let short = Double(min(sourceWidth, sourceHeight))
            func scaled(_ side: Int) -> Int { Int(Double(side) * Double(recipe.shortSide) / short) }
            width = max(scaled(sourceWidth), recipe.width)
            height = max(scaled(sourceHeight), recipe.height)
            // As torchvision's CenterCrop does.
            func middle(_ spare: Int) -> Int { -Int((Double(spare) / 2).rounded(.toNearestOrEven)) }
            left = middle(width - recipe.width)
            top = middle(height - recipe.height)
        case .letterbox:
            let scale = min(
                Double(recipe.width) / Double(sourceWidth), Double(recipe.height) / Double(sourceHeight))
            func scaled(_ side: Int, _ limit: Int) -> Int {
                min(max(Int((Double(side) * scale).rounded(.toNearestOrEven)), 1), limit)
            }
            width = scaled(sourceWidth, recipe.width)
            height = scaled(sourceHeight, recipe.height)
            let centered = recipe.anchor == .center
            left = centered ? (recipe.width - width) / 2 : 0
            top = centered ? (recipe.height - height) / 2 : 0
        }
    }

    /// A place in the model's input as a place in the picture.
    package func source(x: Double, y: Double) -> (x: Double, y: Double) {
        (
            (x - Double(left)) * Double(sourceWidth) / Double(width),
            (y - Double(top)) * Double(sourceHeight) / Double(height)
        )
    }
}
