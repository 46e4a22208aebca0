extension Model {
    /// Reads and validates the model in a file, which must not be written to while the model lives.
    ///
    /// External data is looked for in `externalDirectory` only. Without one, tensors that refer to other files are read
    /// without their values, and asking for these throws `ModelError.missingExternalData`. The last component of `path`
    /// must not be a symbolic link.
    package static func read(
        path: String, externalDirectory: String? = nil, limits: ReadLimits = .default
    ) throws -> Model {
        let store = try ByteStore(path: path, mappingThreshold: limits.mappingThreshold, limit: limits.fileBytes)
        return try read(store, externalDirectory: externalDirectory, limits: limits)
    }

    package static func read(
        bytes: [UInt8], externalDirectory: String? = nil, limits: ReadLimits = .default
    ) throws -> Model {
        try read(ByteStore(bytes), externalDirectory: externalDirectory, limits: limits)
    }

    private static func read(_ store: ByteStore, externalDirectory: String?, limits: ReadLimits) throws -> Model {
        guard store.count > 0 else { throw ModelError.notONNX(looksLike: "an empty file") }
        if let words = store.withBytes(FileSignature.certain) { throw ModelError.notONNX(looksLike: words) }
        var model: Model
        do {
            let external = try externalDirectory.map { try ExternalDirectory(path: $0, limits: limits) }
            var decoder = ModelDecoder(limits: limits, external: external)
            model = try decoder.model(store)
        } catch let error as ModelError {
            if let words = store.withBytes(FileSignature.likely) { throw ModelError.notONNX(looksLike: words) }
            throw error
        }
        try model.graph.checkDefinitions()
        try model.graph.sortEverything()
        try model.validate()
        return model
    }
}
