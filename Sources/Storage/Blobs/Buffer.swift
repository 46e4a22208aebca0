import Glibc
import Synchronization

/// Processor cores that work can be spread over.
let coreCount = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

/// Memory for one block, given back to its pool when it is dropped.
final class Buffer: @unchecked Sendable {
    // @unchecked: filled by one thread, then only read by others until it is dropped; the hand-over is a queue's.
    let all: UnsafeMutableRawBufferPointer
    /// Bytes in use, from the start.
    var count = 0
    private let pool: BufferPool

    fileprivate init(_ memory: UnsafeMutableRawBufferPointer, pool: BufferPool) {
        all = memory
        self.pool = pool
    }

    deinit { pool.give(all) }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: all[..<count]) }
    var room: Int { all.count - count }
}

/// Reuses blocks of memory of one size: fresh ones cost a page fault every 4 KiB. More than `spare` are not kept.
final class BufferPool: @unchecked Sendable {
    // @unchecked: the pointers are owned, and the list of them is behind a lock.
    private let size: Int
    private let spare: Int
    private let free = Mutex<[Memory]>([])

    private struct Memory: @unchecked Sendable { let bytes: UnsafeMutableRawBufferPointer }

    init(count: Int, spare: Int = 0) {
        size = count
        self.spare = spare
    }

    deinit { free.withLock { $0.forEach { $0.bytes.deallocate() } } }

    func take() -> Buffer {
        let memory = free.withLock { $0.popLast() }
        return Buffer(memory?.bytes ?? .allocate(byteCount: size, alignment: 64), pool: self)
    }

    fileprivate func give(_ bytes: UnsafeMutableRawBufferPointer) {
        let memory = Memory(bytes: bytes)
        let isKept = free.withLock { free in
            guard free.count < spare else { return false }
            free.append(memory)
            return true
        }
        if !isKept { bytes.deallocate() }
    }
}

/// Things that are costly to make and used by one thread at a time.
final class Pool<Element>: @unchecked Sendable {
    // @unchecked: an element is taken out of the locked list while it is in use.
    private let free = Mutex<[Held]>([])
    private let make: @Sendable () throws -> Element

    private struct Held: @unchecked Sendable { let element: Element }

    init(_ make: @escaping @Sendable () throws -> Element) { self.make = make }

    func with<T>(_ body: (Element) throws -> T) throws -> T {
        let held = try free.withLock { $0.popLast() } ?? Held(element: make())
        defer { free.withLock { $0.append(held) } }
        return try body(held.element)
    }
}
