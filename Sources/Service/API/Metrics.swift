import Foundation
package import HTTP
import Storage
import Synchronization

/// Counts for Prometheus: requests by route, jobs by outcome, and the process itself.
package final class Metrics: Sendable {
    private struct Route: Hashable, Comparable {
        var method: String
        var route: String
        var status: Int

        static func < (a: Route, b: Route) -> Bool {
            (a.route, a.method, a.status) < (b.route, b.method, b.status)
        }
    }
    private struct Histogram {
        var buckets = [Int](repeating: 0, count: Metrics.bounds.count)
        var sum = 0.0
        var count = 0
    }
    private struct State {
        var requests: [Route: Int] = [:]
        var seconds: [String: Histogram] = [:]
        var received: Int64 = 0
        var sent: Int64 = 0
        var attempts: [String: Int] = [:]
        var running = 0
    }
    private static let bounds = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60]
    private let state = Mutex(State())
    private let start = Clock.monotonic

    package init() {}

    /// Called on a lane.
    package func observe(_ exchange: Exchange) {
        let route = exchange.route ?? "none"
        // Methods outside the table share a label: a client must not be able to make up new ones.
        let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]
        let method = exchange.method.map { known.contains($0.rawValue) ? $0.rawValue : "other" } ?? "none"
        let seconds = exchange.duration.seconds
        state.withLock { state in
            state.requests[Route(method: method, route: route, status: exchange.status.rawValue), default: 0] += 1
            var histogram = state.seconds[route] ?? Histogram()
            for (index, bound) in Self.bounds.enumerated() where seconds <= bound { histogram.buckets[index] += 1 }
            histogram.sum += seconds
            histogram.count += 1
            state.seconds[route] = histogram
            state.received += exchange.bytesReceived
            state.sent += exchange.bytesSent
        }
    }

    func attemptBegan() { state.withLock { $0.running += 1 } }

    func attemptEnded(_ outcome: String) {
        state.withLock { state in
            state.running -= 1
            state.attempts[outcome, default: 0] += 1
        }
    }

    /// The exposition format, version 0.0.4.
    func text(queued: Int, freeBytes: Int64) -> String {
        let state = state.withLock { $0 }
        var page = Page()
        page.family("octavo_http_requests_total", "counter", "Requests by route, method and status.")
        for (key, count) in state.requests.sorted(by: { $0.key < $1.key }) {
            page.sample(
                "octavo_http_requests_total", "\(count)",
                [("method", key.method), ("route", key.route), ("status", "\(key.status)")])
        }
        page.family("octavo_http_request_seconds", "histogram", "Time from a request's head to its answer's end.")
        for (route, histogram) in state.seconds.sorted(by: { $0.key < $1.key }) {
            for (bound, count) in zip(Self.bounds, histogram.buckets) {
                page.sample("octavo_http_request_seconds_bucket", "\(count)", [("route", route), ("le", "\(bound)")])
            }
            page.sample(
                "octavo_http_request_seconds_bucket", "\(histogram.count)", [("route", route), ("le", "+Inf")])
            page.sample("octavo_http_request_seconds_sum", "\(histogram.sum)", [("route", route)])
            page.sample("octavo_http_request_seconds_count", "\(histogram.count)", [("route", route)])
        }
        page.lone("octavo_http_received_bytes_total", "counter", "Bytes received.", "\(state.received)")
        page.lone("octavo_http_sent_bytes_total", "counter", "Bytes sent.", "\(state.sent)")
        page.lone("octavo_jobs_queued", "gauge", "Jobs that wait.", "\(queued)")
        page.lone("octavo_jobs_running", "gauge", "Jobs that are being worked on.", "\(state.running)")
        page.family("octavo_job_attempts_total", "counter", "Attempts that have ended, by outcome.")
        for (outcome, count) in state.attempts.sorted(by: { $0.key < $1.key }) {
            page.sample("octavo_job_attempts_total", "\(count)", [("outcome", outcome)])
        }
        page.lone("octavo_storage_free_bytes", "gauge", "Free bytes on the data directory's disk.", "\(freeBytes)")
        page.lone("process_uptime_seconds", "gauge", "Seconds since the start.", "\(Clock.monotonic - start)")
        let memory = Self.residentBytes()
        page.lone("process_resident_memory_bytes", "gauge", "Resident memory.", "\(memory)")
        return page.text
    }

    /// The second figure of /proc/self/statm, in pages.
    private static func residentBytes() -> Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        let figures = text.split(separator: " ").compactMap { Int($0) }
        return figures.count > 1 ? figures[1] * sysconf(Int32(_SC_PAGESIZE)) : 0
    }

    private struct Page {
        var text = ""

        mutating func family(_ name: String, _ type: String, _ help: String) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        }

        mutating func sample(_ name: String, _ value: String, _ labels: [(String, String)]) {
            text += "\(name){\(labels.map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ","))} \(value)\n"
        }

        mutating func lone(_ name: String, _ type: String, _ help: String, _ value: String) {
            family(name, type, help)
            text += "\(name) \(value)\n"
        }
    }
}
