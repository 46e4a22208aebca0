import Domain
import Foundation
import Pages

/// All artifacts of one job that are weighed against each other, and what was measured of each: what the report shows as the
/// frontier. It decides nothing.
final class Contest {
    private let objective: Objective
    private let likeness: Likeness
    /// Whether several forms may compete, so that each is compared with FP32 when it is made.
    private let isOpen: Bool
    private var entries: [Report.Search.Candidate] = []
    private var paths: [String: String] = [:]
    private var decibels: [String: Double] = [:]

    init(_ objective: Objective, isOpen: Bool, likeness: Likeness) {
        self.objective = objective
        self.isOpen = isOpen
        self.likeness = likeness
    }

    /// Takes in an artifact that was just written; one of the same name takes the place of the first.
    func add(_ candidate: Candidate) throws {
        let size = try FileManager.default.attributesOfItem(atPath: candidate.path)[.size] as? NSNumber
        entries.removeAll { $0.name == candidate.name }
        decibels[candidate.name] = nil
        entries.append(
            .init(
                name: candidate.name, form: candidate.quantized.form.rawValue,
                float: candidate.floating.keys.map(\.asWildcard).sorted(), bytes: size?.int64Value ?? 0))
        paths[candidate.name] = candidate.path
        if isOpen { _ = try sqnr(of: candidate) }
    }

    /// Likeness of `candidate` to FP32 in dB, measured once; infinite also where nothing can be compared.
    func sqnr(of candidate: Candidate) throws -> Double {
        if let known = decibels[candidate.name] { return known }
        let measured = try likeness(candidate.quantized.model)
        decibels[candidate.name] = measured ?? .infinity
        edit(candidate.name) {
            $0.sqnrDb = measured.flatMap { $0.isFinite ? $0 : nil }
            $0.identical = measured == .infinity
        }
        return measured ?? .infinity
    }

    func speedup(of candidate: Candidate) -> Double? { entries.first { $0.name == candidate.name }?.speedup }

    func drop(of candidate: Candidate) -> Double? { entries.first { $0.name == candidate.name }?.drop }

    func bytes(of candidate: Candidate) -> Int64 { entries.first { $0.name == candidate.name }?.bytes ?? .max }

    /// A race against FP32.
    func timed(_ name: String, _ latency: Report.Latency) {
        edit(name) {
            $0.speedup = latency.speedup
            $0.speedupInterval = latency.speedupInterval
        }
    }

    /// What the gate made of it.
    func checked(_ name: String, drop: Double, met: Bool) {
        edit(name) {
            $0.drop = drop
            $0.met = met
        }
    }

    /// Adds to the words of how the choice fell.
    func say(_ name: String, _ words: String) {
        edit(name) { $0.reason += ($0.reason.isEmpty ? "" : "; ") + words }
    }

    /// Those that no race has held against FP32 yet.
    var untimed: [(name: String, path: String)] {
        entries.filter { $0.speedup == nil }.compactMap { entry in paths[entry.name].map { (entry.name, $0) } }
    }

    /// Nil where there was nothing to choose.
    func report(chosen: Candidate, layers: [Report.Search.Layer]) -> Report.Search? {
        guard entries.count > 1 || entries.contains(where: { $0.speedup != nil }) else { return nil }
        edit(chosen.name) { $0.chosen = true }
        return Report.Search(objective: objective, samples: likeness.samples.count, candidates: entries, layers: layers)
    }

    private func edit(_ name: String, _ change: (inout Report.Search.Candidate) -> Void) {
        guard let place = entries.firstIndex(where: { $0.name == name }) else { return }
        change(&entries[place])
    }
}

extension Candidate {
    /// The file's name without its ending: unique within a job.
    var name: String {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        return file.hasSuffix(".onnx") ? String(file.dropLast(5)) : file
    }
}

extension Report.Latency {
    /// The speed-up in words, with its interval.
    func words(over other: String) -> String {
        "\(Number.fixed(speedup, 2))× the speed of \(other) (95 % \(Number.fixed(speedupInterval.low, 2))–"
            + "\(Number.fixed(speedupInterval.high, 2)))" + contradiction
    }

    /// What the fastest runs say where they call the other faster, or neither; empty where they agree.
    var contradiction: String {
        let clear = 1 + Report.Verdict.leastDifference
        let agrees =
            (speedup > clear) == (fastestSpeedup > clear) && (speedup * clear < 1) == (fastestSpeedup * clear < 1)
        return agrees ? "" : ", but \(Number.fixed(fastestSpeedup, 2))× by the fastest runs"
    }
}
