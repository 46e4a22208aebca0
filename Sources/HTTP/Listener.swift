import CLinux
import Dispatch
import Glibc

/// One listening socket. Hands what it accepts to the lanes in turn.
final class Listener: @unchecked Sendable {
    // Everything mutable is only touched on `queue`.
    let address: BoundAddress
    private let descriptor: Int32
    private let queue: DispatchQueue
    private let core: ServerCore
    private let lanes: [Lane]
    private let source: any DispatchSourceRead
    private var nextLane: Int
    private var isPaused = false
    private var isStopped = false

    /// How long accepting rests when the process has no descriptor left; asking again at once would only burn the lane.
    private static let pause = DispatchTimeInterval.milliseconds(100)

    init(socket: ListeningSocket, index: Int, core: ServerCore, lanes: [Lane], queue: DispatchQueue) {
        address = socket.address
        descriptor = socket.descriptor
        self.core = core
        self.lanes = lanes
        self.queue = queue
        nextLane = index
        source = DispatchSource.makeReadSource(fileDescriptor: socket.descriptor, queue: queue)
        source.setEventHandler { [unowned self] in acceptWaiting() }
        let descriptor = descriptor
        source.setCancelHandler { close(descriptor) }
        source.activate()
    }

    private func acceptWaiting() {
        for _ in 0..<128 {
            var name = [CChar](repeating: 0, count: 64)
            let accepted = octavo_accept(descriptor, &name, name.count)
            if accepted >= 0 {
                handOver(accepted, Listener.text(name))
                continue
            }
            switch -accepted {
            case EAGAIN, EWOULDBLOCK: return
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return rest()
            default: continue  // This connection failed before it was accepted; the next may be fine.
            }
        }
    }

    private func handOver(_ accepted: Int32, _ peer: String) {
        let admission = core.admit()
        guard admission != .drop else {
            close(accepted)
            return
        }
        let lane = lanes[nextLane % lanes.count]
        nextLane = (nextLane + 1) % lanes.count
        lane.perform {
            lane.adopt(PlainTransport(accepted), peer: peer, isOverloaded: admission == .refuse)
        }
    }

    private static func text(_ name: [CChar]) -> String {
        String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func rest() {
        guard !isPaused, !isStopped else { return }
        isPaused = true
        source.suspend()
        queue.asyncAfter(deadline: .now() + Listener.pause) { self.wake() }
    }

    private func wake() {
        guard isPaused else { return }
        isPaused = false
        source.resume()
    }

    /// Returns when nothing more will be handed over. The descriptor closes in the cancel handler: closing it before would
    /// let its number be reused under a live source.
    func stop() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            queue.async {
                self.isStopped = true
                self.wake()  // A suspended source must not be released.
                self.source.cancel()
                continuation.resume()
            }
        }
    }
}
