package import Domain
import Glibc

/// What the numbers were measured on, from /proc and /sys.
package enum HostEnvironment {
    /// Instruction sets that decide how fast, and on some processors how exactly, integer kernels run.
    static let relevantFlags = [
        "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8", "asimd",
        "asimddp", "i8mm", "sve",
    ]

    /// `root` stands before every path; an empty string on a real machine.
    package static func read(root: String = "") -> Report.Environment {
        let files = HostFiles(root: root)
        let cpuinfo = "/proc/cpuinfo"
        let flags = Set(
            (files.value("flags", in: cpuinfo) ?? files.value("Features", in: cpuinfo) ?? "").split(separator: " ")
                .map(String.init))
        let processors = files.lines(cpuinfo).filter { $0.hasPrefix("processor") }.count
        let siblings = files.value("siblings", in: cpuinfo).flatMap { Int($0) }
        let coresPerSocket = files.value("cpu cores", in: cpuinfo).flatMap { Int($0) }
        return Report.Environment(
            architecture: architecture, processor: files.value("model name", in: cpuinfo) ?? armCore(files),
            flags: relevantFlags.filter(flags.contains), logicalCores: max(1, processors),
            physicalCores: physicalCores(files), numaNodes: numaNodes(files), usableCores: usableCores(files),
            cgroupCpuQuota: quota(files),
            cgroupMemoryBytes: files.cgroupLines("memory.max").first.flatMap { Int64($0) },
            memoryBytes: kilobytes("MemTotal", in: "/proc/meminfo", files),
            kernel: files.word("/proc/sys/kernel/osrelease"), libc: libc(),
            governor: files.word("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"), turbo: turbo(files),
            smt: siblings.flatMap { all in coresPerSocket.map { all > $0 } },
            microcode: files.value("microcode", in: cpuinfo), hypervisor: flags.contains("hypervisor"))
    }

    /// Largest resident size of this process so far, in bytes.
    package static func peakResidentBytes(root: String = "") -> Int64? {
        kilobytes("VmHWM", in: "/proc/self/status", HostFiles(root: root))
    }

    /// Resident size of this process now, in bytes.
    static func residentBytes(root: String = "") -> Int64? {
        kilobytes("VmRSS", in: "/proc/self/status", HostFiles(root: root))
    }

    private static var architecture: String {
        #if arch(x86_64)
            "x86_64"
        #elseif arch(arm64)
            "aarch64"
        #else
            "other"
        #endif
    }

    /// AArch64 names no model, but who designed the first core and which of their cores it is.
    private static func armCore(_ files: HostFiles) -> String? {
        guard let designer = files.value("CPU implementer", in: "/proc/cpuinfo"),
            let part = files.value("CPU part", in: "/proc/cpuinfo")
        else { return nil }
        return "implementer \(designer), part \(part)"
    }

    private static func kilobytes(_ key: String, in path: String, _ files: HostFiles) -> Int64? {
        guard let number = files.value(key, in: path)?.split(separator: " ").first.flatMap({ Int64($0) }) else {
            return nil
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1024)
        return overflow ? nil : bytes
    }

    /// Distinct pairs of socket and core.
    private static func physicalCores(_ files: HostFiles) -> Int? {
        var socket: Substring = ""
        var cores: Set<String> = []
        for line in files.lines("/proc/cpuinfo") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            if line.hasPrefix("physical id") { socket = line[colon...] }
            if line.hasPrefix("core id") { cores.insert(String(socket + line[colon...])) }
        }
        return cores.isEmpty ? nil : cores.count
    }

    private static func numaNodes(_ files: HostFiles) -> Int? {
        rangeCount(files.word("/sys/devices/system/node/online"))
    }

    /// From the affinity mask, such as "0-3,8".
    private static func usableCores(_ files: HostFiles) -> Int {
        rangeCount(files.value("Cpus_allowed_list", in: "/proc/self/status"))
            ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

    private static func rangeCount(_ text: String?) -> Int? {
        guard let text else { return nil }
        var count = 0
        for part in text.split(separator: ",") {
            let ends = part.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, last >= first, last - first < 65_536 else { return nil }
            count += last - first + 1
        }
        return count > 0 ? count : nil
    }

    /// Processors' worth of time that the cgroup may use: cpu.max is "quota period" or "max period".
    private static func quota(_ files: HostFiles) -> Double? {
        let parts = files.cgroupLines("cpu.max").first?.split(separator: " ").compactMap { Double($0) } ?? []
        guard parts.count == 2, parts[1] > 0 else { return nil }
        return parts[0] / parts[1]
    }

    private static func turbo(_ files: HostFiles) -> Bool? {
        if let off = files.word("/sys/devices/system/cpu/intel_pstate/no_turbo") { return off == "0" }
        return files.word("/sys/devices/system/cpu/cpufreq/boost").map { $0 == "1" }
    }

    private static func libc() -> String? {
        let length = confstr(Int32(_CS_GNU_LIBC_VERSION), nil, 0)
        guard length > 1 else { return nil }
        var text = [CChar](repeating: 0, count: length)
        confstr(Int32(_CS_GNU_LIBC_VERSION), &text, length)
        return String(decoding: text.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
