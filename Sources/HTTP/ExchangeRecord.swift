/// Notes for the observer while an exchange runs.
struct ExchangeRecord {
    let method: Method?
    let began: UInt64
    var status: Status?
    var route: String?
    var bytesReceived: Int64 = 0
    var bytesSent: Int64 = 0

    init(method: Method?, began: UInt64) {
        self.method = method
        self.began = began
    }

    /// 499 stands for a client that left before there was an answer.
    func exchange(at now: UInt64, isComplete: Bool) -> Exchange {
        Exchange(
            method: method, route: route, status: status ?? Status(rawValue: 499),
            duration: .nanoseconds(Int64(clamping: now - min(now, began))), bytesReceived: bytesReceived,
            bytesSent: bytesSent, isComplete: isComplete)
    }
}
