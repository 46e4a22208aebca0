import Domain
import Foundation
import Testing

@testable import Optimizer

/// A machine whose runs take as long as a test says, and whose clock nobody else moves.
private final class FakeMachine {
    private(set) var now: Int64 = 1_000
    private(set) var order: [Character] = []
    private(set) var runs = (fp32: 0, int8: 0)
    private var random: SplitMix64
    private let fp32: Double
    private let int8: Double
    private let jitter: Double
    /// Relative growth of all times per second of the measurement.
    private let slowdown: Double
    /// Three of four runs of FP32 take so many times as long: other work, which does not disturb the other model.
    private let disturbance: Double

    /// Seconds per run; `jitter` is the relative half width of uniform noise.
    init(
        fp32: Double, int8: Double, jitter: Double = 0, slowdown: Double = 0, disturbance: Double = 1, seed: UInt64 = 42
    ) {
        self.disturbance = disturbance
        random = SplitMix64(seed: seed)
        (self.fp32, self.int8, self.jitter, self.slowdown) = (fp32, int8, jitter, slowdown)
    }

    func runFP32() {
        runs.fp32 += 1
        order.append("f")
        advance(random.below(4) == 0 ? fp32 : fp32 * disturbance)
    }

    func runINT8() {
        runs.int8 += 1
        order.append("i")
        advance(int8)
    }

    private func advance(_ seconds: Double) {
        let noise = 1 + jitter * (Double(random.below(2001)) / 1000 - 1)
        now += Int64(seconds * noise * (1 + slowdown * Double(now) / 1e9) * 1e9)
    }

    func measure(_ settings: LatencyMeter.Settings = .init(), counters: [HostCounters] = []) throws -> Report.Latency {
        var readings = counters
        let meter = LatencyMeter(
            settings: settings, clock: { self.now },
            counters: { readings.isEmpty ? HostCounters() : readings.removeFirst() })
        return try meter.measure(fp32: runFP32, int8: runINT8)
    }
}

@Suite struct LatencyTests {
    @Test func theRatioAndItsIntervalAreFound() throws {
        let latency = try FakeMachine(fp32: 4e-3, int8: 2e-3, jitter: 0.05).measure()
        #expect(abs(latency.speedup - 2) < 0.05)
        #expect(latency.speedupInterval.low <= latency.speedup && latency.speedup <= latency.speedupInterval.high)
        #expect(latency.speedupInterval.low > 1.9 && latency.speedupInterval.high < 2.1)
        #expect(latency.noiseFloor > 0 && latency.noiseFloor < 0.05)
        #expect(latency.stability == .stable)
        #expect(latency.fp32.runsPerTiming == 1)
        #expect(latency.rounds >= 200)
        #expect(Report.Verdict.speed(latency) == .faster)
    }

    @Test func everyTimingIsCountedInTheDistribution() throws {
        let latency = try FakeMachine(fp32: 4e-3, int8: 2e-3, jitter: 0.05).measure()
        let shown = try #require(latency.distribution)
        #expect(shown.fp32.reduce(shown.fp32Above, +) == latency.fp32.timings)
        #expect(shown.int8.reduce(shown.int8Above, +) == latency.int8.timings)
        #expect(shown.fromMs == min(latency.fp32.minMs, latency.int8.minMs))
        // At most a hundredth lies beyond; INT8 fills the left of the axis and FP32 the right.
        #expect(shown.fp32Above <= latency.fp32.timings / 100 + 1 && shown.int8Above == 0)
        let half = shown.fp32.count / 2
        #expect(shown.fp32[..<half].allSatisfy { $0 == 0 } && shown.int8[half...].allSatisfy { $0 == 0 })
        // A machine without any noise has no distribution to show.
        let constant = try FakeMachine(fp32: 4e-3, int8: 4e-3).measure()
        #expect(constant.distribution == nil)
    }

    @Test func theIntervalHoldsTheTruthAboutAsOftenAsItSays() throws {
        var hits = 0
        for seed in 1...60 {
            var random = SplitMix64(seed: UInt64(seed))
            func series(_ scale: Double) -> [Double] {
                (0..<80).map { _ in scale * (1 + Double(random.below(1000)) / 5000) }
            }
            var bootstrap = Bootstrap(series(3), series(2), seed: UInt64(seed))
            let interval = bootstrap.ratioOfMedians(resamples: 300)
            if interval.low <= 1.5, 1.5 <= interval.high { hits += 1 }
        }
        #expect(hits >= 51, "\(hits) of 60 intervals hold the true ratio")
    }

    @Test func modelsThatTakeTheSameTimeAreNotCalledFaster() throws {
        var calls = 0
        for seed in 1...100 {
            var settings = LatencyMeter.Settings()
            settings.seed = UInt64(seed)
            settings.mostTimings = 60
            let latency = try FakeMachine(fp32: 3e-3, int8: 3e-3, jitter: 0.2, seed: UInt64(seed * 977)).measure(
                settings)
            if Report.Verdict.speed(latency) != .same { calls += 1 }
        }
        #expect(calls <= 3, "\(calls) of 100 measurements of equal models tell a difference")
        #expect(Report.Verdict.speed(try FakeMachine(fp32: 2e-3, int8: 3e-3, jitter: 0.1).measure()) == .slower)
    }

    /// Other work may hit one of two models harder, and then each median is sure of what is not so.
    @Test func mediansThatTheFastestRunsContradictSayNothing() throws {
        let equal = try FakeMachine(fp32: 3e-3, int8: 3e-3, jitter: 0.05, disturbance: 1.5).measure()
        #expect(equal.speedupInterval.low > 1.2 && abs((equal.undisturbedSpeedup ?? 0) - 1) < 0.02)
        #expect(Report.Verdict.speed(equal) == .unclear)
        #expect(equal.credibleSpeedup.low < 1.02 && equal.credibleSpeedup.high > 1.2)
        #expect(equal.contradiction.hasSuffix("× by the fastest runs"))
        let slower = try FakeMachine(fp32: 3e-3, int8: 3.3e-3, jitter: 0.05, disturbance: 1.5).measure()
        #expect(slower.speedupInterval.low > 1.2 && Report.Verdict.speed(slower) == .unclear)
        #expect(
            slower.words(over: "FP32").hasSuffix("× by the fastest runs")
                && slower.words(over: "it").contains(", but 0.9"))
        let faster = try FakeMachine(fp32: 3e-3, int8: 1.5e-3, jitter: 0.05, disturbance: 1.5).measure()
        #expect(Report.Verdict.speed(faster) == .faster && faster.words(over: "FP32").hasSuffix(")"))
    }

    @Test func theOrderIsRandomAndTheSameForOneSeed() throws {
        func order(_ seed: UInt64) throws -> [Character] {
            let machine = FakeMachine(fp32: 4e-3, int8: 2e-3)
            var settings = LatencyMeter.Settings()
            settings.seed = seed
            _ = try machine.measure(settings)
            return machine.order
        }
        let first = try order(1)
        #expect(try order(1) == first)
        #expect(try order(2) != first)
        // Each timing is a lead-in and a run: after the warm-up pairs of one model in either order.
        let pairs = stride(from: 0, to: 400, by: 2).map { String(first[(first.count - 400 + $0)...].prefix(2)) }
        #expect(pairs.allSatisfy { $0 == "ff" || $0 == "ii" })
        let firsts = stride(from: 0, to: 200, by: 2).filter { pairs[$0] == "ff" }.count
        #expect((25...75).contains(firsts))
    }

    @Test func shortModelsAreTimedInBatches() throws {
        var settings = LatencyMeter.Settings()
        settings.mostTimings = 200
        let latency = try FakeMachine(fp32: 15e-6, int8: 10e-6).measure(settings)
        #expect(latency.fp32.runsPerTiming == 20)
        #expect(abs(latency.fp32.minMs - 0.015) < 1e-9)
        #expect(abs(latency.speedup - 1.5) < 1e-9)
        #expect(latency.rounds == 200)
    }

    @Test func slowModelsGetFewerRoundsAndNoPercentiles() throws {
        let latency = try FakeMachine(fp32: 1, int8: 0.5).measure()
        #expect(latency.rounds == 5)
        #expect(latency.fp32.p50Ms == nil && latency.fp32.p90Ms == nil)
        #expect(latency.speedup == 2)
        #expect(latency.seconds < 20)
    }

    /// Sixty-four rounds of a slow model take long, and whether it is twice as fast shows in fewer.
    @Test func aClearDecisionTakesFewRounds() throws {
        var settings = LatencyMeter.Settings()
        settings.budget = 0.8
        #expect(try FakeMachine(fp32: 20e-3, int8: 10e-3, jitter: 0.1).measure(settings).rounds > 40)
        settings.clearRatio = 1.1
        for (fp32, int8) in [(20e-3, 10e-3), (10e-3, 20e-3)] {
            let latency = try FakeMachine(fp32: fp32, int8: int8, jitter: 0.1).measure(settings)
            #expect(latency.rounds <= 16 && abs(latency.speedup / (fp32 / int8) - 1) < 0.1)
        }
        // Too close, or clear by medians alone that other work has moved.
        #expect(try FakeMachine(fp32: 20e-3, int8: 19e-3, jitter: 0.1).measure(settings).rounds > 40)
        #expect(try FakeMachine(fp32: 20e-3, int8: 20e-3, disturbance: 2).measure(settings).rounds > 16)
        // What is quickly measured is measured in full.
        #expect(try FakeMachine(fp32: 2e-3, int8: 1e-3, jitter: 0.1).measure(settings).rounds > 100)
    }

    @Test func aModelSlowerThanTheWarmupSawStopsInTime() throws {
        let machine = FakeMachine(fp32: 20e-3, int8: 10e-3, slowdown: 2)
        let latency = try machine.measure()
        #expect(latency.seconds < 16)
        let quick = try FakeMachine(fp32: 2e-3, int8: 1e-3, slowdown: 0.5).measure()
        #expect(quick.seconds < 6 && quick.rounds >= 64)
        #expect(latency.stability == .unstable)
        #expect(abs(latency.speedup - 2) < 0.1, "drift hits both alike")
    }

    @Test(arguments: [(10, 0), (11, 1), (63, 1), (64, 2), (129, 2), (130, 3), (661, 3), (662, 4)])
    func percentilesNeedEnoughTimings(_ rounds: Int, _ shown: Int) throws {
        var settings = LatencyMeter.Settings()
        settings.budget = 1000
        settings.mostTimings = rounds
        let series = try FakeMachine(fp32: 1e-3, int8: 1e-3, jitter: 0.3).measure(settings).fp32
        #expect(series.timings == rounds)
        #expect([series.p50Ms, series.p90Ms, series.p95Ms, series.p99Ms].compactMap { $0 }.count == shown)
    }

    @Test func aClockThatStandsStillGivesNoInfinity() throws {
        var (now, readings) = (Int64(0), 0)
        // The warm-up needs time to pass; the rounds see none.
        func clock() -> Int64 {
            readings += 1
            if readings < 30 { now += 100_000_000 }
            return now
        }
        let latency = try LatencyMeter(clock: clock, counters: { HostCounters() }).measure(fp32: {}, int8: {})
        #expect(latency.speedup.isFinite && latency.noiseFloor.isFinite)
        _ = try JSON.encode(latency)
    }

    @Test func whatTheModelThrowsComesThrough() {
        struct Broken: Error {}
        let meter = LatencyMeter(counters: { HostCounters() })
        #expect(throws: Broken.self) { try meter.measure(fp32: {}, int8: { throw Broken() }) }
    }

    @Test func disturbancesAreNoted() throws {
        let start = HostCounters(
            totalTicks: 100, idleTicks: 50, stealTicks: 1, ownTicks: 10, load: 0.5, periods: 10, throttled: 1, cores: 4)
        let end = HostCounters(
            totalTicks: 200, idleTicks: 75, stealTicks: 11, ownTicks: 35, load: 3, periods: 20, throttled: 6, cores: 4)
        let latency = try FakeMachine(fp32: 4e-3, int8: 2e-3).measure(counters: [start, end])
        #expect(latency.conditions.stealShare == 0.1)
        #expect(latency.conditions.busyShare == 0.75 && latency.conditions.otherShare == 0.5)
        #expect(latency.conditions.throttledShare == 0.5)
        #expect(latency.conditions.loadBefore == 0.5 && latency.conditions.loadAfter == 3)
        #expect(latency.notes.count == 3)
        #expect(latency.notes[2].contains("about 2.0 of 4 cores"))
        #expect(try FakeMachine(fp32: 4e-3, int8: 2e-3).measure(counters: [start, start]).notes.isEmpty)
    }

    @Test func thisMachineIsMeasured() throws {
        var settings = LatencyMeter.Settings()
        settings.budget = 0.05
        var sum = 0.0
        func work(_ count: Int) { for i in 0..<count { sum += Double(i).squareRoot() } }
        let latency = try LatencyMeter(settings: settings).measure(fp32: { work(4000) }, int8: { work(500) })
        #expect(latency.speedup > 1.5)
        #expect(latency.fp32.minMs > 0 && sum > 0)
    }
}

@Suite struct LatencyHostTests {
    private let directory: TestDirectory

    init() throws { directory = try TestDirectory() }

    private func write(_ path: String, _ text: String) throws {
        let url = URL(fileURLWithPath: directory.path + path)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    @Test func factsAreReadFromProcAndSys() throws {
        let cpu =
            "processor\t: %\nmodel name\t: Some CPU @ 3 GHz\nmicrocode\t: 0x2b\nphysical id\t: 0\ncore id\t\t: %\n"
            + "siblings\t: 4\ncpu cores\t: 2\nflags\t\t: fpu avx2 avx512_vnni hypervisor amx_int8\n\n"
        try write("/proc/cpuinfo", (0..<4).map { cpu.replacing("%", with: "\($0 % 2)") }.joined())
        try write("/proc/meminfo", "MemTotal:       2048 kB\n")
        try write("/proc/self/status", "Name:\tx\nVmHWM:\t     512 kB\nCpus_allowed_list:\t0-2,7\n")
        try write("/proc/self/cgroup", "0::/job\n")
        try write("/sys/fs/cgroup/job/cpu.max", "150000 100000\n")
        try write("/sys/fs/cgroup/job/memory.max", "max\n")
        try write("/proc/sys/kernel/osrelease", "6.1.0\n")
        try write("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n")
        try write("/sys/devices/system/cpu/intel_pstate/no_turbo", "1\n")
        try write("/sys/devices/system/node/online", "0-1\n")
        let host = HostEnvironment.read(root: directory.path)
        #expect(host.processor == "Some CPU @ 3 GHz")
        #expect(host.flags == ["avx2", "avx512_vnni", "amx_int8"])
        #expect(host.hypervisor && host.smt == true && host.turbo == false && host.microcode == "0x2b")
        #expect(host.logicalCores == 4 && host.physicalCores == 2 && host.usableCores == 4 && host.numaNodes == 2)
        #expect(host.cgroupCpuQuota == 1.5 && host.cgroupMemoryBytes == nil && host.memoryBytes == 2048 * 1024)
        #expect(host.kernel == "6.1.0" && host.governor == "powersave")
        #expect(HostEnvironment.peakResidentBytes(root: directory.path) == Int64(524_288))
    }

    @Test func armCoresAreNamedByTheirDesigner() throws {
        try write(
            "/proc/cpuinfo",
            "processor\t: 0\nFeatures\t: fp asimd asimddp\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n")
        let host = HostEnvironment.read(root: directory.path)
        #expect(host.processor == "implementer 0x41, part 0xd0c" && host.flags == ["asimd", "asimddp"])
    }

    @Test func countersAreReadFromProcStat() throws {
        try write("/proc/stat", "cpu  10 0 20 60 5 1 2 2 9 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
        try write("/proc/loadavg", "0.75 0.5 0.25 1/100 1234\n")
        try write("/sys/fs/cgroup/cpu.stat", "usage_usec 5\nnr_periods 8\nnr_throttled 3\n")
        let counters = HostCounters.read(root: directory.path)
        #expect(counters.totalTicks == 100 && counters.idleTicks == 65 && counters.stealTicks == 2)
        #expect(counters.load == 0.75 && counters.periods == 8 && counters.throttled == 3)
    }

    @Test func nothingThereIsNothingKnown() {
        let host = HostEnvironment.read(root: directory.path)
        #expect(host.processor == nil && host.flags.isEmpty && host.logicalCores == 1)
        #expect(HostCounters.read(root: directory.path).totalTicks == nil)
    }

    @Test func thisMachineIsDescribed() {
        let host = HostEnvironment.read()
        #expect(host.usableCores >= 1 && host.libc?.hasPrefix("glibc") == true)
        #expect((HostEnvironment.peakResidentBytes() ?? 0) > 1 << 20)
    }
}
