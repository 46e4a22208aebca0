import Domain

extension Preprocessing {
    /// Refuses what is no preprocessing for any array. Whether mean and std fit the channels is only known with the arrays.
    func check() throws {
        guard scale.isFinite, (mean + std).allSatisfy(\.isFinite) else {
            throw Failure.samples("The preprocessing has a scale, mean or std that is not a finite number.")
        }
        guard std.allSatisfy({ Float($0) != 0 }) else {
            throw Failure.samples("The preprocessing divides by a std of 0. Leave std out or give positive values.")
        }
    }

    /// Whether values pass unchanged (the layout aside).
    var keepsValues: Bool {
        scale == 1 && mean.allSatisfy { $0 == 0 } && std.allSatisfy { $0 == 1 }
    }
}
