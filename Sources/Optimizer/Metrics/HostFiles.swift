import Glibc

/// Small text files of /proc and /sys, below `root` in tests.
struct HostFiles {
    let root: String

    /// nil when the file is not there or cannot be read; at most 1 MiB.
    func text(_ path: String) -> String? {
        let descriptor = open(root + path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < 1 << 20 {
            let got = read(descriptor, &piece, piece.count)
            guard got > 0 else { break }
            bytes.append(contentsOf: piece.prefix(got))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    func lines(_ path: String) -> [Substring] { text(path)?.split(separator: "\n") ?? [] }

    /// One word or number, without the space around it.
    func word(_ path: String) -> String? { lines(path).first?.split(separator: " ").first.map(String.init) }

    /// Lines of a file of this process's own cgroup (version 2), else of the root, which is the own one in a container.
    func cgroupLines(_ name: String) -> [Substring] {
        let own = lines("/proc/self/cgroup").first { $0.hasPrefix("0::") }?.dropFirst(3) ?? "/"
        let found = lines("/sys/fs/cgroup" + own + "/" + name)
        return found.isEmpty ? lines("/sys/fs/cgroup/" + name) : found
    }

    /// Value of the first "key : value" or "key: value" line with this key.
    func value(_ key: String, in path: String) -> String? {
        for line in lines(path) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            if line[..<colon].trimmed == key { return line[line.index(after: colon)...].trimmed }
        }
        return nil
    }
}

extension Substring {
    /// Without spaces and tabs at both ends.
    var trimmed: String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        let start = drop(while: isSpace)
        return String(start.reversed().drop(while: isSpace).reversed())
    }
}
