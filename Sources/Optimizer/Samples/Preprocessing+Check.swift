import Domain

extension Preprocessing {
    /// Refuses what is no preprocessing for any array. Whether mean and std fit the channels is only known with the arrays.
    func check() throws {
        guard ([scale] + mean + std).allSatisfy({ Float($0).isFinite }) else {
            throw Failure.samples(
                "The preprocessing has a scale, mean or std that is not a number of float32. Give one below 3.4e38.")
        }
        guard Float(scale) != 0 else {
            throw Failure.samples("The preprocessing has a scale of 0 in float32. Leave it out, or give another.")
        }
        guard std.allSatisfy({ Float($0) != 0 }) else {
            throw Failure.samples("The preprocessing divides by a std of 0. Leave std out or give positive values.")
        }
    }

    /// Refuses for arrays what is only done to pictures: who asks for it expects that it is done.
    func checkForArrays() throws {
        guard pictures == nil else {
            throw Failure.samples(
                "The set holds arrays, and the preprocessing asks for what is done to pictures only (preset, size, resize, "
                    + "split, on_error and the like). Leave that out; scale, mean, std, layout and reverse_channels are "
                    + "applied to arrays.")
        }
    }

    /// Whether values pass unchanged (the layout aside).
    var keepsValues: Bool {
        scale == 1 && mean.allSatisfy { $0 == 0 } && std.allSatisfy { $0 == 1 }
    }
}
