import Glibc

/// A bound, listening socket and its real address.
struct ListeningSocket {
    let descriptor: Int32
    let address: BoundAddress

    /// Listens on every address of a host ("*": of the machine), all on one port.
    static func open(host: String, port: Int, backlog: Int) throws -> [ListeningSocket] {
        // With port 0 the first address picks the port and another may find it taken: then all try anew.
        for attempt in 1... {
            do {
                return try openOnce(host: host, port: port, backlog: backlog)
            } catch BindFailure.taken(let reason) {
                guard port == 0, attempt < 8 else {
                    throw HTTPError.cannotListen(host: host, port: port, reason: reason)
                }
            }
        }
        return []
    }

    private enum BindFailure: Error {
        case taken(String)
        /// The machine does not have this address or family.
        case absent(String)
    }

    private static func openOnce(host: String, port: Int, backlog: Int) throws -> [ListeningSocket] {
        var sockets: [ListeningSocket] = []
        var reason = "no address found"
        do {
            try resolve(host, port) { info in
                do {
                    let chosen = sockets.first?.address.port ?? port
                    sockets.append(try bind(info, port: chosen, backlog: backlog, isDual: host == "::"))
                } catch BindFailure.absent(let why) {
                    reason = why
                }
            }
        } catch {
            for socket in sockets { close(socket.descriptor) }
            throw error
        }
        guard !sockets.isEmpty else { throw HTTPError.cannotListen(host: host, port: port, reason: reason) }
        return sockets
    }

    private static func resolve(_ host: String, _ port: Int, _ use: (addrinfo) throws -> Void) throws {
        guard (0...65535).contains(port) else {
            throw HTTPError.cannotListen(host: host, port: port, reason: "the port is not between 0 and 65535")
        }
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host == "*" ? nil : host, String(port), &hints, &first)
        guard code == 0 else {
            let reason = gai_strerror(code).map { String(cString: $0) } ?? "error \(code)"
            throw HTTPError.cannotListen(host: host, port: port, reason: reason)
        }
        defer { freeaddrinfo(first) }
        var next = first
        while let info = next?.pointee {
            if info.ai_family == AF_INET || info.ai_family == AF_INET6 { try use(info) }
            next = info.ai_next
        }
    }

    private static func bind(_ info: addrinfo, port: Int, backlog: Int, isDual: Bool) throws -> ListeningSocket {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(info.ai_family, kind, 0)
        guard descriptor >= 0 else { throw failure(errno) }
        do {
            set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
            if info.ai_family == AF_INET6 { set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, isDual ? 0 : 1) }
            guard bind(descriptor, info, port) == 0, listen(descriptor, Int32(clamping: backlog)) == 0 else {
                throw failure(errno)
            }
            return ListeningSocket(descriptor: descriptor, address: try address(of: descriptor))
        } catch {
            close(descriptor)
            throw error
        }
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func bind(_ descriptor: Int32, _ info: addrinfo, _ port: Int) -> Int32 {
        var storage = sockaddr_storage()
        return withUnsafeMutableBytes(of: &storage) { (bytes: UnsafeMutableRawBufferPointer) in
            guard let base = bytes.baseAddress, let given = info.ai_addr, Int(info.ai_addrlen) <= bytes.count else {
                return -1
            }
            base.copyMemory(from: given, byteCount: Int(info.ai_addrlen))
            // Both families keep the port in the two bytes after the family.
            base.storeBytes(of: UInt16(truncatingIfNeeded: port).bigEndian, toByteOffset: 2, as: UInt16.self)
            return Glibc.bind(descriptor, base.assumingMemoryBound(to: sockaddr.self), info.ai_addrlen)
        }
    }

    private static func address(of descriptor: Int32) throws -> BoundAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var host = [CChar](repeating: 0, count: 64)
        var service = [CChar](repeating: 0, count: 16)
        let code = withUnsafeMutableBytes(of: &storage) { (bytes: UnsafeMutableRawBufferPointer) -> Int32 in
            guard let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                getsockname(descriptor, address, &length) == 0
            else { return -1 }
            return getnameinfo(
                address, length, &host, socklen_t(host.count), &service, socklen_t(service.count),
                NI_NUMERICHOST | NI_NUMERICSERV)
        }
        func text(_ characters: [CChar]) -> String {
            String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        guard code == 0, let port = Int(text(service)) else { throw HTTPError.system(call: "getsockname", code: errno) }
        return BoundAddress(host: text(host), port: port)
    }

    private static func failure(_ code: Int32) -> any Error {
        let reason = String(cString: strerror(code))
        switch code {
        case EADDRINUSE: return BindFailure.taken(reason)
        case EADDRNOTAVAIL, EAFNOSUPPORT: return BindFailure.absent(reason)
        default: return HTTPError.system(call: "bind: \(reason)", code: code)
        }
    }
}
