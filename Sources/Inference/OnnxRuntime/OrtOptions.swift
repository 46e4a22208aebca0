import CEngines

/// `SessionOptions` in the engine's form, for the moment a session is made.
final class OrtOptions {
    let pointer: OpaquePointer
    private let table: OrtTable

    init(_ options: SessionOptions, domain: OpaquePointer?, table: OrtTable) throws {
        self.table = table
        pointer = try table.make("creating session options") { octavo_ort_create_options(table.pointer, $0) }
        try apply(options)
        if let domain { try check(octavo_ort_add_domain(table.pointer, pointer, domain)) }
    }

    deinit { octavo_ort_release_options(table.pointer, pointer) }

    private func apply(_ options: SessionOptions) throws {
        let t = table.pointer
        try check(octavo_ort_set_log_severity(t, pointer, LogSeverity.fatal))
        try check(octavo_ort_set_intra_threads(t, pointer, Int32(clamping: max(1, options.threads))))
        try check(octavo_ort_set_inter_threads(t, pointer, 1))
        try check(octavo_ort_set_execution_mode(t, pointer, 0))
        try check(octavo_ort_set_optimization(t, pointer, options.optimization.engineNumber))
        try check(octavo_ort_set_deterministic(t, pointer, options.deterministic))
        if !options.memoryPattern { try check(octavo_ort_disable_memory_pattern(t, pointer)) }
        if !options.arena { try check(octavo_ort_disable_arena(t, pointer)) }
        if let path = options.optimizedModelPath { try check(octavo_ort_set_optimized_path(t, pointer, path)) }
        if let prefix = options.profilePrefix { try check(octavo_ort_enable_profiling(t, pointer, prefix)) }
        for (name, size) in options.dimensions.sorted(by: { $0.key < $1.key }) {
            try check(octavo_ort_fix_dimension(t, pointer, name, Int64(size)))
        }
        let spinning = ["session.intra_op.allow_spinning": options.spinning ? "1" : "0"]
        let entries = spinning.merging(options.configuration) { _, chosen in chosen }
        for (key, value) in entries.sorted(by: { $0.key < $1.key }) {
            try check(octavo_ort_add_configuration(t, pointer, key, value))
        }
    }

    private func check(_ status: OpaquePointer?) throws {
        try table.check(status, "setting session options")
    }
}

extension SessionOptions.Optimization {
    fileprivate var engineNumber: Int32 {
        switch self {
        case .none: 0
        case .basic: 1
        case .extended: 2
        case .all: 99
        }
    }
}
