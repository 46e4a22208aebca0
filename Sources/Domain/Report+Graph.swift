extension Report {
    /// What really runs in integers, counted in the graph after the engine's own optimization.
    package struct Coverage: Equatable, Sendable, Codable {
        package enum Class: String, Sendable, Codable {
            case integer, float
            /// Moves or shapes data; neither integer nor float arithmetic.
            case other
        }
        package struct Operator: Equatable, Sendable, Codable {
            /// "Conv", or "domain::Op" outside the default domain.
            package var name: String
            package var kind: Class
            package var count: Int

            package init(
                name: String, kind: Class, count: Int
            ) {
                self.name = name
                self.kind = kind
                self.count = count
            }
        }
        package struct FloatNode: Equatable, Sendable, Codable {
            package var node: String
            package var name: String
            package var reason: String
            /// Share of all multiply-accumulates.
            package var macShare: Double?

            package init(
                node: String, name: String, reason: String, macShare: Double? = nil
            ) {
                self.node = node
                self.name = name
                self.reason = reason
                self.macShare = macShare
            }
        }
        package var operators: [Operator]
        package var integerNodes: Int
        package var floatNodes: Int
        package var otherNodes: Int
        /// Integer nodes over integer and float nodes.
        package var nodeShare: Double?
        /// Q and DQ nodes that the engine could not absorb.
        package var conversions: Int
        package var macs: Int64?
        /// Share of multiply-accumulates done in integers.
        package var macShare: Double?
        package var floatReasons: [FloatNode]

        /// Counts the nodes of each class from `operators`.
        package init(
            operators: [Operator], conversions: Int, macs: Int64? = nil, macShare: Double? = nil,
            floatReasons: [FloatNode]
        ) {
            func count(_ kind: Class) -> Int { operators.filter { $0.kind == kind }.reduce(0) { $0 + $1.count } }
            self.operators = operators
            integerNodes = count(.integer)
            floatNodes = count(.float)
            otherNodes = count(.other)
            let arithmetic = integerNodes + floatNodes
            nodeShare = arithmetic > 0 ? Double(integerNodes) / Double(arithmetic) : nil
            self.conversions = conversions
            self.macs = macs
            self.macShare = macShare
            self.floatReasons = floatReasons
        }
    }

    /// The plan in numbers; the plan itself is a file of its own.
    package struct Plan: Equatable, Sendable, Codable {
        package struct Kept: Equatable, Sendable, Codable {
            /// Node or tensor name.
            package var name: String
            package var reason: String

            package init(
                name: String, reason: String
            ) {
                self.name = name
                self.reason = reason
            }
        }
        /// One quantized layer, all others in float.
        package struct Layer: Equatable, Sendable, Codable {
            package var node: String
            /// SQNR of the layer's output in dB, its mean error removed as bias correction does.
            package var sqnrDb: Double
            /// The same output when all layers run in integers: what the noise of those before adds up to.
            package var accumulatedSqnrDb: Double?
            /// SQNR of its weight alone, the float weight against what the integers stand for; nil when they are equal.
            package var weightSqnrDb: Double?
            /// The layer's place among the model's nodes.
            package var place: Int?

            package init(
                node: String, sqnrDb: Double, accumulatedSqnrDb: Double? = nil, weightSqnrDb: Double? = nil,
                place: Int? = nil
            ) {
                self.node = node
                self.sqnrDb = sqnrDb
                self.accumulatedSqnrDb = accumulatedSqnrDb
                self.weightSqnrDb = weightSqnrDb
                self.place = place
            }
        }
        /// A layer with output channels that carry nothing. Pruning them loses nothing.
        package struct DeadChannels: Equatable, Sendable, Codable {
            package var node: String
            /// All of the layer's output channels.
            package var channels: Int
            /// Those whose weights are all 0.
            package var zeroWeights: Int
            /// Those, the former included, whose float output was one and the same value throughout the samples that layer
            /// errors are measured on (sixteen at most), before any activation; nil for a layer that was not looked at.
            package var constantOutputs: Int?

            package init(node: String, channels: Int, zeroWeights: Int, constantOutputs: Int? = nil) {
                self.node = node
                self.channels = channels
                self.zeroWeights = zeroWeights
                self.constantOutputs = constantOutputs
            }
        }
        /// What a quantized tensor can hold.
        package struct Range: Equatable, Sendable, Codable {
            package var tensor: String
            package var low: Double
            package var high: Double
            /// Share of the values seen in calibration that lie beyond the range by more than half a step, so that they lose
            /// more than rounding takes; nil for tensors that were not watched.
            package var clippedShare: Double?

            package init(tensor: String, low: Double, high: Double, clippedShare: Double? = nil) {
                self.tensor = tensor
                self.low = low
                self.high = high
                self.clippedShare = clippedShare
            }
        }
        package var quantizedActivations: Int
        package var quantizedWeights: Int
        package var keptFloat: [Kept]
        /// The noisiest layer first; layers without any noise are left out.
        package var layers: [Layer]?
        /// Of all layers with constant weights, in the model's order; empty when no channel is dead.
        package var deadChannels: [DeadChannels]?
        /// In the model's order.
        package var ranges: [Range]?
        /// What to ask for to get the same artifact from the same inputs again: what timing and the gate decided is written
        /// out, and nothing is left to them.
        package var record: Recipe?

        package init(
            quantizedActivations: Int, quantizedWeights: Int, keptFloat: [Kept], layers: [Layer]? = nil,
            deadChannels: [DeadChannels]? = nil, ranges: [Range]? = nil, record: Recipe? = nil
        ) {
            self.quantizedActivations = quantizedActivations
            self.quantizedWeights = quantizedWeights
            self.keptFloat = keptFloat
            self.layers = layers
            self.deadChannels = deadChannels
            self.ranges = ranges
            self.record = record
        }
    }

    /// The machine the numbers come from.
    package struct Environment: Equatable, Sendable, Codable {
        package var architecture: String
        package var processor: String?
        /// Those of the instruction sets that matter here which the processor has.
        package var flags: [String]
        package var logicalCores: Int
        package var physicalCores: Int?
        package var numaNodes: Int?
        /// Processors this process may run on, and the cgroup's quota in processors.
        package var usableCores: Int
        package var cgroupCpuQuota: Double?
        package var cgroupMemoryBytes: Int64?
        package var memoryBytes: Int64?
        package var kernel: String?
        package var libc: String?
        package var governor: String?
        package var turbo: Bool?
        package var smt: Bool?
        package var microcode: String?
        package var hypervisor: Bool

        package init(
            architecture: String, processor: String? = nil, flags: [String], logicalCores: Int,
            physicalCores: Int? = nil, numaNodes: Int? = nil, usableCores: Int, cgroupCpuQuota: Double? = nil,
            cgroupMemoryBytes: Int64? = nil, memoryBytes: Int64? = nil, kernel: String? = nil, libc: String? = nil,
            governor: String? = nil, turbo: Bool? = nil, smt: Bool? = nil, microcode: String? = nil, hypervisor: Bool
        ) {
            self.architecture = architecture
            self.processor = processor
            self.flags = flags
            self.logicalCores = logicalCores
            self.physicalCores = physicalCores
            self.numaNodes = numaNodes
            self.usableCores = usableCores
            self.cgroupCpuQuota = cgroupCpuQuota
            self.cgroupMemoryBytes = cgroupMemoryBytes
            self.memoryBytes = memoryBytes
            self.kernel = kernel
            self.libc = libc
            self.governor = governor
            self.turbo = turbo
            self.smt = smt
            self.microcode = microcode
            self.hypervisor = hypervisor
        }
    }
}
