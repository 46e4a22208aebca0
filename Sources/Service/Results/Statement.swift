import Domain
import Foundation
import Storage

/// How an artifact was made, as an in-toto statement (v1) with a predicate of SLSA provenance (v1). Its field names are
/// those of the two specifications; parameters are named as in openapi.yaml.
struct Statement: Encodable, Sendable {
    static let type = "https://in-toto.io/Statement/v1"
    static let predicateType = "https://slsa.dev/provenance/v1"
    static let buildType = "urn:octavo:quantize:v1"
    static let builder = "urn:octavo:server"

    /// in-toto's ResourceDescriptor.
    struct Resource: Encodable, Sendable {
        var name: String
        var digest: [String: String]
        var mediaType: String?
        var annotations: [String: JSONDocument]?

        init(_ name: String, _ digest: Digest, mediaType: String? = nil, annotations: [String: JSONDocument]? = nil) {
            self.name = name
            self.digest = ["sha256": digest.hex]
            self.mediaType = mediaType
            self.annotations = annotations
        }
    }
    struct Predicate: Encodable, Sendable {
        struct Definition: Encodable, Sendable {
            var buildType = Statement.buildType
            var externalParameters: JSONDocument
            var internalParameters: JSONDocument
            var resolvedDependencies: [Resource]
        }
        struct Run: Encodable, Sendable {
            struct Builder: Encodable, Sendable {
                var id = Statement.builder
                var version: [String: String]
            }
            struct Metadata: Encodable, Sendable {
                var invocationId: String
                var startedOn: String?
                var finishedOn: String
            }
            var builder: Builder
            var metadata: Metadata
            var byproducts: [Resource]
        }
        var buildDefinition: Definition
        var runDetails: Run
    }
    var _type = Statement.type
    var subject: [Resource]
    var predicateType = Statement.predicateType
    var predicate: Predicate

    /// The bytes that are signed.
    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(self))
    }
}

extension Statement {
    /// Everything that went into a job, and what came out.
    struct Material: Sendable {
        var job: JobRow
        var model: ModelRow
        var calibration: SampleSetRow
        var evaluation: SampleSetRow?
        var artifacts: [ArtifactRow]
        var report: StoredReport?
        var threads: Int
        var finished: Date
    }

    init(_ material: Material) throws {
        let job = material.job
        subject = material.artifacts.filter { $0.kind == .artifact }.map(Resource.init)
        let identity = material.report?.identity
        var versions: [String: String] = [:]
        versions["octavo"] = identity?.octavoVersion
        if let engine = identity?.engine { versions[engine] = identity?.engineVersion }
        predicate = Predicate(
            buildDefinition: .init(
                externalParameters: try JSONDocument(JSON.encode(job.recipe)),
                internalParameters: try Self.internals(material), resolvedDependencies: try Self.inputs(material)),
            runDetails: .init(
                builder: .init(version: versions),
                metadata: .init(
                    invocationId: job.id, startedOn: job.started.map(Timestamp.text),
                    finishedOn: Timestamp.text(material.finished)),
                byproducts: material.artifacts.filter { $0.kind != .artifact }.map(Resource.init)))
    }

    /// What the server and the worker decided: `record` is the recipe that makes the same bytes without deciding anything.
    private static func internals(_ material: Material) throws -> JSONDocument {
        var fields: [JSONDocument.Field] = [.init(name: "threads", value: .number(Double(material.threads)))]
        if let record = material.report?.plan?.record {
            fields.append(.init(name: "record", value: try JSONDocument(JSON.encode(record))))
        }
        if let kernels = material.report?.identity?.kernels {
            fields.append(.init(name: "kernels", value: .string(kernels)))
        }
        if let reproduces = material.job.reproduces {
            fields.append(.init(name: "reproduces", value: .string(reproduces.job)))
        }
        return .object(fields)
    }

    private static func inputs(_ material: Material) throws -> [Resource] {
        let model = material.model
        var inputs = [
            Resource(
                "model", model.blob, annotations: ["id": .string(model.id.description), "file": .string(model.file)])
        ]
        inputs += model.external.map { Resource("model/\($0.name)", $0.digest) }
        inputs.append(try samples("calibration_set", material.calibration))
        if let evaluation = material.evaluation { inputs.append(try samples("evaluation_set", evaluation)) }
        return inputs
    }

    private static func samples(_ name: String, _ set: SampleSetRow) throws -> Resource {
        let preprocessing = try JSONDocument(JSON.encode(set.summary.preprocessing))
        return Resource(
            name, set.blob,
            annotations: [
                "id": .string(set.id.description), "name": .string("\(set.name)@\(set.version)"),
                "preprocessing": preprocessing,
            ])
    }
}

extension Statement.Resource {
    fileprivate init(_ row: ArtifactRow) { self.init(row.name, row.digest, mediaType: row.mediaType) }
}
