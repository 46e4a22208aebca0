import Domain
import Glibc
import Pages

/// Running totals of what the machine does, read before and after a measurement.
package struct HostCounters: Sendable, Equatable {
    /// Processor time in ticks, from the first line of /proc/stat.
    package var totalTicks: Double?
    package var idleTicks: Double?
    package var stealTicks: Double?
    /// Processor time of this process in the same ticks.
    package var ownTicks: Double?
    package var load: Double?
    /// Scheduling periods of the cgroup, and those in which its quota ran out.
    package var periods: Double?
    package var throttled: Double?
    package var cores: Int

    package init(
        totalTicks: Double? = nil, idleTicks: Double? = nil, stealTicks: Double? = nil, ownTicks: Double? = nil,
        load: Double? = nil, periods: Double? = nil, throttled: Double? = nil, cores: Int = 1
    ) {
        self.totalTicks = totalTicks
        self.idleTicks = idleTicks
        self.stealTicks = stealTicks
        self.ownTicks = ownTicks
        self.load = load
        self.periods = periods
        self.throttled = throttled
        self.cores = cores
    }

    /// Reads /proc and /sys below `root`, an empty string on a real machine. What is not there stays nil.
    package static func read(root: String = "") -> HostCounters {
        var counters = HostCounters(cores: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        let files = HostFiles(root: root)
        // proc(5): user nice system idle iowait irq softirq steal; guest times are part of user.
        if let line = files.lines("/proc/stat").first(where: { $0.hasPrefix("cpu ") }) {
            let ticks = line.split(separator: " ").dropFirst().prefix(8).compactMap { Double($0) }
            if ticks.count == 8 {
                counters.totalTicks = ticks.reduce(0, +)
                counters.idleTicks = ticks[3] + ticks[4]
                counters.stealTicks = ticks[7]
            }
        }
        counters.ownTicks = ownTicks
        counters.load = files.text("/proc/loadavg")?.split(separator: " ").first.flatMap { Double($0) }
        for line in files.cgroupLines("cpu.stat") {
            let parts = line.split(separator: " ")
            guard parts.count == 2, let value = Double(parts[1]) else { continue }
            if parts[0] == "nr_periods" { counters.periods = value }
            if parts[0] == "nr_throttled" { counters.throttled = value }
        }
        return counters
    }

    private static var ownTicks: Double? {
        var time = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return nil }
        return (Double(time.tv_sec) + Double(time.tv_nsec) / 1e9) * Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    func conditions(since start: HostCounters) -> Report.Latency.Conditions {
        func share(_ part: (HostCounters) -> Double?, of whole: (HostCounters) -> Double?) -> Double? {
            guard let a = part(self), let b = part(start), let c = whole(self), let d = whole(start), c > d else {
                return nil
            }
            return min(1, max(0, (a - b) / (c - d)))
        }
        let busy = share(\.idleTicks, of: \.totalTicks).map { 1 - $0 }
        let own = share(\.ownTicks, of: \.totalTicks)
        return Report.Latency.Conditions(
            cores: cores, stealShare: share(\.stealTicks, of: \.totalTicks), busyShare: busy,
            otherShare: busy.flatMap { busy in own.map { max(0, busy - $0) } }, loadBefore: start.load, loadAfter: load,
            throttledShare: share(\.throttled, of: \.periods))
    }
}

extension Report.Latency.Conditions {
    /// What may have disturbed the measurement, in sentences.
    func notes() -> [String] {
        var notes: [String] = []
        if let stealShare, stealShare > 0.01 {
            notes.append("The hypervisor took \(Number.percent(stealShare, 0)) of the processor time (steal).")
        }
        if let throttledShare, throttledShare > 0.01 {
            notes.append("The cgroup's processor quota ran out in \(Number.percent(throttledShare, 0)) of its periods.")
        }
        let others = (otherShare ?? 0) * Double(cores)
        if others > 0.3 {
            notes.append(
                "Other work kept about \(Number.fixed(others, 1)) of \(cores) cores busy; absolute times are too high.")
        }
        return notes
    }
}

extension LatencyMeter {
    /// Nanoseconds of CLOCK_MONOTONIC, which no clock adjustment moves.
    package static func monotonic() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
