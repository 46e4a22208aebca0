import CLinux
import Glibc
import Inference

/// What a session takes of memory: growth of this process's resident size, at its peak, from before the model is loaded until
/// it has answered a few times.
///
/// The kernel keeps the peak (VmHWM) and sets it back to the present size when asked to (/proc/self/clear_refs, proc(5)).
/// Memory that malloc holds from earlier sessions is given back first, or the session would grow into it unseen. The engine
/// and its kernels are resident already, since both models have run before, so the difference is the model's own: weights as
/// the engine keeps them, the arena of activations, what loading takes for a while, and the pages of mapped external data.
/// The kernel's counts lag by some hundred kilobytes with many threads. Without a measurement of both models none is given.
struct InferenceMemory {
    let root: String

    init(root: String = "") { self.root = root }

    static let runs = 3

    enum Absence: Error { case because(String) }

    /// Bytes by which `body` makes the process grow at most. It has to let go of everything it makes. Rethrows its errors;
    /// throws `Absence` where the kernel does not play along.
    func growth(_ body: () throws -> Void) throws -> Int64 {
        octavo_trim_memory()
        try resetPeak()
        guard let before = HostEnvironment.residentBytes(root: root),
            let start = HostEnvironment.peakResidentBytes(root: root), start <= before + Self.lag
        else { throw Absence.because("the kernel does not tell a new peak from an old one") }
        try body()
        guard let peak = HostEnvironment.peakResidentBytes(root: root) else {
            throw Absence.because("the kernel does not say how much memory a process has")
        }
        return max(0, peak - before)
    }

    /// What counters of several threads may be behind.
    private static let lag: Int64 = 4 << 20

    private func resetPeak() throws {
        let file = open(root + "/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw Absence.because("the kernel cannot forget a process's peak of memory") }
        defer { close(file) }
        guard write(file, "5", 1) == 1 else {
            throw Absence.because("the kernel cannot forget a process's peak of memory")
        }
    }
}
