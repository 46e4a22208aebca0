import CEngines
import ModelGraph

/// The custom operators of one session, and the observer they call.
final class OrtObservers {
    private let handle: OpaquePointer
    private let target: Target

    /// Kept alive by `OrtObservers`, found again from the C callback.
    private final class Target {
        let observer: any TensorObserver
        init(_ observer: any TensorObserver) { self.observer = observer }
    }

    init(_ observer: any TensorObserver, table: OrtTable) throws {
        target = Target(observer)
        let opaque = Unmanaged.passUnretained(target).toOpaque()
        guard let handle = octavo_observers_make(table.pointer, Self.callback, opaque) else {
            throw EngineError.engine(code: 1, message: "refused", during: "registering the observing operators")
        }
        self.handle = handle
    }

    deinit { octavo_observers_free(handle) }

    var domain: OpaquePointer { octavo_observers_domain(handle) }

    private static let callback: octavo_observe = { opaque, slot, context, values, count in
        let target = Unmanaged<Target>.fromOpaque(opaque).takeUnretainedValue()
        let tensors = (0..<count).compactMap { ObservedTensor(values[$0]) }
        // An unknown element type: there is nothing that an observer could do with it.
        guard tensors.count == count else { return }
        target.observer.observe(slot: Int(slot), context: context, values: tensors)
    }
}

extension ObservedTensor {
    fileprivate init?(_ seen: octavo_observed) {
        guard let type = ElementType(engineNumber: seen.element_type) else { return nil }
        let shape = UnsafeBufferPointer(start: seen.dims, count: seen.rank).map { Int($0) }
        self.init(type: type, shape: shape, count: seen.count, base: seen.data)
    }
}
